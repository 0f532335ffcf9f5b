import { type ChangeFeedPullModelIterator, ChangeFeedStartFrom, type Container } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientFor, codeOf, failureOf, type Harness, rowsOf, startHarness } from '../support/cosmos.ts';

let harness: Harness;
let count = 0;

beforeAll(async () => {
  harness = await startHarness({ partitionRanges: 3 });
});

afterAll(() => harness.close());

const fresh = (more: object = {}) =>
  harness.container({ id: `c${count++}`, partitionKey: { paths: ['/pk'] }, ...more });

interface Item {
  readonly id: string;
  readonly n?: number;
  readonly _lsn?: number;
}

/** Everything until each range has said twice that there is nothing. */
async function drain(iterator: ChangeFeedPullModelIterator<Item>): Promise<{ items: Item[]; token: string }> {
  const items: Item[] = [];
  let token = '';
  for (let empty = 0; empty < 2; ) {
    const page = await iterator.readNext();
    token = page.continuationToken;
    if (page.statusCode === 304) empty += 1;
    items.push(...((page.result ?? []) as Item[]));
  }
  return { items, token };
}

const from = (container: Container, start: ChangeFeedStartFrom, maxItemCount?: number) =>
  container.items.getChangeFeedIterator<Item>({
    changeFeedStartFrom: start,
    ...(maxItemCount ? { maxItemCount } : {}),
  });

const idsOf = (items: readonly Item[]) => items.map(({ id }) => id).sort();

describe('cosmos: change feed', () => {
  test('from the beginning gives the latest version of each item once', async () => {
    const container = await fresh();
    for (const n of [1, 2, 3]) await container.items.create({ id: `i${n}`, pk: `p${n}`, n: 1 });
    await container.items.upsert({ id: 'i1', pk: 'p1', n: 2 });
    const { items } = await drain(from(container, ChangeFeedStartFrom.Beginning()));
    expect(items.map(({ id, n }) => `${id}:${n}`).sort()).toEqual(['i1:2', 'i2:1', 'i3:1']);
  });

  test('keeps the order of writing within a partition', async () => {
    const container = await fresh();
    for (const n of [1, 2, 3, 4]) await container.items.create({ id: `i${n}`, pk: 'p' });
    await container.items.upsert({ id: 'i2', pk: 'p' });
    const { items } = await drain(from(container, ChangeFeedStartFrom.Beginning('p')));
    expect(items.map(({ id }) => id)).toEqual(['i1', 'i3', 'i4', 'i2']);
    const lsns = items.map(({ _lsn }) => _lsn ?? 0);
    expect(lsns).toEqual(lsns.toSorted((a, b) => a - b));
  });

  test('of one partition key gives its items only', async () => {
    const container = await fresh();
    await container.items.create({ id: 'mine', pk: 'a' });
    await container.items.create({ id: 'other', pk: 'b' });
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Beginning('a')))).items)).toEqual(['mine']);
  });

  test('from now gives only what is written later', async () => {
    const container = await fresh();
    await container.items.create({ id: 'before', pk: 'p' });
    const { token } = await drain(from(container, ChangeFeedStartFrom.Now()));
    await container.items.create({ id: 'after', pk: 'p' });
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Continuation(token)))).items)).toEqual([
      'after',
    ]);
  });

  test('from a time gives what was written then or later', async () => {
    const container = await fresh();
    await container.items.create({ id: 'before', pk: 'p' });
    harness.advance(10_000);
    const { headers } = await container.items.create({ id: 'after', pk: 'q' });
    expect(headers).toBeDefined();
    const { resource } = await container.item('after', 'q').read<{ _ts: number }>();
    const time = new Date((resource?._ts ?? 0) * 1000);
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Time(time)))).items)).toEqual(['after']);
  });

  test('goes on from a continuation and repeats nothing', async () => {
    const container = await fresh();
    for (const n of [1, 2, 3, 4, 5]) await container.items.create({ id: `i${n}`, pk: `p${n}` });
    const first = await drain(from(container, ChangeFeedStartFrom.Beginning(), 2));
    expect(idsOf(first.items)).toEqual(['i1', 'i2', 'i3', 'i4', 'i5']);
    await container.items.create({ id: 'i6', pk: 'p6' });
    await container.items.upsert({ id: 'i1', pk: 'p1', n: 2 });
    const second = await drain(from(container, ChangeFeedStartFrom.Continuation(first.token)));
    expect(idsOf(second.items)).toEqual(['i1', 'i6']);
  });

  test('goes on in the middle of a page', async () => {
    const container = await fresh();
    for (const n of [1, 2, 3, 4, 5]) await container.items.create({ id: `i${n}`, pk: 'p' });
    const page = await from(container, ChangeFeedStartFrom.Beginning('p'), 2).readNext();
    expect((page.result as Item[]).map(({ id }) => id)).toEqual(['i1', 'i2']);
    const rest = await drain(from(container, ChangeFeedStartFrom.Continuation(page.continuationToken)));
    expect(idsOf(rest.items)).toEqual(['i3', 'i4', 'i5']);
  });

  test('by feed range gives every item in exactly one of the ranges', async () => {
    const container = await fresh();
    const all = Array.from({ length: 30 }, (_, n) => `i${n}`);
    await Promise.all(all.map((id) => container.items.create({ id, pk: id })));
    const ranges = await container.getFeedRanges();
    expect(ranges).toHaveLength(3);
    const parts = await Promise.all(
      ranges.map((range) => drain(from(container, ChangeFeedStartFrom.Beginning(range)))),
    );
    expect(parts.every(({ items }) => items.length > 0 && items.length < 30)).toBe(true);
    expect(idsOf(parts.flatMap(({ items }) => items))).toEqual(all.sort());
  });

  test('by the first levels of a hierarchical key gives what lies below', async () => {
    const container = await harness.container({
      id: 'levels',
      partitionKey: { paths: ['/a', '/b'], kind: 'MultiHash' as never, version: 2 },
    });
    for (const [a, b] of [
      ['x', '1'],
      ['x', '2'],
      ['y', '1'],
    ] as const)
      await container.items.create({ id: `${a}${b}`, a, b });
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Beginning(['x'])))).items)).toEqual([
      'x1',
      'x2',
    ]);
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Beginning(['x', '2'])))).items)).toEqual([
      'x2',
    ]);
  });

  test('answers 304 when there is nothing new', async () => {
    const container = await fresh();
    const page = await from(container, ChangeFeedStartFrom.Beginning('p')).readNext();
    expect(page.statusCode).toBe(304);
    expect(page.continuationToken).not.toBe('');
  });

  test('does not show deleted and expired items', async () => {
    const container = await harness.container({
      id: 'gone',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: -1,
    });
    await container.items.create({ id: 'deleted', pk: 'p' });
    await container.item('deleted', 'p').delete();
    await container.items.create({ id: 'expired', pk: 'p', ttl: 5 });
    await container.items.create({ id: 'kept', pk: 'p' });
    harness.advance(6_000);
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Beginning()))).items)).toEqual(['kept']);
  });

  test('has all items of a batch', async () => {
    const container = await fresh();
    await container.items.batch(
      ['a', 'b', 'c'].map((id) => ({ operationType: 'Create' as const, resourceBody: { id, pk: 'p' } })),
      'p',
    );
    expect(idsOf((await drain(from(container, ChangeFeedStartFrom.Beginning()))).items)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  test('sees a write as soon as it is answered', async () => {
    const container = await fresh();
    let { token } = await drain(from(container, ChangeFeedStartFrom.Now('p')));
    for (let n = 0; n < 20; n++) {
      await container.items.create({ id: `i${n}`, pk: 'p' });
      const page = await drain(from(container, ChangeFeedStartFrom.Continuation(token)));
      expect(idsOf(page.items)).toEqual([`i${n}`]);
      token = page.token;
    }
  });

  test('differs: a request of the change feed with the header x-local-wait-ms is held until there are changes (the service knows no such header)', async () => {
    const container = await fresh();
    const waiting = clientFor(harness.server.endpoint, harness.server.key, { 'x-local-wait-ms': '10000' });
    const { items } = waiting.database(container.database.id).container(container.id);
    const read = items
      .getChangeFeedIterator<Item>({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning('p') })
      .readNext();
    setTimeout(() => void container.items.create({ id: 'late', pk: 'p' }), 100);
    const page = await read;
    expect(page.statusCode).toBe(200);
    expect(idsOf(page.result as Item[])).toEqual(['late']);
    expect(page.headers['x-local-waited']).toBe('true');
  });
});

describe('cosmos: queries across partitions', () => {
  let container: Container;

  beforeAll(async () => {
    container = await fresh({
      indexingPolicy: {
        compositeIndexes: [
          [
            { path: '/third', order: 'descending' },
            { path: '/n', order: 'ascending' },
          ],
        ],
      },
    });
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        container.items.create({
          id: `i${String(n).padStart(2, '0')}`,
          pk: `p${n % 12}`,
          n,
          third: n % 3,
          text: `t${n % 5}`,
          tags: [`a${n % 2}`, `b${n % 4}`],
          ...(n % 10 === 0 ? { rare: n } : {}),
        }),
      ),
    );
  });

  const range = (count: number, first = 0) => Array.from({ length: count }, (_, n) => first + n);

  test.each<[string, string, readonly unknown[]]>([
    ['ORDER BY merges the ranges', 'SELECT VALUE c.n FROM c ORDER BY c.n', range(60)],
    ['ORDER BY DESC merges the ranges', 'SELECT VALUE c.n FROM c ORDER BY c.n DESC', range(60).toReversed()],
    ['ORDER BY texts', 'SELECT VALUE c.id FROM c WHERE c.n < 3 ORDER BY c.id', ['i00', 'i01', 'i02']],
    [
      'ORDER BY several paths in both directions',
      'SELECT VALUE c.n FROM c WHERE c.n < 6 ORDER BY c.third DESC, c.n ASC',
      [2, 5, 1, 4, 0, 3],
    ],
    [
      'ORDER BY with fields of its own',
      'SELECT c.n AS number FROM c WHERE c.n < 2 ORDER BY c.n',
      [{ number: 0 }, { number: 1 }],
    ],
    [
      'ORDER BY with OFFSET and LIMIT',
      'SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 10 LIMIT 5',
      range(5, 10),
    ],
    ['ORDER BY with TOP', 'SELECT TOP 3 VALUE c.n FROM c ORDER BY c.n DESC', [59, 58, 57]],
    [
      'ORDER BY after a JOIN',
      'SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.n < 2 ORDER BY c.n',
      ['a0', 'b0', 'a1', 'b1'],
    ],
    ['COUNT adds up', 'SELECT VALUE COUNT(1) FROM c', [60]],
    ['SUM adds up', 'SELECT VALUE SUM(c.n) FROM c', [1770]],
    ['AVG weighs the ranges', 'SELECT VALUE AVG(c.n) FROM c WHERE c.n < 5', [2]],
    ['MIN of all ranges', 'SELECT VALUE MIN(c.n) FROM c', [0]],
    ['MAX of all ranges', 'SELECT VALUE MAX(c.n) FROM c', [59]],
    ['COUNT of nothing is 0', 'SELECT VALUE COUNT(1) FROM c WHERE c.n > 1000', [0]],
    ['COUNT of a path that few have', 'SELECT VALUE COUNT(c.rare) FROM c', [6]],
    ['MAX where some ranges have no value', 'SELECT VALUE MAX(c.rare) FROM c', [50]],
    ['TOP without ORDER BY takes that many', 'SELECT TOP 4 VALUE 1 FROM c', [1, 1, 1, 1]],
    ['OFFSET LIMIT without ORDER BY takes that many', 'SELECT VALUE 1 FROM c OFFSET 57 LIMIT 10', [1, 1, 1]],
    [
      'DISTINCT with ORDER BY',
      'SELECT DISTINCT VALUE c.text FROM c ORDER BY c.text',
      ['t0', 't1', 't2', 't3', 't4'],
    ],
  ])('%s', async (_, query, rows) => {
    expect(await rowsOf(container, query)).toEqual(rows);
  });

  const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();

  test.each<[string, string, readonly unknown[]]>([
    [
      'DISTINCT drops values that several ranges have',
      'SELECT DISTINCT VALUE c.text FROM c',
      ['t0', 't1', 't2', 't3', 't4'],
    ],
    ['DISTINCT of objects', 'SELECT DISTINCT c.third FROM c', [{ third: 0 }, { third: 1 }, { third: 2 }]],
    [
      'GROUP BY with COUNT',
      'SELECT c.third, COUNT(1) AS n FROM c GROUP BY c.third',
      [0, 1, 2].map((third) => ({ third, n: 20 })),
    ],
    [
      'GROUP BY with SUM, MIN, MAX and AVG',
      'SELECT c.third, SUM(c.n) AS s, MIN(c.n) AS lo, MAX(c.n) AS hi, AVG(c.third) AS a FROM c GROUP BY c.third',
      [
        { third: 0, s: 570, lo: 0, hi: 57, a: 0 },
        { third: 1, s: 590, lo: 1, hi: 58, a: 1 },
        { third: 2, s: 610, lo: 2, hi: 59, a: 2 },
      ],
    ],
    [
      'aggregates by name add up without GROUP BY',
      'SELECT COUNT(1) AS n, SUM(c.n) AS s, MIN(c.n) AS lo, MAX(c.n) AS hi, AVG(c.third) AS a FROM c',
      [{ n: 60, s: 1770, lo: 0, hi: 59, a: 1 }],
    ],
    [
      'GROUP BY a function',
      'SELECT UPPER(c.text) AS text, COUNT(1) AS n FROM c WHERE c.n < 5 GROUP BY UPPER(c.text)',
      [0, 1, 2, 3, 4].map((n) => ({ text: `T${n}`, n: 1 })),
    ],
    [
      'GROUP BY without aggregates',
      'SELECT c.third FROM c GROUP BY c.third',
      [{ third: 0 }, { third: 1 }, { third: 2 }],
    ],
    [
      'GROUP BY two paths',
      'SELECT c.third, c.text, COUNT(1) AS n FROM c WHERE c.n < 4 GROUP BY c.third, c.text',
      [0, 1, 2, 3].map((n) => ({ third: n % 3, text: `t${n}`, n: 1 })),
    ],
    ['SELECT VALUE with GROUP BY', 'SELECT VALUE COUNT(1) FROM c GROUP BY c.third', [20, 20, 20]],
    ['a plain filter', 'SELECT VALUE c.n FROM c WHERE c.n >= 55', [55, 56, 57, 58, 59]],
    ['JOIN', "SELECT VALUE c.n FROM c JOIN t IN c.tags WHERE t = 'b3' AND c.n < 12", [3, 7, 11]],
  ])('%s (in any order)', async (_, query, rows) => {
    expect(sorted(await rowsOf(container, query))).toEqual(sorted(rows));
  });

  test('pages of a plain query have the size asked for and miss nothing', async () => {
    const iterator = container.items.query<number>('SELECT VALUE c.n FROM c', { maxItemCount: 7 });
    const seen: number[] = [];
    while (iterator.hasMoreResults()) {
      const { resources } = await iterator.fetchNext();
      expect(resources?.length ?? 0).toBeLessThanOrEqual(7);
      seen.push(...(resources ?? []));
    }
    expect(seen.sort((a, b) => a - b)).toEqual(range(60));
  });

  test('a query of one partition goes on by its continuation token', async () => {
    const options = { partitionKey: 'p0', maxItemCount: 2 };
    const seen: number[] = [];
    let token: string | undefined;
    do {
      const iterator = container.items.query<number>('SELECT VALUE c.n FROM c', {
        ...options,
        ...(token ? { continuationToken: token } : {}),
      });
      const page = await iterator.fetchNext();
      seen.push(...page.resources);
      token = page.continuationToken;
    } while (token);
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(new Set([0, 12, 24, 36, 48]));
  });

  test('an ordered query of one partition goes on by its continuation token', async () => {
    const query = 'SELECT VALUE c.n FROM c ORDER BY c.n DESC';
    const first = await container.items
      .query<number>(query, { partitionKey: 'p0', maxItemCount: 2 })
      .fetchNext();
    expect(first.resources).toEqual([48, 36]);
    const second = await container.items
      .query<number>(query, {
        partitionKey: 'p0',
        maxItemCount: 2,
        continuationToken: first.continuationToken,
      })
      .fetchNext();
    expect(second.resources).toEqual([24, 12]);
  });

  test('pages of a plain query neither repeat nor miss items while others are written and deleted', async () => {
    const busy = await fresh();
    for (const n of range(9)) await busy.items.create({ id: `i${n}`, pk: 'p', n });
    const iterator = busy.items.query<number>('SELECT VALUE c.n FROM c', {
      partitionKey: 'p',
      maxItemCount: 3,
    });
    const seen = [...(await iterator.fetchNext()).resources];
    await busy.item('i0', 'p').delete();
    await busy.items.create({ id: 'late', pk: 'p', n: 100 });
    while (iterator.hasMoreResults()) seen.push(...(await iterator.fetchNext()).resources);
    expect(seen).toEqual([...range(9), 100]);
  });

  test('an ordered query over all partitions goes on by its continuation token', async () => {
    const options = { maxItemCount: 10, enableQueryControl: true };
    const seen: number[] = [];
    let token: string | undefined;
    for (let page = 0; page < 20; page++) {
      const iterator = container.items.query<number>('SELECT VALUE c.n FROM c ORDER BY c.n', {
        ...options,
        ...(token ? { continuationToken: token } : {}),
      });
      const { resources, continuationToken } = await iterator.fetchNext();
      seen.push(...(resources ?? []));
      token = continuationToken;
      if (!token) break;
    }
    expect(seen).toEqual(range(60));
  });

  test('an ordered query with many equal values goes on by its continuation token', async () => {
    const options = { maxItemCount: 7, enableQueryControl: true };
    const seen: number[] = [];
    let token: string | undefined;
    for (let page = 0; page < 30; page++) {
      const { resources, continuationToken } = await container.items
        .query<{ n: number }>('SELECT c.n FROM c ORDER BY c.third', {
          ...options,
          ...(token ? { continuationToken: token } : {}),
        })
        .fetchNext();
      seen.push(...(resources ?? []).map(({ n }) => n));
      token = continuationToken;
      if (!token) break;
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(60));
  });

  test('a composition of aggregates over all partitions is 400', async () => {
    const failure = await failureOf(rowsOf(container, 'SELECT VALUE MAX(c.n) - MIN(c.n) FROM c'));
    expect(failure.code).toBe(400);
    expect(failure.message).toMatch(/Compositions of aggregates/);
  });

  test('a continuation token that is not one is 400', async () => {
    const iterator = container.items.query('SELECT * FROM c', {
      partitionKey: 'p0',
      continuationToken: 'nonsense',
    });
    expect(await codeOf(iterator.fetchNext())).toBe(400);
  });

  test('queries and point reads of many items at once have their own answers', async () => {
    const reads = range(60).map(async (n) => {
      const { resource } = await container
        .item(`i${String(n).padStart(2, '0')}`, `p${n % 12}`)
        .read<{ n: number }>();
      return resource?.n;
    });
    expect(await Promise.all(reads)).toEqual(range(60));
  });

  test('a query with forceQueryPlan has the same rows', async () => {
    const { resources } = await container.items
      .query('SELECT VALUE c.n FROM c WHERE c.n < 5 ORDER BY c.n', { forceQueryPlan: true })
      .fetchAll();
    expect(resources).toEqual(range(5));
  });
});

describe('cosmos: authorization', () => {
  test('a wrong key is 401 with a message', async () => {
    const client = clientFor(harness.server.endpoint, Buffer.from('wrong').toString('base64'));
    const failure = await failureOf(client.database('conformance').read());
    expect(failure.code).toBe(401);
    expect(failure.message).toMatch(/authorization token/);
    client.dispose();
  });

  test('a connection string is taken', async () => {
    const { CosmosClient } = await import('@azure/cosmos');
    const client = new CosmosClient(harness.server.connectionString);
    expect((await client.database('conformance').read()).statusCode).toBe(200);
    client.dispose();
  });
});

describe('cosmos: not supported', () => {
  const said = /not supported/;
  let container: Container;

  beforeAll(async () => {
    container = await fresh();
  });

  test.each<[string, () => Promise<unknown>]>([
    [
      'stored procedures',
      () => container.scripts.storedProcedures.create({ id: 's', body: 'function () {}' }),
    ],
    ['running a stored procedure', () => container.scripts.storedProcedure('s').execute('p')],
    [
      'triggers',
      () =>
        container.scripts.triggers.create({
          id: 't',
          body: 'function () {}',
          triggerType: 'Pre',
          triggerOperation: 'All',
        } as never),
    ],
    [
      'user-defined functions',
      () => container.scripts.userDefinedFunctions.create({ id: 'u', body: 'function () {}' }),
    ],
    ['users', () => harness.database.users.create({ id: 'someone' })],
    ['the feed of conflicts', () => container.conflicts.readAll().fetchAll()],
    [
      'the change feed of all versions and deletes',
      () =>
        container.items
          .getChangeFeedIterator({
            changeFeedMode: 'Full-Fidelity Feed',
            changeFeedStartFrom: ChangeFeedStartFrom.Now('p'),
          } as never)
          .readNext(),
    ],
    [
      'a vector policy',
      () =>
        harness.database.containers.create({
          id: 'v',
          partitionKey: { paths: ['/pk'] },
          vectorEmbeddingPolicy: { vectorEmbeddings: [] },
        }),
    ],
    [
      'a full-text policy',
      () =>
        harness.database.containers.create({
          id: 'f',
          partitionKey: { paths: ['/pk'] },
          fullTextPolicy: { defaultLanguage: 'en-US', fullTextPaths: [] },
        }),
    ],
    [
      'computed properties',
      () =>
        harness.database.containers.create({
          id: 'p',
          partitionKey: { paths: ['/pk'] },
          computedProperties: [{ name: 'low', query: 'SELECT VALUE LOWER(c.name) FROM c' }],
        }),
    ],
    [
      'a conflict resolution of your own',
      () =>
        harness.database.containers.create({
          id: 'r',
          partitionKey: { paths: ['/pk'] },
          conflictResolutionPolicy: { mode: 'Custom' },
        }),
    ],
    [
      'a trigger named by a write',
      () => container.items.create({ id: 'x', pk: 'p' }, { preTriggerInclude: ['t'] }),
    ],
  ])('not supported: %s', async (_, call) => {
    const failure = await failureOf(call());
    expect(failure.code).toBe(400);
    expect(failure.message).toMatch(said);
  });
});

describe('cosmos: differences', () => {
  test('differs: every container has an offer of 400, regardless of the request (the service keeps it and throttles by it)', async () => {
    const container = await harness.container({
      id: 'offer',
      partitionKey: { paths: ['/pk'] },
      throughput: 1_000,
    });
    expect((await container.readOffer()).resource?.content?.offerThroughput).toBe(400);
  });
});
