/**
 * Decides where the logs of a broker write: in place, or in the thread pool.
 *
 * A round trip to the pool costs as much as a short write to a fast disk, but a write in place blocks all other work.
 *
 * C1 The appends of one turn of the event loop are considered together: several logs write in parallel, in the pool.
 * C2 Only a short write that is the only one, to a disk that was fast recently, is made in place.
 */

/** The way in which a log writes its appends. */
export type WriteStrategy = 'here' | 'pool';

export interface Commits {
  /** Calls `write` once this turn's appends are known. It must say when it is done, by `ended`. */
  join(write: (place: WriteStrategy) => void): void;
  /** @param milliseconds that the write took */
  ended(milliseconds: number): void;
}

/** A write in place that takes longer would be noticeable. */
const FAST_MS = 0.5;
/**
 * Steps of a running quantile: one write in five takes less than this time. It is not the mean: on a busy machine the disk
 * causes only a part of the time of a round trip to the pool.
 */
const [UP, DOWN] = [1.05, 0.8];
const LEAST_MS = 0.01;

/** @param turn calls back at the end of this turn of the loop */
export function createCommits(turn: (then: () => void) => void = queueMicrotask): Commits {
  let due: ((place: WriteStrategy) => void)[] = [];
  let underWay = 0;
  // Unknown until the first write.
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
