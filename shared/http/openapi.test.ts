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
    versioned: true,
    idempotency: 'none',
  }),
  defineRoute({
    ...common,
    operation: 'keyed',
    method: 'POST',
    path: 'keyed',
    auth: 'public',
    idempotency: 'handler',
  }),
];
const { paths } = openApi(routes, {
  title: 't',
  version: '1',
  description: 'd',
  origin: 'https://api.example',
}) as {
  paths: Record<
    string,
    Record<string, { parameters: { name: string; in: string }[]; security: unknown[]; responses: object }>
  >;
};
const operation = (name: string) => Object.values(paths[`/api/${name}`] ?? {})[0];
const headers = (name: string) =>
  operation(name)
    ?.parameters?.filter((one) => one.in === 'header')
    .map((one) => one.name) ?? [];

describe('the document', () => {
  test.each([
    ['plain', ['Idempotency-Key']],
    ['tagged', ['If-Match']],
    ['keyed', ['Idempotency-Key']],
  ])('of %s shows the headers that its handler honours (W6, W7): %j', (name, shown) => {
    expect(headers(name)).toEqual(shown);
  });

  test('says of each route who may call it, of a public one that nobody need sign in', () => {
    expect(operation('plain')?.security).toEqual([{ bearer: [] }]);
    expect(operation('keyed')?.security).toEqual([]);
  });

  test.each([
    ['plain', '204 400 401 403 404 409 413 415 422 429 503 default'],
    ['tagged', '204 400 401 403 404 409 412 429 503 default'],
    ['keyed', '204 400 409 422 429 503 default'],
  ])('of %s declares the problems that follow from the route: %s', (name, statuses) => {
    expect(Object.keys(operation(name)?.responses ?? {}).join(' ')).toBe(statuses);
  });

  test('shows a schema by its name, apart only where a caller may leave out what is always answered', () => {
    const Place = z.strictObject({ at: z.number(), above: z.number().default(0) });
    const Trip = z.object({ from: Place });
    const Unused = z.object({ x: z.string() });
    const route = defineRoute({
      ...common,
      operation: 'named',
      method: 'POST',
      path: 'named',
      auth: 'public',
      body: Place,
      responses: { 200: Trip },
    });
    const info = { title: 't', version: '1', description: 'd', origin: 'https://api.example' };
    const { components } = openApi([route], info, { Place, Trip, Unused }) as {
      components: { schemas: Record<string, object> };
    };
    expect(Object.keys(components.schemas)).toEqual(['Place', 'PlaceOutput', 'Problem', 'Trip']);
    expect(components.schemas['Place']).toMatchObject({ required: ['at'] });
    expect(components.schemas['PlaceOutput']).toMatchObject({ required: ['at', 'above'] });
    expect(components.schemas['Trip']).toMatchObject({
      properties: { from: { $ref: '#/components/schemas/PlaceOutput' } },
    });
  });

  test('says that an enumeration is read as numbers, too, and answered by name', () => {
    const Size = z.preprocess((value) => value, z.enum(['S', 'L'])).meta({ enum: ['S', 'L', 0, 1] });
    const route = defineRoute({
      ...common,
      operation: 'sized',
      method: 'POST',
      path: 'sized',
      auth: 'public',
      body: z.object({ size: Size }),
      responses: { 200: z.object({ size: Size }) },
    });
    const info = { title: 't', version: '1', description: 'd', origin: 'https://api.example' };
    const text = JSON.stringify(openApi([route], info));
    expect(text).toContain('"size":{"enum":["S","L",0,1],"type":["string","integer"]}');
    expect(text).toContain('"size":{"enum":["S","L"],"type":"string"}');
  });
});
