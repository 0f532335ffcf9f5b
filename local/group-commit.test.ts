import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GroupCommit } from './group-commit.ts';

const open = () =>
  new GroupCommit(join(mkdtempSync(join(tmpdir(), 'commits-')), 'file.db'), 'CREATE TABLE t (n INTEGER)');

test('W4 a write that comes after the end is rejected, and harms nothing', async () => {
  const commits = open();
  await commits.write(() => commits.sql('INSERT INTO t VALUES (1)').run());
  commits[Symbol.dispose]();
  await expect(commits.write(() => commits.sql('INSERT INTO t VALUES (2)').run())).rejects.toThrow('closed');
});

test('what was handed over before the end is written', async () => {
  const commits = open();
  const last = commits.write(() => commits.sql('INSERT INTO t VALUES (1)').run().changes);
  commits[Symbol.dispose]();
  expect(await last).toBe(1);
});

test('W2 a write that throws leaves nothing behind, and those beside it stay', async () => {
  using commits = open();
  const [one, two, three] = await Promise.allSettled([
    commits.write(() => commits.sql('INSERT INTO t VALUES (1)').run()),
    commits.write(() => {
      commits.sql('INSERT INTO t VALUES (2)').run();
      throw new Error('no');
    }),
    commits.write(() => commits.sql('INSERT INTO t VALUES (3)').run()),
  ]);
  expect([one, two, three].map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(
    commits
      .sql('SELECT n FROM t ORDER BY n')
      .all()
      .map(({ n }) => n),
  ).toEqual([1, 3]);
});
