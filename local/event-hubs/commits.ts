/**
 * Where the logs of a broker write: in place, or in the thread pool.
 *
 * A trip to the pool and back costs as much as a short write to a fast disk; but a write in place holds up everybody else.
 *
 * C1 What is appended in one turn of the loop is seen together: several logs write side by side, in the pool.
 * C2 Only a short write that is the only one, to a disk that was fast of late, is made in place.
 */

/** How a log writes what it has. */
export type WriteStrategy = 'here' | 'pool';

export interface Commits {
  /** Calls `write` once this turn's appends are known. It must say when it is done, by `ended`. */
  join(write: (place: WriteStrategy) => void): void;
  /** @param milliseconds that the write took */
  ended(milliseconds: number): void;
}

/** Above this a write in place would be felt. */
const FAST_MS = 0.5;
/**
 * Steps of a running quantile: the time that one write in five stays below. Not the mean: on a busy machine much of what a
 * trip to the pool takes is not the disk's.
 */
const [UP, DOWN] = [1.05, 0.8];
const LEAST_MS = 0.01;

/** @param turn calls back at the end of this turn of the loop */
export function createCommits(turn: (then: () => void) => void = queueMicrotask): Commits {
  let due: ((place: WriteStrategy) => void)[] = [];
  let underWay = 0;
  // Not known yet: the first write shows it.
  let pace = FAST_MS;
  const start = () => {
    const writes = due;
    due = [];
    const place = writes.length === 1 && underWay === 0 && pace < FAST_MS ? 'here' : 'pool';
    underWay += writes.length;
    for (const write of writes) write(place);
  };
  return {
    join: (write) => {
      if (due.push(write) === 1) turn(start);
    },
    ended: (milliseconds) => {
      underWay -= 1;
      pace = Math.max(LEAST_MS, pace * (milliseconds > pace ? UP : DOWN));
    },
  };
}
