import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBatch, runBulk } from './batch.ts';
import { createItemStore } from './items.ts';
import { type ContainerRow, Store } from './store.ts';

let dataDir: string;
let store: Store;
let container: ContainerRow;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cosmos-batch-'));
  store = new Store(dataDir, Date.now);
  container = await store.write(() => {
    const database = store.createDatabase('db', '"1"');
    return store.createContainer(database, { id: 'items', partitionKey: { paths: ['/pk'] } }, '"1"');
  });
});

afterAll(async () => {
  store[Symbol.dispose]();
  await rm(dataDir, { recursive: true });
});

const creations = (count: number, pk: string) =>
  Array.from({ length: count }, (_, n) => ({
    operationType: 'Create',
    partitionKey: JSON.stringify([pk]),
    resourceBody: { id: String(n), pk },
  }));

/** The SDK refuses more by itself: only a client of its own meets the limit. */
test('a batch of 100 operations is done, of 101 none', async () => {
  const items = createItemStore(store);
  const most = await runBatch(store, items, container, '["a"]', creations(100, 'a'));
  expect(most.status).toBe(200);
  const more = runBatch(store, items, container, '["b"]', creations(101, 'b'));
  await expect(more).rejects.toMatchObject({ status: 400 });
  await expect(runBulk(store, items, container, creations(101, 'b'))).rejects.toMatchObject({ status: 400 });
  expect(store.sizeOf(container).count).toBe(100);
});
