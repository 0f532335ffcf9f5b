/**
 * Opens the SQLite file of a local server.
 *
 * D1 The error for a file that cannot be opened names it, the reason and the next step, in one line.
 * D2 So does the error for a damaged write-ahead log, before SQLite drops the commits after the damage.
 */
import { DatabaseSync } from 'node:sqlite';
import { checkWal } from './wal-check.ts';

/**
 * Opens the file and runs `setup` (pragmas, schema) on it.
 * @throws Error in one line: the file is damaged, or another process uses it
 * @example openDatabase(join(dataDir, 'cosmos.db'), 'PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS …')
 */
export function openDatabase(file: string, setup: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  checkWal(file);
  try {
    database = new DatabaseSync(file);
    database.exec(setup);
    return database;
  } catch (error) {
    database?.close();
    const reason = error instanceof Error ? error.message : String(error);
    const advice = /locked|busy/i.test(reason)
      ? 'another process uses it: stop that process, or choose another folder with --data'
      : `it cannot be read (${reason}): start again with --reset, or remove the file`;
    throw new Error(`${file}: ${advice}`, { cause: error });
  }
}
