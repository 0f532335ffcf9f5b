/**
 * Wakes readers of the change feed when a container has changed: an extension of this server.
 *
 * N1 A reader that has compared its continuation with the container and then waits, both in one turn, misses no change.
 * N2 A wait ends at the first of: a change, its time-out, its caller's disconnect, the server's end. It leaves no timer behind.
 */

export interface ChangeNotices extends Disposable {
  /** The container has changed, and the change is on disk. */
  announce(container: number): void;
  /** Resolves to whether there was a change. `leaving` registers a callback that ends the wait, and returns a function that removes it. */
  wait(container: number, ms: number, leaving: (leave: () => void) => () => void): Promise<boolean>;
}

type Wake = (changed: boolean) => void;

export function createChangeNotices(): ChangeNotices {
  const waiting = new Map<number, Set<Wake>>();
  let ended = false;

  const wakeAll = (container: number, changed: boolean) => {
    for (const wake of waiting.get(container) ?? []) wake(changed);
  };

  return {
    announce: (container) => wakeAll(container, true),
    wait: (container, ms, leaving) => {
      if (ended) return Promise.resolve(false);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const others = waiting.get(container) ?? new Set<Wake>();
      waiting.set(container, others);
      const wake: Wake = (changed) => {
        clearTimeout(timer);
        stay();
        others.delete(wake);
        resolve(changed);
      };
      const timer = setTimeout(wake, ms, false);
      const stay = leaving(() => wake(false));
      others.add(wake);
      return promise;
    },
    [Symbol.dispose]: () => {
      ended = true;
      for (const container of waiting.keys()) wakeAll(container, false);
    },
  };
}
