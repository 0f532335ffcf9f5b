import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROUTES } from '../tests/security/routes.ts';
import { openApiDocument } from './openapi-document.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/** The words with which a summary may begin. Add a verb here when a new route needs one. */
const VERBS = [
  'Accept',
  'Add',
  'Apply',
  'Ask',
  'Book',
  'Cancel',
  'Change',
  'Check',
  'Compensate',
  'Confirm',
  'Count',
  'Create',
  'Discard',
  'Get',
  'Hold',
  'List',
  'Put',
  'Quote',
  'Recall',
  'Record',
  'Register',
  'Release',
  'Remove',
  'Replay',
  'Report',
  'Reschedule',
  'Reserve',
  'Revoke',
  'Send',
  'Settle',
  'Subscribe',
  'Sum',
  'Wake',
  'Write',
];

const text = readFileSync(join(import.meta.dirname, '../docs/openapi.json'), 'utf8');
const document = JSON.parse(text) as {
  info: { license: unknown };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
};
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

test('docs/openapi.json is current; `node scripts/openapi.ts` writes it', () => {
  expect(text).toBe(openApiDocument());
});

describe('the document', () => {
  test('has every route, each under a tag that it declares', () => {
    expect(operations).toHaveLength(ROUTES.length);
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const { tags: own } of operations) expect(own.every((tag) => tags.has(tag))).toBe(true);
  });

  test('names each schema once, and has no name that is not used, nor a use without its schema', () => {
    const used = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(new Set(used)).toEqual(new Set(Object.keys(document.components.schemas)));
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(['Delivery', 'DeliveryRequestBody', 'Eta', 'Owner', 'Position', 'Problem']),
    );
  });

  test('gives every operation id once', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('summarizes each operation by a sentence that begins with a verb', () => {
    const others = operations.filter(
      ({ summary }) => !VERBS.includes(summary.split(/[^A-Za-z]/)[0] as string),
    );
    expect(others.map(({ operationId, summary }) => `${operationId}: ${summary}`)).toEqual([]);
  });

  test('has a licence', () => expect(document.info.license).toEqual({ name: 'MIT', identifier: 'MIT' }));
});
