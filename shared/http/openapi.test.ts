import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineRoute } from './define-route.ts';
import { openApi } from './openapi.ts';

const common = { service: 'drone', summary: 'Do it', responses: { 204: null } } as const;
const routes = [
  defineRoute({
    ...common,
    operation: 'plain',
    method: 'PUT',
    path: 'plain',
    auth: ['operator'],
    body: z.string(),
  }),
  defineRoute({
    ...common,
    operation: 'tagged',
    method: 'PATCH',
    path: 'tagged',
    auth: ['operator'],
    honours: ['if-match'],
  }),
  defineRoute({
    ...common,
    operation: 'keyed',
    method: 'POST',
    path: 'keyed',
    auth: 'public',
    honours: ['idempotency-key'],
  }),
];
const { paths } = openApi(routes, {
  title: 't',
  version: '1',
  description: 'd',
  origin: 'https://api.example',
}) as {
  paths: Record<string, Record<string, { parameters: { name: string; in: string }[]; security: unknown[] }>>;
};
const operation = (name: string) => Object.values(paths[`/api/${name}`] ?? {})[0];
const headers = (name: string) =>
  operation(name)
    ?.parameters.filter((one) => one.in === 'header')
    .map((one) => one.name);

describe('the document', () => {
  test.each([
    ['plain', []],
    ['tagged', ['If-Match']],
    ['keyed', ['Idempotency-Key']],
  ])('of %s shows the headers that its handler honours (W6, W7): %j', (name, shown) => {
    expect(headers(name)).toEqual(shown);
  });

  test('says of each route who may call it, of a public one that nobody need sign in', () => {
    expect(operation('plain')?.security).toEqual([{ bearer: [] }]);
    expect(operation('keyed')?.security).toEqual([]);
  });
});
