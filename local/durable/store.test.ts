import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventType, type HistoryEvent, inbound } from './history.ts';
import { createKnown } from './instance-cache.ts';
import type { InstanceRow } from './rows.ts';
import { openStore, type Store } from './store.ts';

/** Two processes on one file, as far as SQLite is concerned. */
let [one, other]: Store[] = [];
const stores = () => [one, other] as [Store, Store];

beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'durable-store-'));
  [one, other] = [openStore(dir, 'hub'), openStore(dir, 'hub')];
});
afterEach(() => {
  for (const store of stores()) store.close();
});

const row = (changes: Partial<InstanceRow> = {}): InstanceRow => ({
  id: 'a',
  execution: 'x',
  name: 'six',
  status: 'Running',
  input: null,
  output: null,
  custom_status: null,
  created: 1,
  updated: 1,
  parent: null,
  worker: 'me',
  ...changes,
});
const chunk = (at: number) => ({ at, actions: 0, events: [inbound(EventType.OrchestratorStarted, at)] });
/** What a transaction of `store` finds. */
const inWrite = <T>(store: Store, read: () => T) => store.write(read);

describe('within a transaction a process knows what another has written', () => {
  test('of an instance', async () => {
    const [one, other] = stores();
    await one.write(() => one.putInstance(row()));
    expect(one.instance('a')?.worker).toBe('me');
    await other.write(() => other.putInstance(row({ worker: 'they' })));
    expect(await inWrite(one, () => one.instance('a')?.worker)).toBe('they');
  });

  test('of its history', async () => {
    const [one, other] = stores();
    await one.write(() => one.putInstance(row()));
    await one.write(() => one.appendHistory('a', 0, chunk(1)));
    expect(one.instance('a') && one.history('a')).toHaveLength(1);
    await other.write(() => other.appendHistory('a', 1, chunk(2)));
    expect(await inWrite(one, () => one.history('a'))).toHaveLength(2);
  });

  test('of its messages', async () => {
    const [one, other] = stores();
    expect(one.messages('a', 0)).toEqual([]);
    await other.write(() => other.send('a', null, { told: true }));
    const found = await inWrite(one, () => one.messages('a', 0));
    expect(found.map(({ event }) => event)).toEqual(['{"told":true}']);
  });
});

describe('what was rolled back is not known', () => {
  test('of an instance, its history and its messages', async () => {
    const [one] = stores();
    await one.write(() => one.putInstance(row()));
    await one.write(() => one.appendHistory('a', 0, chunk(1)));
    expect([one.history('a').length, one.messages('a', 0).length]).toEqual([1, 0]);
    const failing = one.write(() => {
      one.putInstance(row({ worker: 'nobody' }));
      one.appendHistory('a', 1, chunk(2));
      throw new Error('roll it back');
    });
    await expect(failing).rejects.toThrow('roll it back');
    expect([one.instance('a')?.worker, one.history('a').length]).toEqual(['me', 1]);
  });

  test('a write that fails leaves those beside it', async () => {
    const [one] = stores();
    const [first, second, third] = await Promise.allSettled([
      one.write(() => one.putInstance(row({ id: 'first' }))),
      one.write(() => {
        one.putInstance(row({ id: 'second' }));
        throw new Error('roll it back');
      }),
      one.write(() => one.putInstance(row({ id: 'third' }))),
    ]);
    expect([first?.status, second?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(['first', 'second', 'third'].map((id) => one.instance(id)?.id)).toEqual([
      'first',
      undefined,
      'third',
    ]);
  });
});

test('a message that is not due yet is found when it is', async () => {
  const [one] = stores();
  expect(one.messages('a', 0)).toEqual([]);
  await one.write(() => one.send('a', null, { n: 1 }, 100));
  expect(one.messages('a', 99)).toEqual([]);
  expect(one.messages('a', 100)).toHaveLength(1);
});

test('when an active instance was changed last is when its last episode was, in any process', async () => {
  const [one, other] = stores();
  await one.write(() => one.putInstance(row()));
  expect(one.lastEpisode('a')).toBe(0);
  await one.write(() => {
    one.appendHistory('a', 0, chunk(7));
    one.putInstance(row({ updated: 7 }));
  });
  expect([one.lastEpisode('a'), other.lastEpisode('a'), other.instance('a')?.updated]).toEqual([7, 7, 1]);
  await one.write(() => one.putInstance(row({ updated: 8, status: 'Completed' })));
  expect(await inWrite(other, () => other.instance('a')?.updated)).toBe(8);
});

test('an instance that is removed takes all that belongs to it', async () => {
  const [one] = stores();
  await one.write(() => {
    one.putInstance(row());
    one.appendHistory('a', 0, chunk(1));
    one.send('a', null, { n: 1 });
    one.addActivity({ id: 'a', execution: 'x', task: 0, name: 'echo', input: null, worker: 'me' });
  });
  expect(await one.write(() => one.removeInstance('a'))).toBe(true);
  expect(await one.write(() => one.removeInstance('a'))).toBe(false);
  expect([one.instance('a'), one.history('a'), one.messages('a', 9), one.activities('me')]).toEqual([
    undefined,
    [],
    [],
    [],
  ]);
});

test('histories that are long together are not all kept in memory', () => {
  using database = new DatabaseSync(':memory:');
  const known = createKnown(database);
  const long = {
    at: 1,
    actions: 0,
    events: Array.from({ length: 30_000 }, () => chunk(1).events[0] as HistoryEvent),
  };
  for (const id of ['a', 'b', 'c', 'd']) {
    known.of(id).row = row({ id });
    known.setHistory(id, [long]);
  }
  expect(['a', 'b', 'c', 'd'].map((id) => known.get(id)?.history?.length)).toEqual([undefined, 1, 1, 1]);
  known.addHistory('d', long);
  expect(['b', 'c', 'd'].map((id) => known.get(id)?.history?.length)).toEqual([undefined, 1, 2]);
  known.forgetHistory('d');
  known.setHistory('c', [long, long]);
  expect(['c', 'd'].map((id) => known.get(id)?.history?.length)).toEqual([2, undefined]);
});
