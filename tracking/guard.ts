/**
 * Keeps an exception inside the listener in which it arose. Every timer, socket, receiver and stream of tracking calls its
 * listeners through one guard.
 *
 * G1 A guarded listener never throws and never rejects.
 * G2 Its fault ends only what `onFault` ends: one connection, one message.
 * G3 A cause is logged at most once a minute; the line says how many faults it stands for.
 */
import type { Log } from '../shared/telemetry/log.ts';

export interface GuardOptions {
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly onCount?: (cause: string) => void;
}

/**
 * @param cause names the listener in the log and the metrics: one of a fixed list, never a value from outside
 * @param onFault closes what the listener served; it gets the listener's own arguments
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

/** A key's occurrences since its last line, or undefined while its line is less than a minute old. */
export type Sampler = (key: string) => number | undefined;

const LINE_EVERY_MS = 60_000;
/** Keys that are remembered; the oldest is forgotten. */
const MAX_KEYS = 1_000;

export function createSampler(now: () => number): Sampler {
  const keys = new Map<string, { lineAt: number; unsaid: number }>();
  return (key) => {
    const known = keys.get(key);
    if (known && now() - known.lineAt < LINE_EVERY_MS) {
      known.unsaid += 1;
      return undefined;
    }
    keys.delete(key);
    keys.set(key, { lineAt: now(), unsaid: 0 });
    if (keys.size > MAX_KEYS) keys.delete(keys.keys().next().value as string);
    return (known?.unsaid ?? 0) + 1;
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function';
}
