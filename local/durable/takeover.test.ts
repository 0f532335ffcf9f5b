/** K1 to K4: who works at what when processes that share a task hub come, hang and go. */
import { describe, expect, test } from 'vitest';
import { fixtureThatHolds, fixtureWith, openHub, type Status } from '../tests/support/durable-hub.ts';
import { openPeers, PEER, settled } from '../tests/support/durable-peers.ts';

const isRunning = ({ runtimeStatus }: Status) => runtimeStatus === 'Running';
/** Of no process: above the highest that there can be. */
const NO_PROCESS = 2 ** 22 + 1;
const counter = (key: string) => `@counter@${key}`;

describe('K2 a worker that is gone loses its work to the others', () => {
  test('when it has given no sign for its lease, though its process lives', async () => {
    await using hub = await openHub(undefined, { leaseMs: 3_000 });
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'stuck');
    await hub.until('stuck', isRunning);
    const me = peers.me();
    await peers.join(Date.now());
    peers.give('instances', 'stuck', PEER);
    await expect.poll(() => peers.workerOf('instances', 'stuck')).toBe(me);
    expect(hub.logs.join()).toContain('takes over from the process 1, which is gone');
    await hub.raise('stuck', 'go', 1);
    await hub.raise('stuck', 'go', 2);
    expect((await hub.until('stuck')).output).toEqual([1, 2]);
  });

  test('when its process has ended, long before its lease', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'left');
    await hub.until('left', isRunning);
    const me = peers.me();
    peers.database.prepare('INSERT INTO workers VALUES (?, ?, ?, 0)').run(PEER, NO_PROCESS, Date.now() + 1e6);
    peers.give('instances', 'left', PEER);
    await expect.poll(() => peers.workerOf('instances', 'left')).toBe(me);
  });

  test('when it belonged to an earlier process with the same number', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'left');
    await hub.until('left', isRunning);
    const me = peers.me();
    peers.database
      .prepare('INSERT INTO workers VALUES (?, ?, ?, 0)')
      .run(PEER, process.pid, Date.now() + 1e6);
    peers.give('instances', 'left', PEER);
    await expect.poll(() => peers.workerOf('instances', 'left')).toBe(me);
  });

  test('when it had gone before the work was left to it', async () => {
    await using hub = await openHub();
    using peers = openPeers(hub.dataDir);
    await hub.start('inTurn', 'orphan');
    await hub.until('orphan', isRunning);
    peers.give('instances', 'orphan', 'not a worker');
    await expect.poll(() => peers.workerOf('instances', 'orphan')).toBe(peers.me());
  });
});

describe('K1 what is left to another is left alone', () => {
  test('messages of its entity wait, and its function is not called', async () => {
    let calls = 0;
    const app = await fixtureWith((name) => {
      if (name === 'counter') calls += 1;
    });
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    const state = async () => (await hub.call('GET', '/entities/counter/theirs')).body;
    await hub.call('POST', '/entities/counter/theirs?op=add', 1);
    await expect.poll(state).toBe('1');
    await peers.join();
    peers.give('entities', counter('theirs'), PEER);
    await hub.call('POST', '/entities/counter/theirs?op=add', 1);
    await settled(hub, peers, 'then');
    expect([await state(), peers.count('inbox', counter('theirs')), calls]).toEqual(['1', 1, 1]);
    peers.give('entities', counter('theirs'), peers.me());
    await hub.call('POST', '/entities/counter/theirs?op=add', 1);
    await expect.poll(state).toBe('3');
  });

  test('an operation whose entity was left to another while it ran changes nothing', async () => {
    let meanwhile: (() => void) | undefined;
    const app = await fixtureWith((name) => {
      if (name === 'counter') meanwhile?.();
    });
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    const state = async () => (await hub.call('GET', '/entities/counter/gone')).body;
    await hub.call('POST', '/entities/counter/gone?op=add', 1);
    await expect.poll(state).toBe('1');
    await peers.join();
    peers.give('entities', counter('gone'), peers.me());
    const left = Promise.withResolvers<void>();
    meanwhile = () => {
      meanwhile = undefined;
      peers.give('entities', counter('gone'), PEER);
      left.resolve();
    };
    await hub.call('POST', '/entities/counter/gone?op=add', 1);
    await left.promise;
    await settled(hub, peers, 'after');
    expect([await state(), peers.count('inbox', counter('gone'))]).toEqual(['1', 1]);
  });

  test('a result for its orchestration goes to it as a message', async () => {
    const { app, begun, letGo } = await fixtureThatHolds('echo');
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    await hub.start('six', 'theirs');
    await expect.poll(begun).toBe(1);
    await peers.join();
    peers.give('instances', 'theirs', PEER);
    await hub.status('theirs');
    letGo();
    await expect.poll(() => peers.count('inbox', 'theirs')).toBe(1);
    expect(peers.count('activities', 'theirs')).toBe(0);
    expect(peers.workerOf('instances', 'theirs')).toBe(PEER);
  });
});

describe('K4 when another joins', () => {
  test('an instance in the midst of its episode stays', async () => {
    const { app, begun, letGo } = await fixtureThatHolds('inTurn');
    await using hub = await openHub(undefined, { app });
    using peers = openPeers(hub.dataDir);
    // Of so many, about half would go to the other by their hash.
    const ids = Array.from({ length: 12 }, (_, n) => `busy${n}`);
    for (const id of ids) await hub.start('inTurn', id);
    await expect.poll(begun).toBe(ids.length);
    const me = peers.me();
    await peers.join();
    expect(ids.map((id) => peers.workerOf('instances', id))).toEqual(ids.map(() => me));
    letGo();
  });

  test('activities that wait for a free place are offered to all, but not those that another has taken', async () => {
    const { app, begun, letGo } = await fixtureThatHolds('echo');
    await using hub = await openHub(undefined, { app, settings: { maxConcurrentActivityFunctions: 1 } });
    using peers = openPeers(hub.dataDir);
    await hub.start('fan', 'f', { n: 4 });
    await expect.poll(begun).toBe(1);
    const me = peers.me();
    const workers = () =>
      peers.database
        .prepare("SELECT worker FROM activities WHERE id = 'f' ORDER BY n")
        .all()
        .map(({ worker }) => worker);
    expect(workers()).toEqual([me, me, me, me]);
    peers.database.exec(`UPDATE activities SET worker = '${PEER}' WHERE n = (SELECT max(n) FROM activities)`);
    await peers.join();
    await expect.poll(workers).toEqual([me, null, null, PEER]);
    letGo();
  });
});
