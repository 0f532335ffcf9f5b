/** Rows of a task hub's database, and the parts of a history. */
import type { HistoryEvent } from './history.ts';

export type Status = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

/** Times in milliseconds since the epoch; `input`, `output`, `custom_status` and `parent` are JSON text. While it is active, `updated` may be older than its last episode. */
export interface InstanceRow {
  readonly id: string;
  readonly execution: string;
  readonly name: string;
  readonly status: Status;
  readonly input: string | null;
  readonly output: string | null;
  readonly custom_status: string | null;
  readonly created: number;
  readonly updated: number;
  readonly parent: string | null;
  readonly worker: string;
}

/** A message to an instance; `execution` null: to the current one. `due` 0: at once. */
export interface MessageRow {
  readonly n: number;
  readonly id: string;
  readonly execution: string | null;
  readonly event: string;
  /** Id of the activity whose result was handed over; such a message is not in the inbox. */
  readonly activity?: number;
}

export interface ActivityRow {
  readonly n: number;
  readonly id: string;
  readonly execution: string;
  readonly task: number;
  readonly name: string;
  readonly input: string | null;
  /** null: any worker with a free place. */
  readonly worker: string | null;
}

export interface EntityRow {
  readonly id: string;
  readonly state: string | null;
  /** The orchestration that holds the lock. */
  readonly owner: string | null;
  readonly updated: number;
  readonly worker: string;
}

/** The part of the history from one episode: its events, and the number of actions requested by its end. `at`: its time, ms since the epoch. */
export interface Chunk {
  readonly at: number;
  readonly actions: number;
  readonly events: readonly HistoryEvent[];
}
