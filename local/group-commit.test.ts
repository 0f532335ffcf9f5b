import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GroupCommit } from './group-commit.ts';

const SCHEMA = 'CREATE TABLE IF NOT EXISTS t (n INTEGER)';
const FULL = 2;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'group-commit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const numbersIn = (file: string) => {
  using opened = new GroupCommit(file, SCHEMA);
  return (opened.sql('SELECT n FROM t ORDER BY rowid').all() as { n: number }[]).map(({ n }) => n);
};

/**
 * A database and, beside it, its files as a power cut would leave them: as they were after the last COMMIT that waited for the
 * disk. In WAL mode SQLite promises that for `synchronous = FULL` (https://sqlite.org/pragma.html#pragma_synchronous).
 */
function openWithCopy(repeatable: boolean) {
  const [file, onDisk] = [join(folder, 'live', 'data.db'), join(folder, 'disk', 'data.db')];
  for (const name of ['live', 'disk']) mkdirSync(join(folder, name));
  const opened = new GroupCommit(file, SCHEMA, {}, repeatable);
  const synchronous = opened.database.prepare('PRAGMA synchronous');
  const keep = () => {
    if (synchronous.get()?.['synchronous'] !== FULL) return;
    for (const ending of ['', '-wal'])
      if (existsSync(`${file}${ending}`)) copyFileSync(`${file}${ending}`, `${onDisk}${ending}`);
  };
  keep();
  const prepare = opened.database.prepare.bind(opened.database);
  opened.database.prepare = (sql: string) => {
    const statement = prepare(sql);
    if (sql !== 'COMMIT') return statement;
    const run = statement.run.bind(statement);
    statement.run = () => {
      const result = run();
      keep();
      return result;
    };
    return statement;
  };
  return { opened, onDisk };
}

const write = fc.record({ isLazy: fc.boolean(), fails: fc.boolean(), isAwaited: fc.boolean() });

describe.each([true, false])('writes that share transactions (may be repeated: %s)', (repeatable) => {
  test('W1, W3: a power cut loses no write that was answered, but lazy ones since the last that was not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), async (writes) => {
        const { opened, onDisk } = openWithCopy(repeatable);
        try {
          const answered: { n: number; isLazy: boolean }[] = [];
          const refused: number[] = [];
          const running: Promise<void>[] = [];
          for (const [n, { isLazy, fails, isAwaited }] of writes.entries()) {
            const work = () => {
              opened.sql('INSERT INTO t VALUES (?)').run(n);
              if (fails) throw new Error('no');
            };
            running.push(
              opened.write(work, isLazy).then(
                () => void answered.push({ n, isLazy }),
                () => void refused.push(n),
              ),
            );
            if (isAwaited) await Promise.all(running);
          }
          await Promise.all(running);
          const found = numbersIn(onDisk);
          const covered = answered.findLastIndex(({ isLazy }) => !isLazy);
          const promised = answered.slice(0, covered + 1).map(({ n }) => n);
          expect(found.filter((n) => promised.includes(n))).toEqual(promised);
          // W2
          expect(found.filter((n) => refused.includes(n))).toEqual([]);
          expect(refused).toEqual(writes.flatMap(({ fails }, n) => (fails ? [n] : [])));
        } finally {
          opened[Symbol.dispose]();
          for (const name of ['live', 'disk']) rmSync(join(folder, name), { recursive: true });
        }
      }),
      { numRuns: 15 },
    );
  });
});

test('the copy of the disk lacks what no COMMIT has waited for', async () => {
  const { opened, onDisk } = openWithCopy(true);
  const insert = (n: number) => () => opened.sql('INSERT INTO t VALUES (?)').run(n);
  try {
    await opened.write(insert(1));
    await opened.write(insert(2), true);
    expect(numbersIn(onDisk)).toEqual([1]);
    expect(numbersOf(opened.database)).toEqual([1, 2]);
    await opened.write(insert(3));
  } finally {
    opened[Symbol.dispose]();
  }
  expect(numbersIn(onDisk)).toEqual([1, 2, 3]);
});

const numbersOf = (database: DatabaseSync) =>
  database
    .prepare('SELECT n FROM t ORDER BY rowid')
    .all()
    .map((row) => row['n']);

test('W4: a write that comes after the end is rejected; one that came before it is on the disk', async () => {
  const file = join(folder, 'ended.db');
  const opened = new GroupCommit(file, SCHEMA);
  const insert = (n: number) => opened.write(() => opened.sql('INSERT INTO t VALUES (?)').run(n));
  const before = insert(1);
  opened[Symbol.dispose]();
  await before;
  await expect(insert(2)).rejects.toThrow('closed');
  expect(numbersIn(file)).toEqual([1]);
});
