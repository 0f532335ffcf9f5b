import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openHub } from './harness.ts';

/** The task hub's file as another process has it. */
const other = (dataDir: string) => new DatabaseSync(join(dataDir, 'TestHub.sqlite'), { timeout: 5_000 });

test('a process that was struck off writes nothing until it has joined anew', async () => {
  await using hub = await openHub();
  using database = other(hub.dataDir);
  database.exec('DELETE FROM workers');
  await expect(hub.start('six', 'while off')).rejects.toThrow('taken for dead');
  expect(database.prepare('SELECT count(*) AS n FROM instances').get()).toEqual({ n: 0 });
  await expect.poll(() => hub.logs.join(), { timeout: 5_000 }).toContain('joins them anew');
  await hub.start('six', 'anew');
  expect((await hub.until('anew')).output).toEqual([0, 1, 2, 3, 4, 5]);
});

test('what nobody has is taken by whoever joins', async () => {
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

test('a file of a version without workers is taken over with what it has', async () => {
  const first = await openHub();
  await first.start('inTurn', 'old');
  await first.until('old', ({ runtimeStatus }) => runtimeStatus === 'Running');
  await first.durable.close();
  {
    using database = other(first.dataDir);
    database.exec('DROP INDEX activities_offered; DROP INDEX instances_active; DROP TABLE workers');
    for (const table of ['instances', 'entities', 'activities'])
      database.exec(`ALTER TABLE ${table} DROP COLUMN worker`);
  }
  await using second = await openHub(first.dataDir);
  await second.raise('old', 'go', 1);
  await second.raise('old', 'go', 2);
  expect((await second.until('old')).output).toEqual([1, 2]);
});
