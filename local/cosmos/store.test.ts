import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createItemStore } from './items.ts';
import { Store } from './store.ts';

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cosmos-store-'));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  store = new Store(folder, Date.now);
});

afterEach(async () => {
  store[Symbol.dispose]();
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

const rowsIn = (table: string) =>
  Number((store.sql(`SELECT COUNT(*) AS n FROM ${table}`).get() as { n: number }).n);

test('what has expired is purged from the file, with its unique values; the rest stays', async () => {
  const items = createItemStore(store);
  const container = await store.write(() =>
    store.createContainer(
      store.createDatabase('db', '"1"'),
      {
        id: 'c',
        partitionKey: { paths: ['/pk'] },
        defaultTtl: -1,
        uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/mail'] }] },
      },
      '"1"',
    ),
  );
  await store.write(() => {
    items.create(container, '["p"]', { id: 'short', pk: 'p', mail: 'a', ttl: 5 });
    items.create(container, '["p"]', { id: 'long', pk: 'p', mail: 'b', ttl: 500 });
    items.create(container, '["p"]', { id: 'forever', pk: 'p', mail: 'c' });
  });
  vi.advanceTimersByTime(6_000);
  expect(items.read(container, '["p"]', 'short')).toBeUndefined();
  expect([rowsIn('items'), rowsIn('uniques')]).toEqual([3, 3]);
  vi.advanceTimersByTime(60_000);
  // The purge is a write like any other: one more after it is answered after it.
  await store.write(() => undefined);
  expect([rowsIn('items'), rowsIn('uniques')]).toEqual([2, 2]);
  expect(items.read(container, '["p"]', 'forever')?.id).toBe('forever');
});
