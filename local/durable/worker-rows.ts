/** The workers' rows, and who works at what: K1 and K2 of workers.ts as SQL. */
import type { Store } from './store.ts';

export interface WorkerRow {
  readonly id: string;
  readonly pid: number;
  readonly beat: number;
  readonly epoch: number;
}

export interface WorkerRows {
  /** Who there is, as far as this process has noticed. */
  members: readonly string[];
  all(): readonly WorkerRow[];
  isListed(id: string): boolean;
  /** Who works at an instance or entity from now on. */
  pick(id: string): string;
  /** Within a write, as all that follow: a worker begins. */
  insert(me: string): void;
  beat(me: string): void;
  /** The worker has shared out what it has. */
  mark(me: string): void;
  remove(id: string): void;
  /** Gives what nobody has to those who are there. */
  shareOrphans(me: string): void;
  /** Redistributes the work of a worker: all of it, or only what is not in progress. */
  shareOut(me: string, which: 'all' | 'idle'): void;
  /** Work was left to a worker that was already gone when it was written: the others choose again. */
  hasOrphans(): boolean;
}

const ACTIVE = "status IN ('Pending', 'Running', 'Suspended')";
const ORPHANED = 'worker NOT IN (SELECT id FROM workers)';

/** @param isBusy whether this process is in the midst of an instance or entity */
export function createWorkerRows(
  store: Store,
  now: () => number,
  isBusy: (id: string) => boolean,
): WorkerRows {
  const { sql } = store;
  const rows: WorkerRows = {
    members: [],
    all: () => sql('SELECT * FROM workers ORDER BY id').all() as unknown as WorkerRow[],
    isListed: (id) => sql('SELECT 1 FROM workers WHERE id = ?').get(id) !== undefined,
    pick: (id) => choose(rows.members, id),
    insert: (me) =>
      sql('INSERT INTO workers (id, pid, beat, epoch) VALUES (?, ?, ?, 0)').run(me, process.pid, now()),
    beat: (me) => sql('UPDATE workers SET beat = ? WHERE id = ?').run(now(), me),
    mark: (me) => sql('UPDATE workers SET epoch = epoch + 1 WHERE id = ?').run(me),
    remove: (id) => sql('DELETE FROM workers WHERE id = ?').run(id),
    shareOrphans(me) {
      rows.members = rows.all().map(({ id }) => id);
      sql(`UPDATE instances SET worker = pick(id) WHERE ${ACTIVE} AND ${ORPHANED}`).run();
      sql(`UPDATE entities SET worker = pick(id) WHERE ${ORPHANED}`).run();
      if (rows.members.length === 1)
        sql('UPDATE activities SET worker = ? WHERE worker IS NOT ?').run(me, me);
      else sql(`UPDATE activities SET worker = NULL WHERE ${ORPHANED}`).run();
      store.forgetAll();
    },
    shareOut(me, which) {
      const mine = which === 'all' ? 'worker = ?' : 'worker = ? AND is_busy(id) = 0';
      sql(`UPDATE instances SET worker = pick(id) WHERE ${ACTIVE} AND ${mine}`).run(me);
      sql(`UPDATE entities SET worker = pick(id) WHERE ${mine}`).run(me);
      if (which === 'all') sql('UPDATE activities SET worker = NULL WHERE worker = ?').run(me);
      store.forgetAll();
    },
    hasOrphans: () =>
      sql(
        `SELECT 1 FROM instances WHERE ${ACTIVE} AND ${ORPHANED}
         UNION ALL SELECT 1 FROM activities WHERE ${ORPHANED} LIMIT 1`,
      ).get() !== undefined,
  };
  store.define('pick', rows.pick);
  store.define('is_busy', (id) => (isBusy(id) ? 1 : 0));
  return rows;
}

/** Rendezvous hashing: the worker whose pair with the id has the highest hash. */
function choose(members: readonly string[], id: string): string {
  let [best = ''] = members;
  if (members.length < 2) return best;
  let highest = -1;
  for (const member of members) {
    const hash = fnv1a(`${member}/${id}`);
    if (hash > highest) [highest, best] = [hash, member];
  }
  return best;
}

/** http://www.isthe.com/chongo/tech/comp/fnv/, 32 bits, mixed once more because it changes little at a text's end. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
