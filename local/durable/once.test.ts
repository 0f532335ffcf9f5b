/** Effects that happen once, and rows that are gone when they are not needed any more. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import {
  fixtureThatHolds,
  fixtureWith,
  type Hub,
  openHub,
  type Status,
} from '../tests/support/durable-hub.ts';
import { openPeers } from '../tests/support/durable-peers.ts';
import { EventType, inbound } from './history.ts';

const isRunning = ({ runtimeStatus }: Status) => runtimeStatus === 'Running';
const types = ({ historyEvents }: Status) => historyEvents?.map(({ EventType }) => EventType);
const execution = (database: DatabaseSync, id: string) =>
  String(database.prepare('SELECT execution FROM instances WHERE id = ?').get(id)?.['execution']);
const post = (database: DatabaseSync, id: string, to: string | null, event: object) =>
  database
    .prepare('INSERT INTO inbox (id, execution, event, due) VALUES (?, ?, ?, 0)')
    .run(id, to, JSON.stringify(event));

describe('E2 a result counts once', () => {
  const again = (value: unknown) =>
    inbound(EventType.TaskCompleted, Date.now(), { TaskScheduledId: 0, Result: JSON.stringify(value) });

  test('when it comes again later, and twice in one batch', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('echoesAndWaits', 'twice');
    await expect
      .poll(async () => types(await hub.status('twice', 'showHistory=true')))
      .toContain('TaskCompleted');
    const to = execution(peers.database, 'twice');
    post(peers.database, 'twice', to, again('second'));
    post(peers.database, 'twice', to, again('third'));
    await hub.raise('twice', 'go');
    const status = await hub.until('twice');
    expect(status.output).toBe('echoed');
    expect(types(status)?.filter((type) => type === 'TaskCompleted')).toHaveLength(1);
    expect(peers.count('inbox', 'twice')).toBe(0);
  });

  test('when it comes twice before the first is taken', async () => {
    const { app, begun, letGo } = await fixtureThatHolds('echo');
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('echoesAndWaits', 'early');
    await expect.poll(begun).toBe(1);
    const to = execution(peers.database, 'early');
    post(peers.database, 'early', to, again('first'));
    post(peers.database, 'early', to, again('second'));
    await hub.raise('early', 'go');
    letGo();
    const status = await hub.until('early');
    expect(status.output).toBe('first');
    expect(types(status)?.filter((type) => type === 'TaskCompleted')).toHaveLength(1);
  });
});

describe('timers', () => {
  test('one that was cancelled is gone, while its orchestration goes on', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('cancelsAndGoesOn', 'c');
    await hub.until('c', isRunning);
    expect(peers.count('inbox', 'c')).toBe(1);
    await hub.raise('c', 'go');
    await expect.poll(() => peers.count('inbox', 'c')).toBe(0);
    expect((await hub.status('c')).runtimeStatus).toBe('Running');
    await hub.raise('c', 'end', 'over');
    expect((await hub.until('c')).output).toBe('over');
  });

  test('those of an instance that was terminated are gone', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('timer', 't', { ms: 60_000 });
    await hub.until('t', isRunning);
    expect(peers.count('inbox', 't')).toBe(1);
    await hub.call('POST', '/instances/t/terminate');
    await hub.until('t');
    expect(peers.count('inbox', 't')).toBe(0);
  });
});

describe('F2 an episode leaves nothing when, while it ran, its instance', () => {
  /** Lets an episode of `inTurn` run while the instance is changed. */
  const changed = async (change: string): Promise<{ hub: Hub; history: number }> => {
    let meanwhile: (() => void) | undefined;
    const app = await fixtureWith((name) => {
      if (name === 'inTurn') meanwhile?.();
    });
    const hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'i');
    await hub.until('i', isRunning);
    const done = Promise.withResolvers<void>();
    meanwhile = () => {
      meanwhile = undefined;
      peers.database.exec(`UPDATE instances SET ${change} WHERE id = 'i'`);
      done.resolve();
    };
    await hub.raise('i', 'go', 1);
    await done.promise;
    await hub.start('six', 'then');
    await hub.until('then');
    await expect.poll(() => peers.count('inbox', 'i')).toBe(0);
    return { hub, history: peers.count('history', 'i') };
  };

  test.each([
    ['was replaced', "execution = 'another'"],
    ['came to its end', "status = 'Terminated'"],
  ])('%s', async (_, change) => {
    const { hub, history } = await changed(change);
    expect(history).toBe(1);
    await hub.durable.close(1_000);
  });
});

test('a lock is not granted to an orchestration that is gone, and the entity goes on', async () => {
  await using hub = await openHub();
  using peers = openPeers(hub.dataDir);
  const state = async () => (await hub.call('GET', '/entities/counter/k')).body;
  await hub.call('POST', '/entities/counter/k?op=add', 1);
  await expect.poll(state).toBe('1');
  const lockset = [{ name: 'counter', key: 'k' }];
  post(peers.database, '@counter@k', null, {
    kind: 'op',
    op: null,
    id: 'lock',
    parent: 'nobody',
    parentExecution: 'none',
    lockset,
  });
  await hub.call('POST', '/entities/counter/k?op=add', 1);
  await expect.poll(state).toBe('2');
  expect(peers.database.prepare('SELECT owner FROM entities').get()).toEqual({ owner: null });
});

test('V2 results that no episode has taken yet are recorded by an orderly stop, and their activities do not run again', async () => {
  const orchestrator = Promise.withResolvers<void>();
  let isHolding = false;
  let activities = 0;
  const app = await fixtureWith((name) => {
    if (name === 'echo') activities += 1;
    return name === 'fan' && isHolding ? orchestrator.promise : undefined;
  });
  const first = await openHub(undefined, { app });
  const starting = first.start('fan', 'f', { n: 3 });
  await starting;
  isHolding = true;
  await expect.poll(() => activities).toBe(3);
  await first.durable.close(100);
  using database = new DatabaseSync(join(first.dataDir, 'TestHub.sqlite'));
  const count = (table: string) =>
    database.prepare(`SELECT count(*) AS n FROM ${table} WHERE id = 'f'`).get()?.['n'];
  expect([count('activities'), count('inbox')]).toEqual([0, 3]);
  orchestrator.resolve();
  await using second = await openHub(first.dataDir, {
    app: await fixtureWith((name) => {
      if (name === 'echo') activities += 1;
    }),
  });
  expect((await second.until('f')).output).toBe(3);
  expect(activities).toBe(3);
});
