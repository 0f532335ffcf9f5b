import { describe, expect, test } from 'vitest';
import type { ApiDocument, Operation, Schema } from './document.ts';
import { expanded, resolved, servicesOf } from './document.ts';
import { curlOf, exampleOf } from './example.ts';
import { fieldsOf, limitWords, typeWords } from './schema-words.ts';

const operation = (change: Partial<Operation> = {}): Operation => ({
  operationId: 'getPackage',
  summary: 'Get a package',
  tags: ['package'],
  'x-roles': ['customer'],
  responses: {},
  ...change,
});

const DOCUMENT: ApiDocument = {
  info: { title: 'API', version: '1', description: '' },
  servers: [{ url: 'http://127.0.0.1:7071' }],
  components: { schemas: { Problem: { type: 'object', properties: { code: { type: 'string' } } } } },
  paths: {
    '/api/packages/{packageId}': {
      get: operation({
        parameters: [{ name: 'packageId', in: 'path', required: true, schema: { type: 'string' } }],
      }),
      delete: operation({ operationId: 'deletePackage', summary: 'Delete a package' }),
    },
    '/api/deliveries/public/{token}': {
      get: {
        operationId: 'getPublicDelivery',
        summary: 'Get a shared delivery',
        tags: ['delivery'],
        responses: {},
      },
    },
  },
};

describe('services', () => {
  const found = (search: string) =>
    servicesOf(DOCUMENT, search).flatMap(({ name, routes }) =>
      routes.map(({ method }) => `${name} ${method}`),
    );

  test('group the routes in the document’s order', () => {
    expect(found('')).toEqual(['package GET', 'package DELETE', 'delivery GET']);
  });

  test('are searched by all words: path, text, role, method, parameter', () => {
    expect(found('delete')).toEqual(['package DELETE']);
    expect(found('  PACKAGEID ')).toEqual(['package GET', 'package DELETE']);
    expect(found('customer get')).toEqual(['package GET']);
    expect(found('public')).toEqual(['delivery GET']);
    expect(found('drone')).toEqual([]);
  });
});

test('a schema that is only named is looked up', () => {
  expect(resolved({ $ref: '#/components/schemas/Problem' }, DOCUMENT)).toEqual(
    DOCUMENT.components.schemas['Problem'],
  );
  expect(resolved({ $ref: '#/components/schemas/None' }, DOCUMENT)).toEqual({});
  expect(resolved({ type: 'string' }, DOCUMENT)).toEqual({ type: 'string' });
});

test('names are replaced at every level; a schema that contains itself ends', () => {
  const schemas: Record<string, Schema> = {
    Id: { type: 'string', maxLength: 9 },
    Node: {
      type: 'object',
      properties: {
        id: { $ref: '#/components/schemas/Id', description: 'its own' },
        list: { type: 'array', items: { $ref: '#/components/schemas/Id' } },
        choice: { anyOf: [{ $ref: '#/components/schemas/Id' }, { type: 'number' }] },
      },
    },
    Loop: { type: 'object', properties: { next: { $ref: '#/components/schemas/Loop' } } },
  };
  const document = { ...DOCUMENT, components: { schemas } };
  expect(expanded({ $ref: '#/components/schemas/Node' }, document).properties).toEqual({
    id: { type: 'string', maxLength: 9, description: 'its own' },
    list: { type: 'array', items: { type: 'string', maxLength: 9 } },
    choice: { anyOf: [{ type: 'string', maxLength: 9 }, { type: 'number' }] },
  });
  expect(JSON.stringify(expanded({ $ref: '#/components/schemas/Loop' }, document)).length).toBeLessThan(1000);
});

describe('words of a schema', () => {
  test.each<[Schema, string]>([
    [{ type: 'string' }, 'string'],
    [{ type: 'string', format: 'date-time' }, 'time, ISO 8601'],
    [{ type: 'string', format: 'uri' }, 'uri'],
    [{ type: 'string', contentEncoding: 'base64' }, 'base64'],
    [{ enum: ['a', 1] }, '"a" | 1'],
    [{ const: true }, 'true'],
    [{ type: 'array', items: { type: 'number' } }, 'array of number'],
    [{ type: 'array' }, 'array of anything'],
    [{ anyOf: [{ type: 'string' }, { type: 'string' }, { type: 'object' }] }, 'string or object'],
    [{}, 'anything'],
  ])('%o', (schema, words) => expect(typeWords(schema)).toBe(words));

  test.each<[Schema, string]>([
    [{ minimum: 1, maximum: 12 }, 'at least 1, at most 12'],
    [{ exclusiveMinimum: 0 }, 'more than 0'],
    [{ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }, ''],
    [{ minLength: 1, maxLength: 100 }, '1 to 100 characters'],
    [{ maxLength: 100, default: 'x' }, 'up to 100 characters, default "x"'],
  ])('%o', (schema, words) => expect(limitWords(schema)).toBe(words));

  test('fields lie below arrays and choices, too', () => {
    const object: Schema = { properties: { a: {} } };
    for (const schema of [object, { items: object }, { anyOf: [{ type: 'string' }, { items: object }] }])
      expect(fieldsOf(schema)).toBe(object);
    expect(fieldsOf({ type: 'string' })).toBeUndefined();
  });
});

describe('examples', () => {
  test('have what is required, and known fields with values that make sense', () => {
    const schema: Schema = {
      type: 'object',
      required: ['reason', 'count', 'list', 'when', 'flag', 'kind', 'batchId'],
      properties: {
        reason: { type: 'string' },
        count: { type: 'integer', minimum: 3 },
        list: { type: 'array', items: { type: 'number', exclusiveMinimum: 0 } },
        when: { type: 'string', format: 'date-time' },
        flag: { type: 'boolean' },
        kind: { enum: ['one', 'two'] },
        batchId: { type: 'string' },
        weight: { type: 'number' },
        note: { type: 'string' },
        dropoffLocation: { type: 'string' },
      },
    };
    expect(exampleOf(schema)).toEqual({
      reason: 'a reason',
      count: 3,
      list: [1],
      when: '2026-11-24T12:00:00Z',
      flag: false,
      kind: 'one',
      batchId: 'a-batch',
      weight: 1.2,
    });
  });

  test('end in a schema that contains itself', () => {
    const loop: { type: string; required: string[]; properties: Record<string, Schema> } = {
      type: 'object',
      required: ['next'],
      properties: {},
    };
    loop.properties['next'] = loop;
    expect(JSON.stringify(exampleOf(loop)).length).toBeLessThan(200);
  });

  test('a curl names method, address, token, type and body, and quotes for the shell', () => {
    const body = { content: { 'application/json': { schema: { const: { text: "it’s, it's" } } } } };
    const route = {
      method: 'POST',
      path: '/api/drones/{droneId}',
      operation: operation({ requestBody: body }),
    };
    expect(curlOf(route, DOCUMENT).split(' \\\n  ')).toEqual([
      'curl -s -X POST "http://127.0.0.1:7071/api/drones/drone-1"',
      '-H "authorization: Bearer $TOKEN"',
      "-H 'content-type: application/json'",
      String.raw`-d '{"text":"it’s, it'\''s"}'`,
    ]);
  });

  test('a curl of a public route has no token; required queries are filled, others left out', () => {
    const { 'x-roles': _, ...open } = operation({
      parameters: [
        { name: 'lat', in: 'query', required: true, schema: { type: 'number' } },
        { name: 'pickupLocation', in: 'query', required: true, schema: { type: 'string' } },
        { name: 'radius', in: 'query', schema: { type: 'number' } },
      ],
    });
    expect(curlOf({ method: 'GET', path: '/api/x/{token}', operation: open }, DOCUMENT)).toBe(
      'curl -s "http://127.0.0.1:7071/api/x/$TOKEN?lat=47.6&pickupLocation=200%20Market%20Street"',
    );
  });
});
