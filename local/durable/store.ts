/**
 * Keeps everything that the engine must not lose, in one SQLite file.
 *
 * S1 All state is here: memory has only the instances that are running.
 * S2 An episode's effects (history, messages, timers, activities, new instances, status) are written by one `write`.
 * S3 Processes share a file: each row of an instance, an entity and an activity names the worker that owns it (workers.ts).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GroupCommit } from '../group-commit.ts';
import type { HistoryEvent, Parent } from './history.ts';
import { createKnown } from './instance-cache.ts';
import type { ActivityRow, Chunk, EntityRow, InstanceRow, MessageRow, Status } from './rows.ts';

const OPEN_PATIENCE_MS = 3_000;
const OPEN_RETRY_MS = 20;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY, execution TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, input TEXT, output TEXT,
  custom_status TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, parent TEXT, worker TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, episode INTEGER NOT NULL, at INTEGER NOT NULL, actions INTEGER NOT NULL, events TEXT NOT NULL,
  UNIQUE (id, episode));
CREATE TABLE IF NOT EXISTS inbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT, event TEXT NOT NULL, due INTEGER NOT NULL, timer INTEGER);
CREATE INDEX IF NOT EXISTS inbox_id ON inbox (id, n);
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (due) WHERE due > 0;
CREATE TABLE IF NOT EXISTS activities (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, execution TEXT NOT NULL, task INTEGER NOT NULL, name TEXT NOT NULL, input TEXT, worker TEXT);
CREATE INDEX IF NOT EXISTS activities_offered ON activities (n) WHERE worker IS NULL;
CREATE INDEX IF NOT EXISTS instances_active ON instances (worker) WHERE status IN ('Pending', 'Running', 'Suspended');
CREATE TABLE IF NOT EXISTS entities (id TEXT PRIMARY KEY, state TEXT, owner TEXT, updated INTEGER NOT NULL, worker TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_owner ON entities (owner) WHERE owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS workers (id TEXT PRIMARY KEY, pid INTEGER NOT NULL, beat INTEGER NOT NULL, epoch INTEGER NOT NULL) WITHOUT ROWID;
-- Fails on a file of an earlier version.
SELECT at FROM history LIMIT 0;
`;

export type Store = ReturnType<typeof openStore>;

/** Opens or creates the file of a task hub. */
export function openStore(dataDir: string, taskHub: string, onCommit?: () => void) {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, `${taskHub}.sqlite`);
  let guard: () => void = () => undefined;
  const commits = openTogether(() => {
    const hooks = {
      begun: () => void known.check(),
      beforeCommit: () => guard(),
      rolledBack: () => known.forgetAll(),
    };
    return new GroupCommit(file, `PRAGMA temp_store = MEMORY; ${SCHEMA}`, hooks, true);
  });
  const known = createKnown(commits.database);
  const sql = (text: string) => commits.sql(text);
  return {
    /** `isLazy`: for writes that a crash of the machine may lose, because their work would only be repeated. */
    write: async <T>(work: () => T, isLazy = false): Promise<T> => {
      const value = await commits.write(work, isLazy);
      onCommit?.();
      return value;
    },
    sql,
    /** Defines a function for SQL. */
    define: (name: string, of: (id: string) => string | number) =>
      commits.database.function(name, (id) => of(String(id))),
    /** Called within each transaction, after its writes; it throws to roll them all back. */
    guard: (check: () => void): void => {
      guard = check;
    },

    /** Checks whether other processes have written; the number changes whenever they have. Call it before reading for a client. */
    check: () => known.check(),
    /** Rows were changed without this store's functions. */
    forgetAll: () => known.forgetAll(),

    instance(id: string): InstanceRow | undefined {
      const row = known.get(id)?.row;
      if (row) return row;
      const read = sql('SELECT * FROM instances WHERE id = ?').get(id) as InstanceRow | undefined;
      if (read && !isFinal(read.status)) known.of(id).row = read;
      return read;
    },

    putInstance(row: InstanceRow): void {
      const before = known.get(row.id)?.row;
      // For an active instance, its last episode has the time of the change, so its row need not be written for that alone.
      if (!before || !isSameBut('updated', before, row))
        sql('INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
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
          row.worker,
        );
      if (isFinal(row.status)) known.forget(row.id);
      else known.of(row.id).row = row;
    },

    /** Removes the instance and all that belongs to it, and messages to one of that id; false when there is none. */
    removeInstance(id: string): boolean {
      known.forget(id);
      sql('DELETE FROM inbox WHERE id = ?').run(id);
      if (sql('DELETE FROM instances WHERE id = ?').run(id).changes === 0) return false;
      sql('DELETE FROM history WHERE id = ?').run(id);
      sql('DELETE FROM activities WHERE id = ?').run(id);
      return true;
    },

    history(id: string): readonly Chunk[] {
      const found = known.get(id)?.history;
      if (found) return found;
      const rows = sql('SELECT at, actions, events FROM history WHERE id = ? ORDER BY episode').all(id) as {
        at: number;
        actions: number;
        events: string;
      }[];
      const chunks = rows.map((row) => ({ ...row, events: JSON.parse(row.events) as HistoryEvent[] }));
      known.setHistory(id, chunks);
      return chunks;
    },

    appendHistory(id: string, episode: number, chunk: Chunk): void {
      sql('INSERT INTO history (id, episode, at, actions, events) VALUES (?, ?, ?, ?, ?)').run(
        id,
        episode,
        chunk.at,
        chunk.actions,
        JSON.stringify(chunk.events),
      );
      known.addHistory(id, chunk);
    },

    /** When its last episode was, ms since the epoch; 0 before the first. */
    lastEpisode(id: string): number {
      const history = known.get(id)?.history;
      if (history) return history.at(-1)?.at ?? 0;
      const last = sql('SELECT at FROM history WHERE id = ? ORDER BY episode DESC LIMIT 1').get(id);
      return Number(last?.['at'] ?? 0);
    },

    clearHistory(id: string): void {
      known.forgetHistory(id);
      sql('DELETE FROM history WHERE id = ?').run(id);
    },

    /** Messages that are due, in the order of their arrival. */
    messages(id: string, now: number): MessageRow[] {
      if (known.get(id)?.isQuiet) return [];
      const rows = sql('SELECT n, id, execution, event FROM inbox WHERE id = ? AND due <= ? ORDER BY n').all(
        id,
        now,
      ) as unknown as MessageRow[];
      if (rows.length === 0 && !sql('SELECT 1 FROM inbox WHERE id = ? LIMIT 1').get(id))
        known.of(id).isQuiet = true;
      return rows;
    },

    /** `pick` chooses the worker of a new entity. */
    send(id: string, execution: string | null, event: object, due = 0, timer: number | null = null): void {
      if (id.startsWith('@'))
        sql('INSERT OR IGNORE INTO entities VALUES (?, NULL, NULL, 0, pick(?))').run(id, id);
      sql('INSERT INTO inbox (id, execution, event, due, timer) VALUES (?, ?, ?, ?, ?)').run(
        id,
        execution,
        JSON.stringify(event),
        due,
        timer,
      );
      known.wake(id);
    },

    removeMessages(rows: readonly MessageRow[]): void {
      const remove = sql('DELETE FROM inbox WHERE n = ?');
      const finish = sql('DELETE FROM activities WHERE n = ?');
      for (const { n, activity } of rows) {
        if (activity === undefined) remove.run(n);
        else finish.run(activity);
      }
    },

    removeTimer: (id: string, execution: string, timer: number) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ? AND timer = ?').run(id, execution, timer),

    /** Timers and results of an execution that has ended. */
    removeStale: (id: string, execution: string) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ?').run(id, execution),

    addActivity: (row: Omit<ActivityRow, 'n'>): number =>
      Number(
        sql(
          'INSERT INTO activities (id, execution, task, name, input, worker) VALUES (?, ?, ?, ?, ?, ?)',
        ).run(row.id, row.execution, row.task, row.name, row.input, row.worker).lastInsertRowid,
      ),

    activities: (worker: string) =>
      sql('SELECT * FROM activities WHERE worker = ? ORDER BY n').all(worker) as unknown as ActivityRow[],

    /** Takes up to `count` unassigned activities. */
    claim: (worker: string, count: number) =>
      sql(
        'UPDATE activities SET worker = ? WHERE n IN (SELECT n FROM activities WHERE worker IS NULL ORDER BY n LIMIT ?) RETURNING *',
      ).all(worker, count) as unknown as ActivityRow[],

    isOffered: () => sql('SELECT 1 FROM activities WHERE worker IS NULL LIMIT 1').get() !== undefined,

    offer: (n: number, worker: string) =>
      sql('UPDATE activities SET worker = NULL WHERE n = ? AND worker = ?').run(n, worker),

    /** False when another worker has taken it over, or it no longer exists. */
    removeActivity: (n: number, worker: string) =>
      sql('DELETE FROM activities WHERE n = ? AND worker = ?').run(n, worker).changes > 0,

    entity: (id: string) => sql('SELECT * FROM entities WHERE id = ?').get(id) as EntityRow | undefined,

    putEntity: (row: EntityRow) =>
      sql('INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?)').run(
        row.id,
        row.state,
        row.owner,
        row.updated,
        row.worker,
      ),

    entities: () => sql('SELECT * FROM entities ORDER BY id').all() as unknown as EntityRow[],

    ownedBy: (owner: string) =>
      sql('SELECT * FROM entities WHERE owner = ?').all(owner) as unknown as EntityRow[],

    /** Instances and entities that have messages now. */
    awake: (now: number) =>
      (sql('SELECT DISTINCT id FROM inbox WHERE due <= ?').all(now) as { id: string }[]).map(({ id }) => id),

    /** The next time at which a waiting message becomes due. */
    nextDue: (after: number) =>
      (sql('SELECT min(due) AS due FROM inbox WHERE due > ?').get(after) as { due: number | null }).due,

    dueBetween: (after: number, until: number) =>
      (
        sql('SELECT DISTINCT id FROM inbox WHERE due > ? AND due <= ?').all(after, until) as { id: string }[]
      ).map(({ id }) => id),

    /**
     * Messages after number `n`: the ids of those that are due, and the last number. It is a single statement: a message that
     * another process wrote between two statements would count as seen and never be processed.
     */
    since(n: number, now: number): { readonly ids: readonly string[]; readonly last: number } {
      const rows = sql('SELECT n, id, due FROM inbox WHERE n > ?').all(n) as {
        n: number;
        id: string;
        due: number;
      }[];
      return {
        ids: [...new Set(rows.filter(({ due }) => due <= now).map(({ id }) => id))],
        last: rows.reduce((last, row) => Math.max(last, row.n), n),
      };
    },

    close(): void {
      commits[Symbol.dispose]();
    },
  };
}

/** When two processes open a new file at the same moment, SQLite refuses one of them at once, regardless of the busy time-out. */
function openTogether<T>(open: () => T): T {
  const end = Date.now() + OPEN_PATIENCE_MS;
  for (;;) {
    try {
      return open();
    } catch (error) {
      const { cause, message } = error as Error;
      if (!/locked/.test(`${message} ${String(cause)}`) || Date.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_RETRY_MS);
    }
  }
}

function isSameBut(column: keyof InstanceRow, one: InstanceRow, other: InstanceRow): boolean {
  return Object.entries(other).every(
    ([name, value]) => name === column || one[name as keyof InstanceRow] === value,
  );
}

export function parentOf(row: InstanceRow): Parent | null {
  return row.parent === null ? null : (JSON.parse(row.parent) as Parent);
}

/** Whether an instance has ended. */
export function isFinal(status: Status): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Terminated';
}
