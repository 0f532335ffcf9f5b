import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChangeFeedStartFrom, type Container, CosmosClient, type JSONObject } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CosmosServer, startCosmos } from './server.ts';

let dataDir: string;
let server: CosmosServer;
let client: CosmosClient;
let container: Container;

const connect = (key = server.key) =>
  new CosmosClient({
    endpoint: server.endpoint,
    key,
    connectionPolicy: {
      enableEndpointDiscovery: false,
      requestTimeout: 5_000,
      retryOptions: { maxRetryAttemptCount: 3 },
    },
  });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cosmos-'));
  server = await startCosmos({ port: 0, dataDir });
  client = connect();
  const { database } = await client.databases.createIfNotExists({ id: 'test' });
  const made = await database.containers.createIfNotExists({
    id: 'items',
    partitionKey: { paths: ['/pk'] },
    defaultTtl: -1,
  });
  container = made.container;
});

afterAll(async () => {
  client.dispose();
  await server.close();
  await rm(dataDir, { recursive: true });
});

const failing = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 0 }),
    (error: { code?: number }) => ({ code: error.code }),
  );

test('a query that names partitions finds the items of these alone (P3 of query/pushdown.ts)', async () => {
  for (const pk of ['P3-a', 'P3-b', 'P3-c'])
    for (const id of ['1', '2']) await container.items.create({ id, pk, n: Number(id) });
  const asked: [string, string[]][] = [
    ["SELECT VALUE c.pk FROM c WHERE c.pk IN ('P3-a', 'P3-c') AND c.n = 2", ['P3-a', 'P3-c']],
    ["SELECT VALUE c.pk FROM c WHERE c.pk = 'P3-b' AND c.n >= 1", ['P3-b', 'P3-b']],
    ["SELECT VALUE c.pk FROM c WHERE c.n >= 1 AND c.pk IN ('P3-none')", []],
  ];
  for (const [query, expected] of asked) {
    const { resources } = await container.items.query<string>(query).fetchAll();
    expect(resources.toSorted()).toEqual(expected);
  }
});

test('counts requests by container and operation', async () => {
  const count = (operation: string) => server.requests()['items']?.[operation] ?? 0;
  const [reads, creates] = [count('read'), count('create')];
  await container.items.create({ id: 'counted', pk: 'p' });
  await container.item('counted', 'p').read();
  await container.item('none', 'p').read();
  expect([count('read') - reads, count('create') - creates]).toEqual([2, 1]);
});

describe('items', () => {
  test('are created, read, replaced with etag, upserted, patched and deleted', async () => {
    const { resource: made, etag } = await container.items.create({
      id: 'a',
      pk: 'p',
      n: 1,
      nested: { x: 1 },
    });
    expect(made).toMatchObject({ id: 'a', n: 1, _etag: etag });
    expect((await container.item('a', 'p').read()).resource).toMatchObject({ n: 1 });
    const replaced = await container
      .item('a', 'p')
      .replace({ id: 'a', pk: 'p', n: 2 }, { accessCondition: { type: 'IfMatch', condition: etag } });
    expect(replaced.statusCode).toBe(200);
    const stale = container
      .item('a', 'p')
      .replace({ id: 'a', pk: 'p', n: 3 }, { accessCondition: { type: 'IfMatch', condition: etag } });
    expect(await failing(stale)).toEqual({ code: 412 });
    expect((await container.items.upsert({ id: 'a', pk: 'p', n: 5 })).statusCode).toBe(200);
    const patched = await container.item('a', 'p').patch([
      { op: 'incr', path: '/n', value: 2 },
      { op: 'add', path: '/tags', value: ['x'] },
      { op: 'add', path: '/tags/-', value: 'y' },
    ]);
    expect(patched.resource).toMatchObject({ n: 7, tags: ['x', 'y'] });
    expect((await container.item('a', 'p').delete()).statusCode).toBe(204);
    expect((await container.item('a', 'p').read()).statusCode).toBe(404);
  });

  test('conditional patch refuses with 412', async () => {
    await container.items.create({ id: 'c', pk: 'p', state: 'free' });
    const take = () =>
      container.item('c', 'p').patch({
        condition: "FROM c WHERE c.state = 'free'",
        operations: [{ op: 'set', path: '/state', value: 'taken' }],
      });
    expect((await take()).resource).toMatchObject({ state: 'taken' });
    expect(await failing(take())).toEqual({ code: 412 });
  });

  test('a duplicate is 409, a wrong key 401', async () => {
    await container.items.create({ id: 'd', pk: 'p' });
    expect(await failing(container.items.create({ id: 'd', pk: 'p' }))).toEqual({ code: 409 });
    const stranger = connect(Buffer.from('wrong').toString('base64'));
    const item = stranger.database('test').container('items').item('d', 'p');
    expect(await failing(item.read())).toEqual({ code: 401 });
    stranger.dispose();
  });

  test('a batch is all or nothing', async () => {
    const failed = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: { id: 'b1', pk: 'q' } },
        { operationType: 'Create', resourceBody: { id: 'b1', pk: 'q' } },
      ],
      'q',
    );
    expect(failed.result?.map(({ statusCode }) => statusCode)).toEqual([424, 409]);
    expect((await container.item('b1', 'q').read()).statusCode).toBe(404);
    const done = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: { id: 'b1', pk: 'q' } },
        { operationType: 'Upsert', resourceBody: { id: 'b2', pk: 'q' } },
      ],
      'q',
    );
    expect(done.result?.map(({ statusCode }) => statusCode)).toEqual([201, 201]);
  });

  test('a throttled request is repeated by the SDK', async () => {
    server.faults.add({ kind: 'throttle', container: 'items', count: 2, retryAfterMs: 5 });
    expect((await container.items.create({ id: 't', pk: 'p' })).statusCode).toBe(201);
  });
});

describe('queries', () => {
  beforeAll(async () => {
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        container.items.create({
          id: `q${n}`,
          pk: `part${n % 5}`,
          type: 'row',
          n,
          tags: [`t${n % 3}`],
          half: n % 2 ? null : n,
        }),
      ),
    );
  });

  const all = async (
    query: string,
    parameters: { name: string; value: JSONObject | number | string }[] = [],
    partitionKey?: string,
  ) =>
    (await container.items.query({ query, parameters }, partitionKey ? { partitionKey } : {}).fetchAll())
      .resources;

  test.each<[string, unknown[]]>([
    ["SELECT VALUE c.n FROM c WHERE c.type = 'row' AND c.n < 3 ORDER BY c.n DESC", [2, 1, 0]],
    ["SELECT VALUE COUNT(1) FROM c WHERE c.type = 'row'", [30]],
    ["SELECT VALUE SUM(c.n) FROM c WHERE c.type = 'row'", [435]],
    ["SELECT VALUE AVG(c.n) FROM c WHERE c.type = 'row'", [14.5]],
    ["SELECT VALUE MAX(c.n) FROM c WHERE c.type = 'row'", [29]],
    ["SELECT VALUE c.n FROM c WHERE c.type = 'row' ORDER BY c.n OFFSET 5 LIMIT 2", [5, 6]],
    ["SELECT TOP 2 VALUE c.n FROM c WHERE c.type = 'row' ORDER BY c.n", [0, 1]],
    ["SELECT DISTINCT VALUE t FROM c JOIN t IN c.tags WHERE c.type = 'row' ORDER BY t", ['t0', 't1', 't2']],
    [
      "SELECT VALUE c.id FROM c WHERE c.type = 'row' AND IS_NULL(c.half) AND c.n IN (1, 2, 3) ORDER BY c.n",
      ['q1', 'q3'],
    ],
    [
      "SELECT VALUE c.n FROM c WHERE c.id LIKE 'q1_' AND c.type = 'row' AND c.n BETWEEN 12 AND 13 ORDER BY c.n",
      [12, 13],
    ],
  ])('%s', async (query, expected) => {
    expect(await all(query)).toEqual(expected);
  });

  test('within one partition, with parameters and projections', async () => {
    const rows = await all(
      'SELECT c.n, c.tags[0] AS tag FROM c WHERE c.n >= @n ORDER BY c.n',
      [{ name: '@n', value: 20 }],
      'part0',
    );
    expect(rows).toEqual([
      { n: 20, tag: 't2' },
      { n: 25, tag: 't1' },
    ]);
  });

  test('pages go on by continuation', async () => {
    const iterator = container.items.query("SELECT VALUE c.n FROM c WHERE c.type = 'row'", {
      maxItemCount: 7,
    });
    const seen: number[] = [];
    while (iterator.hasMoreResults()) seen.push(...((await iterator.fetchNext()).resources as number[]));
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  describe('P1, Q1: items that come and go between the pages of an ordered query neither repeat nor hide others', () => {
    let n = 0;
    /** Pages of two rows; `meanwhile` runs behind each of them. */
    const paged = async (
      query: string,
      partition: string | undefined,
      meanwhile: (page: number) => Promise<unknown>,
    ) => {
      const options = { maxItemCount: 2, ...(partition === undefined ? {} : { partitionKey: partition }) };
      const iterator = container.items.query<string>(query, options);
      const seen: string[] = [];
      for (let page = 0; iterator.hasMoreResults(); page++) {
        const { resources = [] } = await iterator.fetchNext();
        seen.push(...resources);
        await meanwhile(page);
      }
      return seen;
    };
    const fill = async (pk: string, values: readonly (number | string | undefined)[]) => {
      for (const [index, v] of values.entries())
        await container.items.create({
          id: `${pk}-${index}`,
          pk,
          family: pk,
          ...(v === undefined ? {} : { v }),
        });
    };
    const insert = (pk: string, v: unknown) =>
      container.items.create({ id: `${pk}-new${n++}`, pk, family: pk, v });
    const ids = (pk: string, ...numbers: number[]) => numbers.map((number) => `${pk}-${number}`);

    test.each([
      ['ascending', 'ORDER BY c.v', [0, 1, 2, 3, 4, 5], -1],
      ['descending', 'ORDER BY c.v DESC', [5, 4, 3, 2, 1, 0], 99],
    ] as const)('one that is inserted before the page, %s', async (name, order, expected, v) => {
      const pk = `before-${name}`;
      await fill(pk, [1, 2, 3, 4, 5, 6]);
      const query = `SELECT VALUE c.id FROM c WHERE c.family = '${pk}' ${order}`;
      expect(await paged(query, pk, () => insert(pk, v))).toEqual(ids(pk, ...expected));
    });

    test('one that is deleted before the page', async () => {
      await fill('gone', [1, 2, 3, 4, 5, 6]);
      const remove = (page: number) => container.item(`gone-${page}`, 'gone').delete();
      const query = "SELECT VALUE c.id FROM c WHERE c.family = 'gone' ORDER BY c.v";
      expect(await paged(query, 'gone', (page) => (page < 2 ? remove(page) : Promise.resolve()))).toEqual(
        ids('gone', 0, 1, 2, 3, 4, 5),
      );
    });

    test('one that is inserted behind the page is seen', async () => {
      await fill('behind', [1, 2, 3, 4]);
      const query = "SELECT VALUE c.v FROM c WHERE c.family = 'behind' ORDER BY c.v";
      const seen = await paged(query, 'behind', (page) =>
        page === 0 ? insert('behind', 3.5) : Promise.resolve(),
      );
      expect(seen).toEqual([1, 2, 3, 3.5, 4]);
    });

    test('equal keys, and items without the key', async () => {
      await fill('equal', [7, 7, 7, undefined, undefined, 7]);
      const query = "SELECT VALUE c.id FROM c WHERE c.family = 'equal' ORDER BY c.v";
      expect(await paged(query, 'equal', () => insert('equal', null))).toEqual(
        expect.arrayContaining(ids('equal', 3, 4, 0, 1, 2, 5)),
      );
      const seen = await paged(query, 'equal', () => Promise.resolve());
      expect(new Set(seen).size).toBe(seen.length);
    });

    test('TOP counts the rows of earlier pages', async () => {
      await fill('top', [1, 2, 3, 4, 5, 6]);
      const query = "SELECT TOP 5 VALUE c.id FROM c WHERE c.family = 'top' ORDER BY c.v";
      expect(await paged(query, 'top', () => insert('top', 0))).toEqual(ids('top', 0, 1, 2, 3, 4));
    });

    test('several rows of one item', async () => {
      for (const v of [1, 2])
        await container.items.create({ id: `tags-${v}`, pk: 'tags', v, tags: ['a', 'b', 'c'] });
      const query = "SELECT VALUE CONCAT(c.id, t) FROM c JOIN t IN c.tags WHERE c.pk = 'tags' ORDER BY c.v";
      const seen = await paged(query, 'tags', () =>
        container.items.create({ id: `tags-0${n++}`, pk: 'tags', v: 0, tags: ['z'] }),
      );
      expect(seen).toEqual(['tags-1a', 'tags-1b', 'tags-1c', 'tags-2a', 'tags-2b', 'tags-2c']);
    });

    test('across partitions', async () => {
      for (const v of [1, 2, 3, 4, 5, 6, 7, 8])
        await container.items.create({ id: `across-${v}`, pk: `across-${v % 3}`, family: 'across', v });
      const query = "SELECT VALUE c.v FROM c WHERE c.family = 'across' ORDER BY c.v";
      const seen = await paged(query, undefined, () =>
        container.items.create({ id: `across-new${n++}`, pk: `across-${n % 3}`, family: 'across', v: 0 }),
      );
      // Before its first page is asked for, a range may still get new items.
      expect((seen as unknown as number[]).filter((v) => v > 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test('a token that this server did not make is 400', async () => {
      const options = {
        partitionKey: 'p',
        continuationToken: '{"keys":"bm90IEpTT04","item":"1","nth":0,"given":1}',
      };
      const asked = container.items.query('SELECT * FROM c ORDER BY c.v', options).fetchNext();
      expect(await failing(asked)).toEqual({ code: 400 });
    });
  });

  test('what is no query is 400', async () => {
    expect(await failing(all('SELEKT'))).toEqual({ code: 400 });
  });
});

describe('change feed', () => {
  test('gives the latest version of each item once, by ranges, and goes on after a restart', async () => {
    const { container: feed } = await client
      .database('test')
      .containers.createIfNotExists({ id: 'feed', partitionKey: { paths: ['/pk'] } });
    for (const n of [1, 2, 3]) await feed.items.upsert({ id: `f${n}`, pk: `p${n}`, version: 1 });
    await feed.items.upsert({ id: 'f1', pk: 'p1', version: 2 });
    const ranges = await feed.getFeedRanges();
    expect(ranges).toHaveLength(2);
    const read = async (from: ChangeFeedStartFrom) => {
      const iterator = feed.items.getChangeFeedIterator({ changeFeedStartFrom: from });
      const items: { id: string; version: number }[] = [];
      let token = '';
      for (let empty = 0; empty < 2 && iterator.hasMoreResults; ) {
        const page = await iterator.readNext();
        token = page.continuationToken;
        if (page.statusCode === 304) empty += 1;
        items.push(...((page.result ?? []) as never[]));
      }
      return { items, token };
    };
    const first = await read(ChangeFeedStartFrom.Beginning());
    expect(first.items.map(({ id, version }) => `${id}:${version}`).toSorted()).toEqual([
      'f1:2',
      'f2:1',
      'f3:1',
    ]);
    await feed.items.upsert({ id: 'f4', pk: 'p4', version: 1 });
    const next = await read(ChangeFeedStartFrom.Continuation(first.token));
    expect(next.items.map(({ id }) => id)).toEqual(['f4']);
  });
});

test('everything is there after a restart', async () => {
  await container.items.upsert({ id: 'kept', pk: 'p', n: 42 });
  await server.close();
  server = await startCosmos({ port: 0, dataDir });
  const again = connect();
  expect((await again.database('test').container('items').item('kept', 'p').read()).resource).toMatchObject({
    n: 42,
  });
  again.dispose();
});
