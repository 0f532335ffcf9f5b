/**
 * Lists the processes that share a task hub, and divides the work among them.
 *
 * K1 Each active instance, entity and activity names one worker, and only that worker runs it. A process that writes a message leaves it to
 *    that worker.
 * K2 A worker whose process is gone, or that has not renewed its lease, is removed by any other; its work is redistributed in the same
 *    transaction.
 * K3 A worker that was removed while it was only slow writes nothing more: each transaction checks whether it is still listed. It joins again.
 * K4 Work in progress stays with its worker when another joins; the rest is distributed by a hash of worker and id (rendezvous), so all
 *    workers make the same choice.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from './store.ts';

const BEAT_MS = 1_000;
/** Longest time until a message of another process is seen, and until the first other process is noticed. */
const LOOK_MS = 10;
const LOOK_ALONE_MS = 100;
const JOIN_PATIENCE_MS = 1_000;

/** The workers of this process. Another worker with its process number belongs to an earlier process. */
const here = new Set<string>();

interface WorkerRow {
  readonly id: string;
  readonly pid: number;
  readonly beat: number;
  readonly epoch: number;
}

export interface WorkersOptions {
  readonly store: Store;
  readonly now: () => number;
  /** A worker that does not renew its lease for this long counts as gone; one whose process no longer exists, at once. */
  readonly leaseMs: number;
  /** Whether this process is working on it. */
  readonly isBusy: (id: string) => boolean;
  /** Releases activities that wait here for a free place. */
  readonly release: () => void;
  /** This worker may have got new work of any kind: check everything. */
  readonly shared: () => void;
  /** Other processes have written: check messages after those already seen. */
  readonly written: () => void;
  readonly log: (message: string) => void;
}

export interface Workers {
  /** Id of this process's place in the task hub; changes when it had to join again. */
  readonly me: string;
  readonly hasPeers: boolean;
  /** The worker for this instance or entity from now on. */
  pick(id: string): string;
  join(): Promise<void>;
  /** Hands everything to the others, if there are any. */
  leave(): Promise<void>;
}

/** @throws (from a write) Error when this worker was removed */
export function createWorkers(options: WorkersOptions): Workers {
  const { store, now } = options;
  const { sql } = store;
  let me = randomUUID();
  let members: readonly string[] = [me];
  let signature = '';
  let beating: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let version = 0;
  let isIn = false;
  let isLooking = false;

  const pick = (id: string): string => choose(members, id);
  store.define('pick', (id) => pick(id));
  store.define('is_busy', (id) => (options.isBusy(id) ? 1 : 0));

  const rows = () => sql('SELECT * FROM workers ORDER BY id').all() as unknown as WorkerRow[];
  const isGone = ({ id, pid, beat }: WorkerRow) =>
    id !== me && (now() - beat > options.leaseMs || (pid === process.pid ? !here.has(id) : !exists(pid)));
  const signatureOf = (all: readonly WorkerRow[]) => all.map(({ id, epoch }) => `${id}:${epoch}`).join();

  store.guard(() => {
    if (isIn && !sql('SELECT 1 FROM workers WHERE id = ?').get(me))
      throw new Error('this process was taken for dead by the others of its task hub; it joins them again');
  });

  /** Within a write: removes workers that are gone, and distributes unassigned work. */
  const settle = (): void => {
    for (const row of rows()) if (isGone(row)) sql('DELETE FROM workers WHERE id = ?').run(row.id);
    members = rows().map(({ id }) => id);
    const orphaned = 'worker NOT IN (SELECT id FROM workers)';
    sql(`UPDATE instances SET worker = pick(id) WHERE ${ACTIVE} AND ${orphaned}`).run();
    sql(`UPDATE entities SET worker = pick(id) WHERE ${orphaned}`).run();
    if (members.length === 1) sql('UPDATE activities SET worker = ? WHERE worker IS NOT ?').run(me, me);
    else sql(`UPDATE activities SET worker = NULL WHERE ${orphaned}`).run();
    store.forgetAll();
  };

  /** Work was left to a worker that was already gone when it was written: the others choose again. */
  const isOrphaned = (): boolean =>
    sql(
      `SELECT 1 FROM instances WHERE ${ACTIVE} AND worker NOT IN (SELECT id FROM workers)
       UNION ALL SELECT 1 FROM activities WHERE worker NOT IN (SELECT id FROM workers) LIMIT 1`,
    ).get() !== undefined;

  const join = async (): Promise<void> => {
    isIn = false;
    here.delete(me);
    me = randomUUID();
    here.add(me);
    await store.write(() => {
      sql('INSERT INTO workers (id, pid, beat, epoch) VALUES (?, ?, ?, 0)').run(me, process.pid, now());
      settle();
    });
    isIn = true;
    const others = rows().filter(({ id }) => id !== me);
    await untilNoticed(others);
    notice(rows());
    beating ??= setInterval(() => void tick(), BEAT_MS).unref();
  };

  /** Each other worker marks its row once it has redistributed its work. */
  const untilNoticed = async (others: readonly WorkerRow[]): Promise<void> => {
    const end = Date.now() + JOIN_PATIENCE_MS;
    const isUnaware = (other: WorkerRow) =>
      rows().some(({ id, epoch }) => id === other.id && epoch === other.epoch);
    while (others.some(isUnaware) && Date.now() < end) await sleep(LOOK_MS);
  };

  const notice = (all: readonly WorkerRow[]): void => {
    members = all.map(({ id }) => id);
    signature = signatureOf(all);
    clearInterval(looking);
    looking = setInterval(look, members.length > 1 ? LOOK_MS : LOOK_ALONE_MS).unref();
  };

  const tick = async (): Promise<void> => {
    if (!isIn) return;
    try {
      if (!rows().some(({ id }) => id === me)) {
        options.log('the others of the task hub took this process for dead; it joins them again');
        await join();
        options.shared();
        return;
      }
      const gone = rows().filter(isGone);
      await store.write(() => {
        sql('UPDATE workers SET beat = ? WHERE id = ?').run(now(), me);
        if (gone.length > 0 || isOrphaned()) settle();
      }, gone.length === 0);
      for (const { pid } of gone) options.log(`takes over from the process ${pid}, which is gone`);
      await compare();
    } catch (error) {
      if (isIn) options.log(`the task hub could not be reached: ${String(error)}`);
    }
  };

  /** Detects workers that have joined, left or redistributed. */
  const compare = async (): Promise<void> => {
    const all = rows();
    if (signatureOf(all) === signature || !all.some(({ id }) => id === me)) return;
    const joined = all.some(({ id }) => !members.includes(id));
    notice(all);
    if (joined) {
      options.release();
      await store.write(() => {
        const mine = 'worker = ? AND is_busy(id) = 0';
        sql(`UPDATE instances SET worker = pick(id) WHERE ${ACTIVE} AND ${mine}`).run(me);
        sql(`UPDATE entities SET worker = pick(id) WHERE ${mine}`).run(me);
        sql('UPDATE workers SET epoch = epoch + 1 WHERE id = ?').run(me);
        store.forgetAll();
      });
      notice(rows());
    }
    options.shared();
  };

  const look = (): void => {
    const found = store.check();
    if (found === version || !isIn) return;
    version = found;
    options.written();
    if (isLooking) return;
    isLooking = true;
    compare()
      .catch((error: unknown) => options.log(String(error)))
      .finally(() => {
        isLooking = false;
      });
  };

  const leave = async (): Promise<void> => {
    clearInterval(beating);
    clearInterval(looking);
    here.delete(me);
    if (!isIn) return;
    await store.write(() => {
      members = rows()
        .filter((row) => row.id !== me && !isGone(row))
        .map(({ id }) => id);
      if (members.length > 0) {
        sql(`UPDATE instances SET worker = pick(id) WHERE ${ACTIVE} AND worker = ?`).run(me);
        sql('UPDATE entities SET worker = pick(id) WHERE worker = ?').run(me);
        sql('UPDATE activities SET worker = NULL WHERE worker = ?').run(me);
        store.forgetAll();
      }
      sql('DELETE FROM workers WHERE id = ?').run(me);
      isIn = false;
    });
  };

  return {
    get me() {
      return me;
    },
    get hasPeers() {
      return members.length > 1;
    },
    pick,
    join,
    leave,
  };
}

const ACTIVE = "status IN ('Pending', 'Running', 'Suspended')";

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

/** Whether a process with that id exists on this machine. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
