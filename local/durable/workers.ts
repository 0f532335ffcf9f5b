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
import { createWorkerRows, type WorkerRow, type WorkerRows } from './worker-rows.ts';

const BEAT_MS = 1_000;
/** Longest time until a message of another process is seen, and until the first other process is noticed. */
const LOOK_MS = 10;
const LOOK_ALONE_MS = 100;
const JOIN_PATIENCE_MS = 1_000;

/** The workers of this process. Another worker with its process number belongs to an earlier process. */
const here = new Set<string>();

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
  const rows = createWorkerRows(store, now, options.isBusy);
  let me = randomUUID();
  let beating: NodeJS.Timeout | undefined;
  let isIn = false;
  rows.members = [me];
  const isGone = ({ id, pid, beat }: WorkerRow) =>
    id !== me && (now() - beat > options.leaseMs || (pid === process.pid ? !here.has(id) : !exists(pid)));
  store.guard(() => {
    if (isIn && !rows.isListed(me))
      throw new Error('this process was taken for dead by the others of its task hub; it joins them again');
  });
  const peers = watchPeers(options, rows, { me: () => me, isIn: () => isIn });

  /** Within a write: removes workers that are gone, and distributes unassigned work. */
  const settle = (): void => {
    for (const row of rows.all()) if (isGone(row)) rows.remove(row.id);
    rows.shareOrphans(me);
  };

  const join = async (): Promise<void> => {
    isIn = false;
    here.delete(me);
    me = randomUUID();
    here.add(me);
    await store.write(() => {
      rows.insert(me);
      settle();
    });
    isIn = true;
    await untilNoticed(
      rows,
      rows.all().filter(({ id }) => id !== me),
    );
    peers.notice();
    beating ??= setInterval(() => void tick(), BEAT_MS).unref();
  };

  const tick = async (): Promise<void> => {
    if (!isIn) return;
    try {
      if (!rows.isListed(me)) {
        options.log('the others of the task hub took this process for dead; it joins them again');
        await join();
        options.shared();
        return;
      }
      const gone = rows.all().filter(isGone);
      await store.write(() => {
        rows.beat(me);
        if (gone.length > 0 || rows.hasOrphans()) settle();
      }, gone.length === 0);
      for (const { pid } of gone) options.log(`takes over from the process ${pid}, which is gone`);
      await peers.compare();
    } catch (error) {
      if (isIn) options.log(`the task hub could not be reached: ${String(error)}`);
    }
  };

  const leave = async (): Promise<void> => {
    clearInterval(beating);
    peers.stop();
    here.delete(me);
    if (!isIn) return;
    await store.write(() => {
      const others = rows.all().filter((row) => row.id !== me && !isGone(row));
      rows.members = others.map(({ id }) => id);
      if (others.length > 0) rows.shareOut(me, 'all');
      rows.remove(me);
      isIn = false;
    });
  };

  return {
    get me() {
      return me;
    },
    get hasPeers() {
      return rows.members.length > 1;
    },
    pick: rows.pick,
    join,
    leave,
  };
}

/** Each other worker marks its row once it has redistributed its work. */
async function untilNoticed(rows: WorkerRows, others: readonly WorkerRow[]): Promise<void> {
  const end = Date.now() + JOIN_PATIENCE_MS;
  const isUnaware = (other: WorkerRow) =>
    rows.all().some(({ id, epoch }) => id === other.id && epoch === other.epoch);
  while (others.some(isUnaware) && Date.now() < end) await sleep(LOOK_MS);
}

interface Peers {
  /** Takes the rows for what is known. */
  notice(): void;
  /** Detects workers that have joined, left or redistributed. */
  compare(): Promise<void>;
  stop(): void;
}

/** Looks at what other processes write, more often while there are any. */
function watchPeers(
  { store, release, shared, written, log }: WorkersOptions,
  rows: WorkerRows,
  own: { readonly me: () => string; readonly isIn: () => boolean },
): Peers {
  let signature = '';
  let looking: NodeJS.Timeout | undefined;
  let version = 0;
  let isLooking = false;
  const signatureOf = (all: readonly WorkerRow[]) => all.map(({ id, epoch }) => `${id}:${epoch}`).join();

  const notice = (all = rows.all()): void => {
    rows.members = all.map(({ id }) => id);
    signature = signatureOf(all);
    clearInterval(looking);
    looking = setInterval(look, rows.members.length > 1 ? LOOK_MS : LOOK_ALONE_MS).unref();
  };

  const compare = async (): Promise<void> => {
    const me = own.me();
    const all = rows.all();
    if (signatureOf(all) === signature || !all.some(({ id }) => id === me)) return;
    const joined = all.some(({ id }) => !rows.members.includes(id));
    notice(all);
    if (joined) {
      release();
      await store.write(() => {
        rows.shareOut(me, 'idle');
        rows.mark(me);
      });
      notice();
    }
    shared();
  };

  const look = (): void => {
    const found = store.check();
    if (found === version || !own.isIn()) return;
    version = found;
    written();
    if (isLooking) return;
    isLooking = true;
    compare()
      .catch((error: unknown) => log(String(error)))
      .finally(() => {
        isLooking = false;
      });
  };

  return { notice: () => notice(), compare, stop: () => clearInterval(looking) };
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
