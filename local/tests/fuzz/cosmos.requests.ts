/** Requests that are wrong in some way: paths, headers, bodies, queries, batches, and bytes that are no HTTP at all. */
import fc from 'fast-check';
import { shapes, textOf } from './cosmos.generators.ts';

export interface Malformed {
  readonly method: string;
  /** Not encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signed: boolean;
}

const ITEMS = '/dbs/fuzz/colls/items/docs';
/** What a header can hold: no control characters, and nothing beyond Latin-1. */
const headerText = fc.string({
  maxLength: 12,
  unit: fc.constantFrom(...'ab[]{}",:*\'"\\/-01 9eé;='.split('')),
});

const HEADERS = [
  'x-ms-documentdb-partitionkey',
  'x-ms-documentdb-partitionkeyrangeid',
  'x-ms-documentdb-isquery',
  'x-ms-documentdb-is-upsert',
  'x-ms-cosmos-is-batch-request',
  'x-ms-cosmos-batch-atomic',
  'x-ms-cosmos-is-query-plan-request',
  'x-ms-continuation',
  'x-ms-max-item-count',
  'x-ms-start-epk',
  'x-ms-end-epk',
  'a-im',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'content-type',
  'prefer',
];

const headerValue = fc.oneof(
  fc.constantFrom(
    'True',
    'false',
    '["p"]',
    '[]',
    '[{}]',
    '["a","b"]',
    '[[1]]',
    '[null]',
    '{}',
    '*',
    '"1"',
    '-1',
    '1e9',
    'NaN',
    '0',
    '2',
  ),
  fc.constantFrom(
    'Incremental Feed',
    'Full-Fidelity Feed',
    '{"skip":-1}',
    '{"pk":"AA","n":1}',
    '{"skip":1e20}',
    'FF',
    '3F',
  ),
  headerText,
);

const headers = fc.dictionary(fc.constantFrom(...HEADERS), headerValue, {
  maxKeys: 5,
  noNullPrototype: true,
});

const segment = fc.oneof(
  fc.constantFrom(
    'dbs',
    'colls',
    'docs',
    'fuzz',
    'items',
    'pkranges',
    'offers',
    'sprocs',
    'i0',
    'AAAAAQ==',
    'AAAAAYAAAAE=',
  ),
  fc.constantFrom('%', '..', '', ' ', 'ü', 'a/b', '%00', '__proto__', 'constructor', 'x'.repeat(300)),
);

const path = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ITEMS,
      `${ITEMS}/i0`,
      '/dbs/fuzz/colls/items',
      '/dbs/fuzz/colls/items/pkranges',
    ),
  },
  { weight: 3, arbitrary: fc.array(segment, { maxLength: 7 }).map((parts) => `/${parts.join('/')}`) },
);

const json = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '{"id":"a","pk":"p","__proto__":{"x":1}}',
    '{"id":"a","pk":{"deep":1}}',
    '{"id":5}',
    '{"id":"a/b","pk":"p"}',
    '{"query":5}',
    '[{}]',
    '[null]',
    'null',
  ),
  fc.integer({ min: 1, max: 8_000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.json({ maxDepth: 3 }).map((text) => text.slice(0, text.length / 2)),
);

const TOKENS = [
  'SELECT',
  'VALUE',
  'DISTINCT',
  'TOP',
  'FROM',
  'c',
  'IN',
  'JOIN',
  'WHERE',
  'AND',
  'OR',
  'NOT',
  'BETWEEN',
  'LIKE',
  'ESCAPE',
  'ORDER',
  'BY',
  'GROUP',
  'OFFSET',
  'LIMIT',
  'EXISTS',
  'ARRAY',
  'AS',
  'COUNT',
  'SUM',
  'undefined',
  'null',
  'c.a',
  'c["a"]',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  '.',
  ':',
  '?',
  '??',
  '=',
  '!=',
  '<',
  '*',
  '+',
  '-',
  '/',
  '%',
  '||',
  '~',
  '1',
  '1e400',
  '0x',
  "'a'",
  "'%'",
  '"',
  "'",
  '\\',
  '@p',
  '--',
  '/*',
  '*/',
  'udf.f',
  'ST_DISTANCE',
  'DATETIMEADD',
  'REGEXMATCH',
  "'(a+)+$'",
  'NaN',
  '/*local:orderby:0:1:x*/\n',
  '\u0000',
  'é',
];

const soup = fc.array(fc.constantFrom(...TOKENS), { maxLength: 25 }).map((tokens) => tokens.join(' '));

/** A right query with pieces cut out, doubled or put in. */
const damaged = fc
  .tuple(
    shapes,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('cut', 'double', 'put'), fc.constantFrom(...TOKENS)), {
      maxLength: 3,
    }),
  )
  .map(([shape, changes]) =>
    changes.reduce((text, [at, change, token]) => {
      const [from, length] = [at % (text.length + 1), 1 + (at % 9)];
      if (change === 'cut') return text.slice(0, from) + text.slice(from + length);
      return `${text.slice(0, from)}${change === 'put' ? ` ${token} ` : text.slice(from, from + length)}${text.slice(from)}`;
    }, textOf(shape).query),
  );

/** A function of the language with any arguments. */
const calls = fc
  .tuple(
    fc.constantFrom(
      'DATETIMEADD',
      'DATETIMEBIN',
      'DATETIMEFROMPARTS',
      'TICKSTODATETIME',
      'TIMESTAMPTODATETIME',
      'REPLICATE',
      'SUBSTRING',
      'ROUND',
      'POWER',
      'NUMBERBIN',
      'INTDIV',
      'INTBITLEFTSHIFT',
      'INTMUL',
      'ARRAY_SLICE',
      'ARRAY_CONCAT',
      'CHOOSE',
      'REGEXMATCH',
      'ST_DISTANCE',
      'ST_WITHIN',
      'ST_AREA',
      'DOCUMENTID',
      'OBJECTTOARRAY',
      'STRINGTOOBJECT',
      'STRINGSPLIT',
      'INDEX_OF',
      'DATETIMEFORMAT',
      'TRIM',
      'LOG',
    ),
    fc.array(
      fc.oneof(
        fc.constantFrom(
          '1e308',
          '-1e308',
          '9007199254740993',
          '-0',
          '0.5',
          "'yyyy'",
          "'dd'",
          "'ns'",
          "'2020-01-01'",
          "'9999-12-31T23:59:59.9999999Z'",
          "'(a+)+$'",
          `'${'a'.repeat(40)}!'`,
          'c',
        ),
        fc.constantFrom(
          "{'type':'Point','coordinates':[1,2]}",
          "{'type':'Polygon','coordinates':[[]]}",
          "{'type':'LineString','coordinates':[[1]]}",
          "{'_rid':'x'}",
        ),
        fc.json({ maxDepth: 2 }),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([name, args]) => `SELECT VALUE ${name}(${args.join(', ')}) FROM c`);

const query = fc.oneof(soup, damaged, calls);

const queryBody = fc.oneof(
  {
    weight: 6,
    arbitrary: query.map((text) => JSON.stringify({ query: text, parameters: [{ name: '@p', value: 1 }] })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(query, fc.jsonValue({ maxDepth: 1 }), fc.jsonValue({ maxDepth: 2 }))
      .map(([text, parameters, resumeFilter]) => JSON.stringify({ query: text, parameters, resumeFilter })),
  },
);

const SEGMENT = '81f0d8ff7f010a000000';
const batchBody = fc.oneof(
  fc
    .array(
      fc.record({
        operationType: fc.constantFrom(
          'Create',
          'Upsert',
          'Read',
          'Delete',
          'Replace',
          'Patch',
          'Nothing',
          5,
        ),
        id: fc.constantFrom('a', 'b', 5, null),
        partitionKey: fc.constantFrom('["p"]', '[', '5', '[[1]]'),
        resourceBody: fc.oneof(
          fc.constant({ id: 'a', pk: 'p' }),
          fc.constant([{ op: 'incr', path: '/n', value: 1 }]),
          fc.jsonValue({ maxDepth: 2 }),
        ),
      }),
      { maxLength: 4 },
    )
    .map((operations) => Buffer.from(JSON.stringify(operations))),
  fc
    .uint8Array({ maxLength: 80 })
    .map((bytes) => Buffer.concat([Buffer.from(`${SEGMENT}81f1d8ff7f`, 'hex'), bytes])),
  fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) =>
      Buffer.concat([
        Buffer.from(`${SEGMENT}81f1d8ff7f`, 'hex'),
        Buffer.of(bytes.length + 5, 0, 0, 0, 1, 2, 3, 4),
        Buffer.from('817054e17f', 'hex'),
        bytes,
      ]),
    ),
);

const patchBody = fc.oneof(
  fc
    .array(
      fc.record({
        op: fc.constantFrom('add', 'set', 'replace', 'remove', 'incr', 'move', 'no'),
        path: fc.constantFrom(
          '/a',
          '/a/b',
          '/tags/0',
          '/tags/-',
          '/__proto__/x',
          '/constructor/y',
          '/id',
          '',
          'a',
          '/',
          '/a/',
          '/~2',
        ),
        from: fc.constantFrom('/a', '/tags/0', '/x'),
        value: fc.jsonValue({ maxDepth: 2 }),
      }),
      { maxLength: 12 },
    )
    .map((operations) => JSON.stringify(operations)),
  query.map((condition) =>
    JSON.stringify({
      condition: `FROM c WHERE ${condition}`,
      operations: [{ op: 'set', path: '/a', value: 1 }],
    }),
  ),
);

const post = { method: 'POST', path: ITEMS, signed: true };
const KEY = { 'x-ms-documentdb-partitionkey': '["p"]' };

export const malformed: fc.Arbitrary<Malformed> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'DELETE'),
        path,
        headers,
        body: fc.oneof(
          json.map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        ),
        signed: fc.constantFrom(true, true, true, false),
      })
      // What the others ask is not to be dropped.
      .filter(({ method, path: to }) => method !== 'DELETE' || to.startsWith(`${ITEMS}/`)),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(queryBody, fc.boolean(), fc.boolean(), headers).map(([body, plan, one, more]) => ({
      ...post,
      headers: {
        ...(one ? KEY : {}),
        ...(plan ? { 'x-ms-cosmos-is-query-plan-request': 'True' } : {}),
        'x-ms-documentdb-isquery': 'True',
        ...(plan ? more : {}),
      },
      body: Buffer.from(body),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(batchBody, fc.boolean()).map(([body, atomic]) => ({
      ...post,
      headers: { ...KEY, 'x-ms-cosmos-is-batch-request': 'True', 'x-ms-cosmos-batch-atomic': String(atomic) },
      body,
    })),
  },
  {
    weight: 2,
    arbitrary: patchBody.map((body) => ({
      method: 'PATCH',
      path: `${ITEMS}/i0`,
      headers: KEY,
      body: Buffer.from(body),
      signed: true,
    })),
  },
);

/** Bytes on a connection of their own. */
export const raw = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/9.9\r\nhost: localhost\r\n\r\n',
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n',
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
      'GET /\u0000 HTTP/1.1\r\nhost: localhost\r\n\r\n',
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    )
    .map((text) => Buffer.from(text, 'latin1')),
);
