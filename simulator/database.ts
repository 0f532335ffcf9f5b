/**
 * Opens the simulator's SQLite files.
 *
 * D1 The error for a file that cannot be opened names it, the reason and the next step, in one line.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Opens the file, and creates its folder if there is none.
 *
 * @param setup pragmas and schema, run when the file is opened
 * @throws Error in one line: the file is damaged, or another process has it
 */
export function openDatabase(file: string, setup: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true });
  let database: DatabaseSync | undefined;
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
