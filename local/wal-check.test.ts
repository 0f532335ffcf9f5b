import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GroupCommit } from './group-commit.ts';
import { lostTransactions } from './wal-check.ts';

let folder: string;
let database: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wal-'));
  database = join(folder, 'crashed.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const SCHEMA = 'CREATE TABLE IF NOT EXISTS t (n INTEGER)';

/** A database as a crash leaves it: its last transactions are in the log alone. */
async function crashed(transactions: number): Promise<void> {
  const file = join(folder, 'live.db');
  using live = new GroupCommit(file, SCHEMA);
  for (let n = 0; n < transactions; n++) await live.write(() => live.sql('INSERT INTO t VALUES (?)').run(n));
  for (const ending of ['', '-wal']) copyFileSync(`${file}${ending}`, `${database}${ending}`);
}

const count = () => {
  using opened = new GroupCommit(database, SCHEMA);
  return (opened.sql('SELECT COUNT(*) AS count FROM t').get() as { count: number }).count;
};

function flip(at: (length: number) => number): void {
  const bytes = readFileSync(`${database}-wal`);
  const place = at(bytes.length);
  bytes[place] = (bytes[place] as number) ^ 1;
  writeFileSync(`${database}-wal`, bytes);
}

describe('a write-ahead log', () => {
  test('that is whole is opened with all that was committed', async () => {
    await crashed(20);
    expect(lostTransactions(`${database}-wal`)).toBe(0);
    expect(count()).toBe(20);
  });

  test('G1: with a flipped bit in the middle is not opened, and the file is named', async () => {
    await crashed(20);
    flip((length) => Math.floor(length / 2));
    const before = readFileSync(`${database}-wal`);
    expect(count).toThrow(/crashed\.db-wal is damaged: at least \d+ committed transactions .*remove it/);
    expect(readFileSync(`${database}-wal`)).toEqual(before);
    rmSync(`${database}-wal`);
    expect(count()).toBeLessThan(20);
  });

  test('G1: with a flipped bit in its head is not opened', async () => {
    await crashed(5);
    flip(() => 20);
    expect(count).toThrow(/is damaged/);
  });

  test('G1: whose last transaction a crash has torn is opened without it', async () => {
    await crashed(20);
    truncateSync(`${database}-wal`, readFileSync(`${database}-wal`).length - 100);
    expect(count()).toBe(19);
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'wal-'));
    database = join(folder, 'crashed.db');
    await crashed(20);
    flip((length) => length - 10);
    expect(count()).toBe(19);
  });

  test('that begins again behind a checkpoint has frames of an older generation, which are no damage', async () => {
    const file = join(folder, 'live.db');
    using live = new GroupCommit(file, SCHEMA);
    for (let n = 0; n < 20; n++) await live.write(() => live.sql('INSERT INTO t VALUES (?)').run(n));
    live.database.exec('PRAGMA wal_checkpoint(RESTART)');
    await live.write(() => live.sql('INSERT INTO t VALUES (?)').run(20));
    expect(lostTransactions(`${file}-wal`)).toBe(0);
  });
});

test('W1: a commit waits for the disk', () => {
  using opened = new GroupCommit(database, SCHEMA);
  expect(opened.sql('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(opened.sql('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
});
