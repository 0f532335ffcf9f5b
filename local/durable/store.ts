/**
 * Everything that the engine must not forget, in one SQLite file.
 *
 * S1 All state is here: what is in memory is only which instances are being worked at.
 * S2 An episode's effects (history, messages, timers, activities, new instances, status) are written by one `write`.
 * S3 One process owns a file at a time; the lock dies with the process.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GroupCommit } from '../group-commit.ts';
import type { HistoryEvent, Parent } from './history.ts';

export type Status = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

/** Times in milliseconds since the epoch; `input`, `output`, `custom_status` and `parent` are JSON text. */
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
}

/** A message to an instance; `execution` null: to whichever is current. `due` 0: at once. */
export interface MessageRow {
  readonly n: number;
  readonly id: string;
  readonly execution: string | null;
  readonly event: string;
}

export interface ActivityRow {
  readonly n: number;
  readonly id: string;
  readonly execution: string;
  readonly task: number;
  readonly name: string;
  readonly input: string | null;
}

export interface EntityRow {
  readonly id: string;
  readonly state: string | null;
  readonly owner: string | null;
  readonly updated: number;
}

/** What one episode added: its events, and how many actions the orchestrator had asked for by its end. */
export interface Chunk {
  readonly actions: number;
  readonly events: readonly HistoryEvent[];
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, input TEXT, output TEXT,
  custom_status TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, parent TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
  id TEXT NOT NULL, episode INTEGER NOT NULL, actions INTEGER NOT NULL, events TEXT NOT NULL, PRIMARY KEY (id, episode)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT, event TEXT NOT NULL, due INTEGER NOT NULL, timer INTEGER);
CREATE INDEX IF NOT EXISTS inbox_id ON inbox (id, n);
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (due) WHERE due > 0;
CREATE TABLE IF NOT EXISTS activities (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT NOT NULL, task INTEGER NOT NULL, name TEXT NOT NULL, input TEXT);
CREATE TABLE IF NOT EXISTS entities (id TEXT PRIMARY KEY, state TEXT, owner TEXT, updated INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_owner ON entities (owner) WHERE owner IS NOT NULL;
`;

export type Store = ReturnType<typeof openStore>;

/**
 * Opens or creates the file of a task hub.
 * @throws Error that says what to do when another process owns it
 */
export function openStore(dataDir: string, taskHub: string) {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, `${taskHub}.sqlite`);
  const lock = lockOf(`${file}.lock`, taskHub);
  const commits = new GroupCommit(file, `PRAGMA temp_store = MEMORY; ${SCHEMA}`);
  const sql = (text: string) => commits.sql(text);
  return {
    write: <T>(work: () => T): Promise<T> => commits.write(work),
    sql,

    instance: (id: string) => sql('SELECT * FROM instances WHERE id = ?').get(id) as InstanceRow | undefined,

    putInstance(row: InstanceRow): void {
      sql('INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
        row.id,
        row.execution,
        row.name,
        row.status,
        row.input,
        row.output,
        row.custom_status,
        row.created,
        row.updated,
        row.parent,
      );
    },

    /** Removes the instance and all that belongs to it; false when there is none. */
    removeInstance(id: string): boolean {
      sql('DELETE FROM history WHERE id = ?').run(id);
      sql('DELETE FROM inbox WHERE id = ?').run(id);
      sql('DELETE FROM activities WHERE id = ?').run(id);
      return sql('DELETE FROM instances WHERE id = ?').run(id).changes > 0;
    },

    history: (id: string): Chunk[] =>
      (
        sql('SELECT actions, events FROM history WHERE id = ? ORDER BY episode').all(id) as {
          actions: number;
          events: string;
        }[]
      ).map(({ actions, events }) => ({ actions, events: JSON.parse(events) as HistoryEvent[] })),

    appendHistory(id: string, episode: number, chunk: Chunk): void {
      sql('INSERT INTO history VALUES (?, ?, ?, ?)').run(
        id,
        episode,
        chunk.actions,
        JSON.stringify(chunk.events),
      );
    },

    clearHistory: (id: string) => sql('DELETE FROM history WHERE id = ?').run(id),

    /** Messages that are due, in the order of their arrival. */
    messages: (id: string, now: number) =>
      sql('SELECT n, id, execution, event FROM inbox WHERE id = ? AND due <= ? ORDER BY n').all(
        id,
        now,
      ) as unknown as MessageRow[],

    send(id: string, execution: string | null, event: object, due = 0, timer: number | null = null): void {
      sql('INSERT INTO inbox (id, execution, event, due, timer) VALUES (?, ?, ?, ?, ?)').run(
        id,
        execution,
        JSON.stringify(event),
        due,
        timer,
      );
    },

    removeMessages(rows: readonly MessageRow[]): void {
      const remove = sql('DELETE FROM inbox WHERE n = ?');
      for (const { n } of rows) remove.run(n);
    },

    removeTimer: (id: string, execution: string, timer: number) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ? AND timer = ?').run(id, execution, timer),

    /** Timers and results of an execution that is over. */
    removeStale: (id: string, execution: string) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ?').run(id, execution),

    addActivity: (row: Omit<ActivityRow, 'n'>): number =>
      Number(
        sql('INSERT INTO activities (id, execution, task, name, input) VALUES (?, ?, ?, ?, ?)').run(
          row.id,
          row.execution,
          row.task,
          row.name,
          row.input,
        ).lastInsertRowid,
      ),

    activities: () => sql('SELECT * FROM activities ORDER BY n').all() as unknown as ActivityRow[],
    removeActivity: (n: number) => sql('DELETE FROM activities WHERE n = ?').run(n).changes > 0,

    entity: (id: string) => sql('SELECT * FROM entities WHERE id = ?').get(id) as EntityRow | undefined,

    putEntity: (row: EntityRow) =>
      sql('INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?)').run(
        row.id,
        row.state,
        row.owner,
        row.updated,
      ),

    entities: () => sql('SELECT * FROM entities ORDER BY id').all() as unknown as EntityRow[],

    ownedBy: (owner: string) =>
      sql('SELECT * FROM entities WHERE owner = ?').all(owner) as unknown as EntityRow[],

    /** Instances and entities that have messages now. */
    awake: (now: number) =>
      (sql('SELECT DISTINCT id FROM inbox WHERE due <= ?').all(now) as { id: string }[]).map(({ id }) => id),

    /** The next time at which a message that waits becomes due. */
    nextDue: (after: number) =>
      (sql('SELECT min(due) AS due FROM inbox WHERE due > ?').get(after) as { due: number | null }).due,

    dueBetween: (after: number, until: number) =>
      (
        sql('SELECT DISTINCT id FROM inbox WHERE due > ? AND due <= ?').all(after, until) as { id: string }[]
      ).map(({ id }) => id),

    close(): void {
      commits[Symbol.dispose]();
      lock.close();
    },
  };
}

/** Held by an open transaction, so the system releases it when the process ends in whatever way. */
function lockOf(file: string, taskHub: string): DatabaseSync {
  const lock = new DatabaseSync(file);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw new Error(
      `the task hub ${taskHub} is in use by another process: stop it, or choose another data folder`,
      { cause: error },
    );
  }
}

export function parentOf(row: InstanceRow): Parent | null {
  return row.parent === null ? null : (JSON.parse(row.parent) as Parent);
}

/** Whether an instance has come to its end. */
export function isFinal(status: Status): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Terminated';
}
