/** What the tables of a task hub share: prepared statements, and the instances that this process knows. */
import type { StatementSync } from 'node:sqlite';
import type { Known } from './instance-cache.ts';
import type { Status } from './rows.ts';

export interface Tables {
  /** A prepared statement, made once. */
  readonly sql: (text: string) => StatementSync;
  readonly known: Known;
}

/** Whether an instance has ended. */
export function isFinal(status: Status): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Terminated';
}
