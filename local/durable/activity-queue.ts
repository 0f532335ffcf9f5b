/**
 * Runs the activities of this process, a limited number at once. If processes share a task hub, one with free places takes the
 * unassigned ones.
 */
import { runActivity } from './activities.ts';
import { type EngineContext, RETRY_MS } from './engine-context.ts';
import type { ActivityRow } from './rows.ts';

export interface ActivityQueueOptions {
  readonly core: () => EngineContext;
  readonly limit: number;
  readonly isOpen: () => boolean;
  readonly hasPeers: () => boolean;
  /** Work that an orderly stop waits for. */
  readonly track: (work: Promise<void>) => void;
  readonly report: (id: string, error: unknown) => void;
}

export interface ActivityQueue {
  /** Those that run or wait. */
  readonly size: number;
  begin(row: ActivityRow): void;
  /** It is done with, and may begin again if it comes again. */
  ended(n: number): void;
  /** Releases those that wait. */
  release(): void;
  /** Runs those that wait, and takes unassigned ones. @param isLeft other workers left some behind */
  drain(isLeft?: boolean): void;
}

export function createActivityQueue(options: ActivityQueueOptions): ActivityQueue {
  const { core, limit, isOpen, hasPeers, track, report } = options;
  const queue: ActivityRow[] = [];
  /** Ids of those that run or wait here. */
  const begun = new Set<number>();
  let running = 0;
  let isClaiming = false;
  let isLeft = false;

  const begin = (row: ActivityRow): void => {
    if (!isOpen() || begun.has(row.n)) return;
    if (row.worker !== null) {
      begun.add(row.n);
      queue.push(row);
    }
    drain();
  };

  const run = async (row: ActivityRow): Promise<void> => {
    try {
      if (!(await runActivity(core(), row))) begun.delete(row.n);
    } catch (error) {
      report(row.id, error);
      setTimeout(() => {
        begun.delete(row.n);
        begin(row);
      }, RETRY_MS).unref();
    } finally {
      running -= 1;
      drain();
    }
  };

  const drain = (left = isLeft): void => {
    isLeft = left;
    while (isOpen() && running < limit && queue.length > 0) {
      running += 1;
      track(run(queue.shift() as ActivityRow));
    }
    const mayClaim = isOpen() && running < limit && !isClaiming && (hasPeers() || isLeft);
    if (mayClaim && core().store.isOffered()) track(claim());
  };

  /** Takes unassigned activities, as many as there are free places. */
  const claim = async (): Promise<void> => {
    const { store, workers } = core();
    isClaiming = true;
    const rows = await store
      .write(() => store.claim(workers.me, Math.max(0, limit - running)))
      .catch((error: unknown) => {
        report('activities', error);
        return [];
      })
      .finally(() => {
        isClaiming = false;
      });
    // None may also mean that the places were taken before the write: the next free place takes the rest.
    if (rows.length === 0) isLeft = store.isOffered();
    for (const row of rows) begin(row);
  };

  return {
    get size() {
      return running + queue.length;
    },
    begin,
    ended: (n) => begun.delete(n),
    release() {
      const { store, workers } = core();
      const rows = queue.splice(0);
      for (const { n } of rows) begun.delete(n);
      const write = store.write(() => {
        for (const { n } of rows) store.offer(n, workers.me);
      });
      track(
        write.then(
          () => drain(),
          (error: unknown) => report('activities', error),
        ),
      );
    },
    drain,
  };
}
