import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { fixtureThatHolds, fixtureWith, openHub } from '../tests/support/durable-hub.ts';
import { openPeers, PEER, settled } from '../tests/support/durable-peers.ts';

/** The task hub's file as another process has it. */
const other = (dataDir: string) => new DatabaseSync(join(dataDir, 'TestHub.sqlite'), { timeout: 5_000 });

test('a process that was struck off writes nothing until it has joined again', async () => {
  await using hub = await openHub();
  using database = other(hub.dataDir);
  database.exec('DELETE FROM workers');
  await expect(hub.start('six', 'while off')).rejects.toThrow('taken for dead');
  expect(database.prepare('SELECT count(*) AS n FROM instances').get()).toEqual({ n: 0 });
  expect((await hub.call('GET', '/instances/while%20off')).status).toBe(404);
  await expect.poll(() => hub.logs.join()).toContain('joins them again');
  await hub.start('six', 'again');
  expect((await hub.until('again')).output).toEqual([0, 1, 2, 3, 4, 5]);
});

test('what nobody has is taken by the next that joins', async () => {
  const first = await openHub();
  await first.start('inTurn', 'orphan');
  await first.until('orphan', ({ runtimeStatus }) => runtimeStatus === 'Running');
  await first.durable.close();
  using database = other(first.dataDir);
  expect(database.prepare('SELECT count(*) AS n FROM workers').get()).toEqual({ n: 0 });
  await using second = await openHub(first.dataDir);
  await second.raise('orphan', 'go', 1);
  await second.raise('orphan', 'go', 2);
  expect((await second.until('orphan')).output).toEqual([1, 2]);
});

test('a file of an earlier version is refused with a line that says what to do', async () => {
  const first = await openHub();
  await first.durable.close();
  {
    using database = other(first.dataDir);
    database.exec('ALTER TABLE history DROP COLUMN at');
  }
  await expect(openHub(first.dataDir)).rejects.toThrow(
    /TestHub\.sqlite: .*start again with --reset, or remove the file$/,
  );
});

describe('what is left to another process', () => {
  test('its messages wait for that process', async () => {
    let calls = 0;
    const app = await fixtureWith((name) => {
      if (name === 'inTurn') calls += 1;
    });
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'theirs');
    await hub.until('theirs', ({ runtimeStatus }) => runtimeStatus === 'Running');
    const mine = peers.me();
    await peers.join();
    peers.give('instances', 'theirs', PEER);
    await hub.raise('theirs', 'go', 1);
    await settled(hub, peers, 'before');
    expect([peers.count('inbox', 'theirs'), peers.count('history', 'theirs')]).toEqual([1, 1]);
    expect(calls).toBe(1);
    peers.give('instances', 'theirs', mine);
    await hub.raise('theirs', 'go', 2);
    expect((await hub.until('theirs')).output).toEqual([1, 2]);
  });

  test('an episode whose instance was left to another while it ran leaves nothing', async () => {
    let meanwhile: (() => void) | undefined;
    const app = await fixtureWith((name) => {
      if (name === 'inTurn') meanwhile?.();
    });
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'gone');
    await hub.until('gone', ({ runtimeStatus }) => runtimeStatus === 'Running');
    const mine = peers.me();
    await peers.join();
    peers.give('instances', 'gone', mine);
    const left = Promise.withResolvers<void>();
    meanwhile = () => {
      meanwhile = undefined;
      peers.give('instances', 'gone', PEER);
      left.resolve();
    };
    await hub.raise('gone', 'go', 1);
    await left.promise;
    // Its write comes before any request of ours, which would look again at what others have written.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    await settled(hub, peers, 'after');
    expect([peers.count('inbox', 'gone'), peers.count('history', 'gone')]).toEqual([1, 1]);
    peers.give('instances', 'gone', mine);
    await hub.raise('gone', 'go', 2);
    expect((await hub.until('gone')).output).toEqual([1, 2]);
  });

  test('the result of an activity that another has taken over is thrown away', async () => {
    const { app, begun, letGo } = await fixtureThatHolds('counted');
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('sixCounted', 'taken');
    await expect.poll(begun).toBe(1);
    await peers.join();
    peers.give('instances', 'taken', PEER);
    peers.give('activities', 'taken', PEER);
    await hub.status('taken');
    letGo();
    await settled(hub, peers, 'then');
    expect([peers.count('inbox', 'taken'), peers.count('activities', 'taken')]).toEqual([0, 1]);
  });
});

test('what another process has written is seen by the next request of this one', async () => {
  await using hub = await openHub();
  using peers = openPeers(hub.dataDir);
  await hub.start('inTurn', 'seen');
  await hub.until('seen', ({ runtimeStatus }) => runtimeStatus === 'Running');
  await peers.join();
  expect((await hub.status('seen')).customStatus).toBeNull();
  peers.database.exec(`UPDATE instances SET custom_status = '"theirs"' WHERE id = 'seen'`);
  expect((await hub.status('seen')).customStatus).toBe('theirs');
});
