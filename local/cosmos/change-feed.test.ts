import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  CosmosClient,
} from '@azure/cosmos';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WAIT, WAITED } from '../change-feed-wait.ts';
import { MAX_WAIT_MS } from './change-feed.ts';
import { type CosmosServer, startCosmos } from './server.ts';

let dataDir: string;
let server: CosmosServer;
let container: Container;

const connect = (headers: Record<string, string> = {}) =>
  new CosmosClient({
    endpoint: server.endpoint,
    key: server.key,
    defaultHeaders: headers,
    connectionPolicy: { enableEndpointDiscovery: false },
  });

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'feed-'));
  server = await startCosmos({ port: 0, dataDir });
  const { database } = await connect().databases.createIfNotExists({ id: 'test' });
  ({ container } = await database.containers.createIfNotExists({
    id: 'items',
    partitionKey: { paths: ['/pk'] },
  }));
});
afterEach(async () => {
  await server.close();
  await rm(dataDir, { recursive: true });
});

/** A reader of one partition that waits for the given time. */
function reader(ms: number | string, pk: string): ChangeFeedPullModelIterator<{ id: string }> {
  const { items } = connect({ [WAIT]: String(ms) })
    .database('test')
    .container('items');
  return items.getChangeFeedIterator<{ id: string }>({
    changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk),
  });
}

const feedReads = () => server.requests()['items']?.['feed'] ?? 0;
const idsOf = async (read: Promise<{ result: { id: string }[] }>) => (await read).result.map(({ id }) => id);

describe('a reader that waits (F3)', () => {
  test('has the change as soon as it is made, by one request', async () => {
    const read = reader(10_000, 'p').readNext();
    await vi.waitFor(() => expect(feedReads()).toBe(1));
    const begun = Date.now();
    await container.items.create({ id: 'one', pk: 'p' });
    expect(await idsOf(read)).toEqual(['one']);
    expect(Date.now() - begun).toBeLessThan(2_000);
    expect(feedReads()).toBe(1);
  });

  test('is not answered by changes of other partitions', async () => {
    const iterator = reader(10_000, 'p');
    const read = iterator.readNext();
    for (let index = 0; index < 20; index++) await container.items.create({ id: `other-${index}`, pk: 'q' });
    await container.items.create({ id: 'mine', pk: 'p' });
    expect(await idsOf(read)).toEqual(['mine']);
    expect(feedReads()).toBe(1);
  });

  test('hears that there was nothing when its time is over, and that the server knows how to wait', async () => {
    const page = await reader(100, 'p').readNext();
    expect(page).toMatchObject({ statusCode: 304, headers: { [WAITED]: 'true' } });
  });

  test('misses no change of many writers, whenever they write', async () => {
    const [total, writers] = [400, 8];
    const seen: string[] = [];
    const ranges = await container.getFeedRanges();
    const { items } = connect({ [WAIT]: '300' })
      .database('test')
      .container('items');
    const reading = ranges.map(async (range) => {
      const iterator = items.getChangeFeedIterator<{ id: string }>({
        changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range),
      });
      while (seen.length < total)
        seen.push(...((await iterator.readNext()).result ?? []).map(({ id }) => id));
    });
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let index = 0; index < total / writers; index++) {
          await container.items.create({ id: `${writer}-${index}`, pk: `p${index % 5}` });
        }
      }),
    );
    await Promise.all(reading);
    expect(new Set(seen).size).toBe(total);
    expect(seen).toHaveLength(total);
  });

  test('is let go when the server closes', async () => {
    const read = reader(MAX_WAIT_MS, 'p').readNext();
    read.catch(() => undefined);
    await vi.waitFor(() => expect(feedReads()).toBe(1));
    const begun = Date.now();
    await server.close();
    expect(Date.now() - begun).toBeLessThan(2_000);
    server = await startCosmos({ port: 0, dataDir });
  });
});

test.each(['-1', 'soon', String(MAX_WAIT_MS + 1)])('a time to wait of %s is refused', async (ms) => {
  await expect(reader(ms, 'p').readNext()).rejects.toMatchObject({ code: 400 });
});

test('a reader that does not ask to wait is answered at once, as by the service', async () => {
  const items = connect().database('test').container('items').items;
  const page = await items
    .getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Now('p') })
    .readNext();
  expect(page.statusCode).toBe(304);
  expect(page.headers[WAITED]).toBeUndefined();
});
