/** Matches external events with their waiters. Waiters of a name form a stack, early events a queue. */

export interface ExternalEvents {
  wait(name: string, received: () => void): void;
  /** Waits for one event whose name only its sender knows: the answer of an entity. */
  waitForAnswer(name: string, received: () => void): void;
  /** False: nothing waits for an answer of that name. */
  answer(name: string): boolean;
  raise(name: string): void;
}

export function createExternalEvents(): ExternalEvents {
  const answers = new Map<string, () => void>();
  const waiting = new Map<string, (() => void)[]>();
  const early = new Map<string, number>();
  return {
    wait(name, received) {
      const count = early.get(name) ?? 0;
      if (count > 0) {
        early.set(name, count - 1);
        return received();
      }
      const stack = waiting.get(name);
      if (stack) stack.push(received);
      else waiting.set(name, [received]);
    },
    waitForAnswer: (name, received) => answers.set(name, received),
    answer(name) {
      const received = answers.get(name);
      answers.delete(name);
      received?.();
      return received !== undefined;
    },
    raise(name) {
      const received = waiting.get(name)?.pop();
      if (received) received();
      else early.set(name, (early.get(name) ?? 0) + 1);
    },
  };
}
