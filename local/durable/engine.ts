/**
 * The Durable engine: runs the orchestrations, activities and entities of an app from a SQLite history.
 *
 * D1 Everything in memory can be lost at any moment: `start` finds all pending work in the store.
 * D2 An instance is worked at by one loop at a time; nothing polls.
 * D3 What is answered is on disk.
 */
import type { Durable, DurableOptions } from '../functions-host/contract.ts';
import { runActivity } from './activities.ts';
import { type Core, LOG_CATEGORY } from './core.ts';
import { runEntity } from './entities.ts';
import { runEpisode } from './episode.ts';
import { handle } from './http-api.ts';
import { type ActivityRow, openStore } from './store.ts';
import { createTimers } from './timers.ts';
import { clientBinding } from './urls.ts';

/** `maxConcurrentActivityFunctions` of host.json, else ten times the processors' two. */
const DEFAULT_ACTIVITIES = 20;
const RETRY_AFTER_FAILURE_MS = 1_000;

/** @throws Error when the task hub's file is in use or cannot be opened */
export function createDurable(options: DurableOptions): Durable {
  const now = options.now ?? Date.now;
  const store = openStore(options.dataDir, options.taskHub);
  const limit = Number(options.settings['maxConcurrentActivityFunctions'] ?? DEFAULT_ACTIVITIES);
  const looping = new Map<string, { isDirty: boolean }>();
  const queue: ActivityRow[] = [];
  const running = new Set<Promise<void>>();
  let activities = 0;
  let isOpen = false;
  let isClosed = false;

  const timers = createTimers(store, now, (id) => core.wake(id));
  const core: Core = {
    store,
    options,
    now,
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
      if (!isOpen) return;
      queue.push(row);
      drain();
    },
  };

  const track = (promise: Promise<void>): void => {
    running.add(promise);
    void promise.finally(() => running.delete(promise));
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
      report(id, error);
      setTimeout(() => core.wake(id), RETRY_AFTER_FAILURE_MS).unref();
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
          .catch((error: unknown) => {
            report(row.id, error);
            setTimeout(() => core.begin(row), RETRY_AFTER_FAILURE_MS).unref();
          })
          .finally(() => {
            activities -= 1;
            drain();
          }),
      );
    }
  };

  const report = (id: string, error: unknown): void => {
    if (isClosed) return;
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
    isClosed = true;
    store.close();
  };

  return {
    start: async () => {
      isOpen = true;
      for (const row of store.activities()) core.begin(row);
      for (const id of store.awake(now())) core.wake(id);
      timers.start();
      await Promise.resolve();
    },
    handle: (request, via) => handle(core, request, via),
    clientBinding: () => clientBinding(options),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
