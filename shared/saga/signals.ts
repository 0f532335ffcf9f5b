/**
 * The signals that an orchestration has in memory.
 *
 * Q1 A signal is offered once, no matter how often an activity delivers it.
 * Q2 A signal that is not wanted yet stays, in the order of arrival.
 * Q3 A signal counts as handled when it is taken; the next activity reports that to the inbox.
 */
import type { Signal } from './protocol.ts';

export type Wanted = (signal: Signal) => boolean;

export interface SignalQueue {
  add(signals: readonly Signal[]): void;
  take(wanted: Wanted): Signal | undefined;
  /** Puts a taken signal back to the front. */
  putBack(signal: Signal): void;
  handled(): readonly string[];
  /** Forgets handled signals that the inbox has recorded. */
  acknowledged(): void;
}

export function createSignalQueue(): SignalQueue {
  const queue: Signal[] = [];
  const seen = new Set<string>();
  let handled: readonly string[] = [];
  return {
    add: (signals) => {
      for (const signal of signals) {
        if (seen.has(signal.eventId)) continue;
        seen.add(signal.eventId);
        queue.push(signal);
      }
    },
    take: (wanted) => {
      const index = queue.findIndex(wanted);
      const [signal] = index < 0 ? [] : queue.splice(index, 1);
      if (signal) handled = [...handled, signal.eventId];
      return signal;
    },
    putBack: (signal) => {
      handled = handled.filter((eventId) => eventId !== signal.eventId);
      queue.unshift(signal);
    },
    handled: () => handled,
    acknowledged: () => {
      handled = [];
    },
  };
}
