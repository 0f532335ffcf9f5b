/**
 * The Durable engine: runs the orchestrations, activities and entities of an app from a SQLite history.
 *
 * D1 Everything in memory can be lost at any moment: `start` finds all pending work in the store.
 * D2 An instance is worked at by one loop of one process at a time; nothing polls, except for what other processes write while there are any.
 * D3 What is answered is on disk.
 */
import { createDiskWatch } from '../disk-watch.ts';
import type { Durable, DurableOptions } from '../functions-host/contract.ts';
import { recordResult, runActivity } from './activities.ts';
import { type EngineContext, LeftToAnother, LOG_CATEGORY, type Result } from './engine-context.ts';
import { runEntity } from './entities.ts';
import { runEpisode } from './episode.ts';
import { handle } from './http-api.ts';
import type { ActivityRow } from './rows.ts';
import { openStore } from './store.ts';
import { createTimers } from './timers.ts';
import { clientBinding } from './urls.ts';
import { createWorkers } from './workers.ts';

/** `maxConcurrentActivityFunctions` of host.json, else ten times the processors' two. */
const DEFAULT_ACTIVITIES = 20;
const RETRY_AFTER_FAILURE_MS = 1_000;
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
  const looping = new Map<string, { isDirty: boolean }>();
  const queue: ActivityRow[] = [];
  /** Numbers of the activities that run or wait here. */
  const begun = new Set<number>();
  /** Results that the next episode takes, by instance. */
  const results = new Map<string, Result[]>();
  const running = new Set<Promise<void>>();
  let activities = 0;
  let isOpen = false;
  let isClosed = false;
  let isClaiming = false;
  /** Others left activities behind when they went. */
  let isLeft = false;
  /** The last message of which this process knows. */
  let seen = 0;

  const timers = createTimers(store, now, (id) => core.wake(id));
  const workers = createWorkers({
    store,
    now,
    leaseMs: options.leaseMs ?? LEASE_MS,
    isBusy: (id) => looping.has(id) || results.has(id),
    release: () => offer(queue.splice(0)),
    shared: () => lookAtAll(),
    written: () => lookAtNew(),
    log: (message) => {
      if (!isClosed) options.log('warning', LOG_CATEGORY, message);
    },
  });
  const core: EngineContext = {
    store,
    options,
    now,
    workers,
    place: (before) => (workers.hasPeers && activities + queue.length + before >= limit ? null : workers.me),
    wake(id) {
      if (!isOpen) return;
      const loop = looping.get(id);
      if (loop) loop.isDirty = true;
      else track(work(id));
    },
    wakeAt: (due) => {
      if (isOpen) timers.arm(due);
    },
    begin(row) {
      if (!isOpen || begun.has(row.n)) return;
      if (row.worker !== null) {
        begun.add(row.n);
        queue.push(row);
      }
      drain();
    },
    hand(result) {
      const { id } = result.row;
      const waiting = results.get(id);
      if (waiting) waiting.push(result);
      else results.set(id, [result]);
      core.wake(id);
    },
    handed: (id) => results.get(id) ?? [],
    taken(rows) {
      const done = new Set(rows.flatMap(({ activity }) => activity ?? []));
      if (done.size === 0) return;
      for (const n of done) begun.delete(n);
      const id = rows[0]?.id ?? '';
      const left = core.handed(id).filter(({ row }) => !done.has(row.n));
      if (left.length > 0) results.set(id, left);
      else results.delete(id);
    },
  };

  const track = (promise: Promise<void>): void => {
    running.add(promise);
    const ended = () => running.delete(promise);
    promise.then(ended, ended);
  };

  const work = async (id: string): Promise<void> => {
    const state = { isDirty: false };
    looping.set(id, state);
    try {
      do {
        state.isDirty = false;
        const step = id.startsWith('@') ? runEntity : runEpisode;
        while (isOpen && (await step(core, id)));
      } while (isOpen && state.isDirty);
    } catch (error) {
      if (!(error instanceof LeftToAnother)) {
        report(id, error);
        setTimeout(() => core.wake(id), RETRY_AFTER_FAILURE_MS).unref();
      }
    } finally {
      looping.delete(id);
    }
  };

  const drain = (): void => {
    while (isOpen && activities < limit && queue.length > 0) {
      const row = queue.shift() as ActivityRow;
      activities += 1;
      track(
        runActivity(core, row)
          .then(
            (isHanded) => {
              if (!isHanded) begun.delete(row.n);
            },
            (error: unknown) => {
              report(row.id, error);
              setTimeout(() => {
                begun.delete(row.n);
                core.begin(row);
              }, RETRY_AFTER_FAILURE_MS).unref();
            },
          )
          .finally(() => {
            activities -= 1;
            drain();
          }),
      );
    }
    const mayClaim = isOpen && activities < limit && !isClaiming && (workers.hasPeers || isLeft);
    if (mayClaim && store.isOffered()) track(claim());
  };

  /** Takes activities that nobody has, as many as there are free places. */
  const claim = async (): Promise<void> => {
    isClaiming = true;
    const rows = await store
      .write(() => store.claim(workers.me, Math.max(0, limit - activities)))
      .catch((error: unknown) => {
        report('activities', error);
        return [];
      })
      .finally(() => {
        isClaiming = false;
      });
    // None may also mean that the places were taken before the write came: then those left are for the next free one.
    if (rows.length === 0) isLeft = store.isOffered();
    for (const row of rows) core.begin(row);
  };

  const offer = (rows: readonly ActivityRow[]): void => {
    for (const { n } of rows) begun.delete(n);
    const write = store.write(() => {
      for (const { n } of rows) store.offer(n, workers.me);
    });
    track(write.then(drain, (error: unknown) => report('activities', error)));
  };

  /** Results whose orchestration is left to another process by now, or whose process ends, go the way of messages. */
  const record = async (some: readonly Result[]): Promise<void> => {
    for (const result of some) {
      await recordResult(core, result).catch((error: unknown) => report(result.row.id, error));
      core.taken([{ n: 0, id: result.row.id, execution: null, event: '', activity: result.row.n }]);
    }
  };

  const lookAtAll = (): void => {
    if (!isOpen) return;
    store.check();
    const strange = [...results].filter(([id]) => store.instance(id)?.worker !== workers.me);
    if (strange.length > 0) track(record(strange.flatMap(([, some]) => some)));
    seen = store.since(seen, 0).last;
    for (const row of store.activities(workers.me)) core.begin(row);
    for (const id of store.awake(now())) core.wake(id);
    timers.start();
    isLeft = store.isOffered();
    drain();
  };

  const lookAtNew = (): void => {
    if (!isOpen) return;
    const { ids, last } = store.since(seen, now());
    seen = Math.max(seen, last);
    for (const id of ids) core.wake(id);
    const next = store.nextDue(now());
    if (next !== null) timers.arm(next);
    drain();
  };

  const report = (id: string, error: unknown): void => {
    if (isClosed || disk.refused(error)) return;
    options.log('error', LOG_CATEGORY, `${id}: ${error instanceof Error ? error.stack : String(error)}`);
  };

  const close = async (graceMs = 10_000): Promise<void> => {
    if (isClosed) return;
    isOpen = false;
    timers.stop();
    if (running.size > 0) {
      const grace = Promise.withResolvers<void>();
      const timer = setTimeout(grace.resolve, graceMs);
      await Promise.race([Promise.allSettled(running), grace.promise]);
      clearTimeout(timer);
    }
    await record([...results.values()].flat());
    isClosed = true;
    await workers.leave().catch(() => undefined);
    store.close();
  };

  return {
    start: async () => {
      await workers.join();
      isOpen = true;
      lookAtAll();
    },
    handle: async (request, via) => {
      if (workers.hasPeers) store.check();
      try {
        return await handle(core, request, via);
      } catch (error) {
        disk.refused(error);
        throw error;
      }
    },
    clientBinding: () => clientBinding(options),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
