/** Wakes instances when their delayed messages become due: one timeout, for the earliest of them. */
import type { Store } from './store.ts';

/** Longest time of setTimeout. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Timers {
  /** Wakes instances with messages that are due, then waits for the next. */
  start(): void;
  /** Something is due then; milliseconds since the epoch. */
  arm(due: number): void;
  stop(): void;
}

export function createTimers(store: Store, now: () => number, wake: (id: string) => void): Timers {
  let timeout: NodeJS.Timeout | undefined;
  let armedFor = Number.POSITIVE_INFINITY;
  let firedUntil = 0;

  const set = (due: number): void => {
    if (due >= armedFor) return;
    clearTimeout(timeout);
    armedFor = due;
    timeout = setTimeout(fire, Math.min(Math.max(0, due - now()), LONGEST_MS));
  };
  const fire = (): void => {
    armedFor = Number.POSITIVE_INFINITY;
    const until = now();
    for (const id of store.dueBetween(0, until)) wake(id);
    firedUntil = until;
    const next = store.nextDue(firedUntil);
    if (next !== null) set(next);
  };
  return {
    start: fire,
    arm: set,
    stop: () => {
      clearTimeout(timeout);
      armedFor = Number.NEGATIVE_INFINITY;
    },
  };
}
