/** A file that one process at a time has: the transaction on it is the lock, which ends with its process, however that ends. */
import { DatabaseSync } from 'node:sqlite';

/** @returns undefined when another process has it; `close` gives it back */
export function lockFile(path: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (/locked|busy/i.test((error as Error).message)) return undefined;
    throw error;
  }
}
