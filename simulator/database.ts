/**
 * A SQLite file of the simulator.
 *
 * D1 A file that cannot be opened is named, with the reason and what to do next, in one line.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Opens the file, and makes its folder when there is none.
 *
 * @param setup pragmas and schema, run as it opens
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
      ? 'another process has it: stop that, or choose another folder with --data'
      : `it cannot be read (${reason}): begin again with --reset, or remove the file`;
    throw new Error(`${file}: ${advice}`, { cause: error });
  }
}
