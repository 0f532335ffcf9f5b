/**
 * Runs the orchestrations, activities and entities of an app from a SQLite history: the Durable engine.
 *
 * D1 Everything in memory can be lost at any moment: `start` finds all pending work in the store.
 * D2 One loop of one process at a time runs an instance; nothing polls, except for writes of other processes while there are any.
 * D3 Everything that is answered is on disk.
 */
import { createDiskWatch } from '../disk-watch.ts';
import type { Durable, DurableOptions } from '../functions-host/contract.ts';
import { type ActivityQueue, createActivityQueue } from './activity-queue.ts';
import { type EngineContext, LeftToAnother, LOG_CATEGORY, RETRY_MS } from './engine-context.ts';
import { runEntity } from './entities.ts';
import { runEpisode } from './episode.ts';
import { createHandedResults, type HandedResults } from './handed-results.ts';
import { handle } from './http-api.ts';
import { openStore } from './store.ts';
import { createTimers, type Timers } from './timers.ts';
import { clientBinding } from './urls.ts';
import { createWorkers } from './workers.ts';

/** `maxConcurrentActivityFunctions` of host.json, else ten times the processors' two. */
const DEFAULT_ACTIVITIES = 20;
const LEASE_MS = 5_000;

/** @throws Error when the task hub's file cannot be opened */
export function createDurable(options: DurableOptions): Durable {
  const now = options.now ?? Date.now;
  const disk = createDiskWatch((line) => options.log('error', LOG_CATEGORY, line));
  const store = openStore(options.dataDir, options.taskHub, () => {
    disk.taken();
    options.onCommit?.();
  });
  const limit = Number(options.settings['maxConcurrentActivityFunctions'] ?? DEFAULT_ACTIVITIES);
  const running = createRunning();
  const results = createHandedResults();
  let isOpen = false;
  let isClosed = false;
  const report = (id: string, error: unknown): void => {
    if (isClosed || disk.refused(error)) return;
    options.log('error', LOG_CATEGORY, `${id}: ${error instanceof Error ? error.stack : String(error)}`);
  };
  const refused = (error: unknown): never => {
    disk.refused(error);
    throw error;
  };
  const shared = { core: () => core, isOpen: () => isOpen, track: running.track, report };
  const loops = createLoops(shared);
  const activities = createActivityQueue({ ...shared, limit, hasPeers: () => workers.hasPeers });
  const timers = createTimers(store, now, loops.wake);
  const workers = createWorkers({
    store,
    now,
    leaseMs: options.leaseMs ?? LEASE_MS,
    isBusy: (id) => loops.has(id) || results.has(id),
    release: activities.release,
    shared: () => finder.all(),
    written: () => finder.written(),
    log: (message) => isClosed || options.log('warning', LOG_CATEGORY, message),
  });
  const core: EngineContext = {
    store,
    options,
    now,
    workers,
    place: (before) => (workers.hasPeers && activities.size + before >= limit ? null : workers.me),
    wake: loops.wake,
    wakeAt: (due) => void (isOpen && timers.arm(due)),
    begin: activities.begin,
    hand(result) {
      results.add(result);
      loops.wake(result.row.id);
    },
    handed: results.of,
    taken: (rows) => {
      for (const n of results.taken(rows)) activities.ended(n);
    },
  };
  const finder = createFinder({ ...shared, results, activities, timers });

  const close = async (graceMs = 10_000): Promise<void> => {
    if (isClosed) return;
    isOpen = false;
    timers.stop();
    await running.settled(graceMs);
    await results.record(core, 'all', report);
    isClosed = true;
    await workers.leave().catch(() => undefined);
    store.close();
  };

  return {
    start: async () => {
      await workers.join();
      isOpen = true;
      finder.all();
    },
    handle: (request, via) => {
      if (workers.hasPeers) store.check();
      return handle(core, request, via).catch(refused);
    },
    clientBinding: () => clientBinding(options),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/** The work under way. */
function createRunning() {
  const running = new Set<Promise<void>>();
  return {
    track(work: Promise<void>): void {
      running.add(work);
      const ended = () => running.delete(work);
      work.then(ended, ended);
    },
    /** Resolves when all of it has ended, or after so many ms. */
    async settled(graceMs: number): Promise<void> {
      if (running.size === 0) return;
      const grace = Promise.withResolvers<void>();
      const timer = setTimeout(grace.resolve, graceMs);
      await Promise.race([Promise.allSettled(running), grace.promise]);
      clearTimeout(timer);
    },
  };
}

interface Shared {
  readonly core: () => EngineContext;
  readonly isOpen: () => boolean;
  readonly track: (work: Promise<void>) => void;
  readonly report: (id: string, error: unknown) => void;
}

interface Loops {
  has(id: string): boolean;
  /** Works at the instance or entity until nothing is left to do, once more if it works already. */
  wake(id: string): void;
}

/** D2: one loop for each instance and entity that has something to do. */
function createLoops({ core, isOpen, track, report }: Shared): Loops {
  const looping = new Map<string, { isDirty: boolean }>();
  const wake = (id: string): void => {
    if (!isOpen()) return;
    const loop = looping.get(id);
    if (loop) loop.isDirty = true;
    else track(work(id));
  };
  const work = async (id: string): Promise<void> => {
    const state = { isDirty: false };
    looping.set(id, state);
    try {
      do {
        state.isDirty = false;
        const step = id.startsWith('@') ? runEntity : runEpisode;
        while (isOpen() && (await step(core(), id)));
      } while (isOpen() && state.isDirty);
    } catch (error) {
      if (!(error instanceof LeftToAnother)) {
        report(id, error);
        setTimeout(() => wake(id), RETRY_MS).unref();
      }
    } finally {
      looping.delete(id);
    }
  };
  return { has: (id) => looping.has(id), wake };
}

interface FinderOptions extends Shared {
  readonly results: HandedResults;
  readonly activities: ActivityQueue;
  readonly timers: Timers;
}

/** D1: finds the work that the store has, all of it or what was written since the last look. */
function createFinder({ core, isOpen, track, report, results, activities, timers }: FinderOptions) {
  /** The last message that this process has seen. */
  let seen = 0;
  return {
    all(): void {
      if (!isOpen()) return;
      const { store, workers, now, wake } = core();
      store.check();
      track(results.record(core(), 'of others', report));
      seen = store.since(seen, 0).last;
      for (const row of store.activities(workers.me)) activities.begin(row);
      for (const id of store.awake(now())) wake(id);
      timers.start();
      activities.drain(store.isOffered());
    },
    written(): void {
      if (!isOpen()) return;
      const { store, now, wake } = core();
      const { ids, last } = store.since(seen, now());
      seen = Math.max(seen, last);
      for (const id of ids) wake(id);
      const next = store.nextDue(now());
      if (next !== null) timers.arm(next);
      activities.drain();
    },
  };
}
