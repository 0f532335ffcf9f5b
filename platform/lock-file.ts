/** Locks a file for one process at a time. The lock is a transaction on the file, so it ends with its process in every case. */
import { DatabaseSync } from 'node:sqlite';

/** @returns undefined when another process has the lock; `close` releases it */
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
