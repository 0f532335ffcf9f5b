/**
 * Confines an exception to the listener that threw it. Every timer, socket, receiver and stream of tracking calls its
 * listeners through a guard.
 *
 * G1 A guarded listener never throws and never rejects.
 * G2 A fault ends only what `onFault` ends: one connection, one message.
 * G3 Each cause is logged at most once a minute; the line has the number of faults that it stands for.
 */
import type { Log } from '../shared/telemetry/log.ts';
import { createSampler } from '../shared/telemetry/sampler.ts';

export interface GuardOptions {
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly onCount?: (cause: string) => void;
}

/**
 * @param cause names the listener in the log and the metrics: one of a fixed list, never a value from outside
 * @param onFault closes the listener's connection or the like; it gets the listener's arguments
 * @example socket.on('message', guard('drone frame', receive, () => socket.terminate()))
 */
export type Guard = <A extends readonly unknown[]>(
  cause: string,
  listener: (...given: A) => unknown,
  onFault?: (...given: A) => void,
) => (...given: A) => void;

export function createGuard({ log, now, onCount }: GuardOptions): Guard {
  const occurrences = createSampler(now);
  const report = (cause: string, error: unknown) => {
    onCount?.(cause);
    const faults = occurrences(cause);
    if (faults !== undefined) log.error({ cause, faults, err: error }, 'a listener failed');
  };
  return (cause, listener, onFault) =>
    (...given) => {
      const failed = (error: unknown) => {
        report(cause, error);
        try {
          onFault?.(...given);
        } catch (another) {
          report(cause, another);
        }
      };
      try {
        const result = listener(...given);
        if (isPromise(result)) result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function';
}
