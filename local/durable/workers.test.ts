import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { fixtureApp, type Hub, openHub } from '../tests/support/durable-hub.ts';

/** The task hub's file as another process has it. */
const other = (dataDir: string) => new DatabaseSync(join(dataDir, 'TestHub.sqlite'), { timeout: 5_000 });

test('a process that was removed writes nothing until it has joined again', async () => {
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

const SOMEONE = 'someone';
const me = (database: DatabaseSync) =>
  String(database.prepare('SELECT id FROM workers WHERE id <> ?').get(SOMEONE)?.['id']);

/** A worker that lives, of another process (number 1 always does); the hub has noticed it. */
async function joined(database: DatabaseSync): Promise<void> {
  database.prepare('INSERT INTO workers VALUES (?, 1, ?, 0)').run(SOMEONE, Date.now() + 3_600_000);
  const epoch = () => database.prepare('SELECT epoch FROM workers WHERE id <> ?').get(SOMEONE)?.['epoch'];
  await expect.poll(epoch).toBe(1);
}

describe('what is left to another process', () => {
  const give = (database: DatabaseSync, table: string, id: string, worker: string) =>
    database.prepare(`UPDATE ${table} SET worker = ? WHERE id = ?`).run(worker, id);
  const count = (database: DatabaseSync, table: string, id: string) =>
    Number(database.prepare(`SELECT count(*) AS n FROM ${table} WHERE id = ?`).get(id)?.['n']);
  /** All earlier work of the hub is done when this is. */
  const barrier = async (hub: Hub, database: DatabaseSync, id: string) => {
    for (let n = 0; ; n++) {
      await hub.start('six', `${id}${n}`);
      const { worker } = database.prepare('SELECT worker FROM instances WHERE id = ?').get(`${id}${n}`) ?? {};
      if (worker !== SOMEONE) return hub.until(`${id}${n}`);
    }
  };

  test('its messages wait for that process', async () => {
    const app = await fixtureApp();
    let calls = 0;
    const invoke: typeof app.invoke = (name, invocation) => {
      if (name === 'inTurn') calls += 1;
      return app.invoke(name, invocation);
    };
    await using hub = await openHub(undefined, { app: { ...app, invoke } });
    using database = other(hub.dataDir);
    await hub.start('inTurn', 'theirs');
    await hub.until('theirs', ({ runtimeStatus }) => runtimeStatus === 'Running');
    const mine = me(database);
    await joined(database);
    give(database, 'instances', 'theirs', SOMEONE);
    await hub.raise('theirs', 'go', 1);
    await barrier(hub, database, 'before');
    expect([count(database, 'inbox', 'theirs'), count(database, 'history', 'theirs')]).toEqual([1, 1]);
    expect(calls).toBe(1);
    give(database, 'instances', 'theirs', mine);
    await hub.raise('theirs', 'go', 2);
    expect((await hub.until('theirs')).output).toEqual([1, 2]);
  });

  test('an episode whose instance was left to another while it ran leaves nothing', async () => {
    const app = await fixtureApp();
    let meanwhile: (() => void) | undefined;
    const invoke: typeof app.invoke = async (name, invocation) => {
      if (name === 'inTurn') meanwhile?.();
      return app.invoke(name, invocation);
    };
    await using hub = await openHub(undefined, { app: { ...app, invoke } });
    using database = other(hub.dataDir);
    await hub.start('inTurn', 'gone');
    await hub.until('gone', ({ runtimeStatus }) => runtimeStatus === 'Running');
    const mine = me(database);
    await joined(database);
    give(database, 'instances', 'gone', mine);
    const left = Promise.withResolvers<void>();
    meanwhile = () => {
      meanwhile = undefined;
      give(database, 'instances', 'gone', SOMEONE);
      left.resolve();
    };
    await hub.raise('gone', 'go', 1);
    await left.promise;
    // Its write comes before any request of ours, which would look again at what others have written.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    await barrier(hub, database, 'after');
    expect([count(database, 'inbox', 'gone'), count(database, 'history', 'gone')]).toEqual([1, 1]);
    give(database, 'instances', 'gone', mine);
    await hub.raise('gone', 'go', 2);
    expect((await hub.until('gone')).output).toEqual([1, 2]);
  });

  test('the result of an activity that another has taken over is thrown away', async () => {
    const app = await fixtureApp();
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const invoke: typeof app.invoke = async (name, invocation) => {
      if (name === 'counted') {
        begun.resolve();
        await held.promise;
      }
      return app.invoke(name, invocation);
    };
    await using hub = await openHub(undefined, { app: { ...app, invoke } });
    using database = other(hub.dataDir);
    await hub.start('sixCounted', 'taken');
    await begun.promise;
    await joined(database);
    give(database, 'instances', 'taken', SOMEONE);
    give(database, 'activities', 'taken', SOMEONE);
    await hub.status('taken');
    held.resolve();
    await barrier(hub, database, 'then');
    expect([count(database, 'inbox', 'taken'), count(database, 'activities', 'taken')]).toEqual([0, 1]);
  });
});

test('what another process has written is seen by the next request of this one', async () => {
  await using hub = await openHub();
  using database = other(hub.dataDir);
  await hub.start('inTurn', 'seen');
  await hub.until('seen', ({ runtimeStatus }) => runtimeStatus === 'Running');
  await joined(database);
  expect((await hub.status('seen')).customStatus).toBeNull();
  database.exec(`UPDATE instances SET custom_status = '"theirs"' WHERE id = 'seen'`);
  expect((await hub.status('seen')).customStatus).toBe('theirs');
});
