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
import type { Parent } from './history.ts';
import { inboxTable } from './inbox-table.ts';
import { createKnown } from './instance-cache.ts';
import { instanceTable } from './instance-table.ts';
import type { InstanceRow } from './rows.ts';
import { activityTable, entityTable } from './work-tables.ts';

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

    ...instanceTable({ sql, known }),
    ...inboxTable({ sql, known }),
    ...activityTable({ sql, known }),
    ...entityTable({ sql, known }),

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

export function parentOf(row: InstanceRow): Parent | null {
  return row.parent === null ? null : (JSON.parse(row.parent) as Parent);
}
