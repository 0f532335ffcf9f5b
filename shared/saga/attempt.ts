/**
 * Runs one activity to its end.
 *
 * S1 An activity that fails with a terminal error is never repeated. After a retryable one it is, up to the policy's
 *    attempts: after the time that the error names, or else after pauses that double up to a minute.
 * S2 Nothing here does I/O or reads a clock: activities do, and the clock is the orchestration's.
 * S3 A failure is a value that the activity answers, so a replay on any engine sees the same.
 * S4 Long pauses are spread by the saga's id, so that sagas that failed together do not return together. The same saga
 *    pauses for the same time on every replay.
 */
import type { OrchestrationContext } from 'durable-functions';
import { later, type Orchestration, type StepInput, type StepOutcome, type StepResult } from './protocol.ts';

export interface RetryPolicy {
  /** Infinity: until done. */
  readonly attempts: number;
  readonly firstSeconds: number;
}

/** Longest pause between two attempts, s. */
export const MAX_PAUSE_SECONDS = 60;

/** Shorter pauses are not spread: they end before a herd could matter, s. */
const MIN_SPREAD_SECONDS = 4;

export interface Attempts {
  /** What the next attempt is given. */
  readonly input: () => Omit<StepInput, 'attempt'>;
  readonly onResult: (result: StepResult) => void;
  /** The first attempt was made together with other steps, and ended so. */
  readonly first?: StepOutcome;
}

export function* attempt(
  context: OrchestrationContext,
  activity: string,
  { input, onResult, first }: Attempts,
  policy: RetryPolicy,
): Orchestration<StepOutcome> {
  for (let number = 1; ; number++) {
    let outcome = number === 1 ? first : undefined;
    if (!outcome) {
      const result = (yield context.df.callActivity(activity, { ...input(), attempt: number })) as StepResult;
      onResult(result);
      outcome = result;
    }
    if (outcome.ok || !outcome.error.retryable || number >= policy.attempts) return outcome;
    const pause = outcome.error.retryAfterSeconds ?? backoff(input().id, number, policy.firstSeconds);
    yield context.df.createTimer(later(context, pause));
  }
}

/** Seconds between the nth attempt and the next; a long pause is three quarters to the whole of the doubled one. */
export function backoff(id: string, number: number, firstSeconds: number): number {
  const whole = Math.min(MAX_PAUSE_SECONDS, firstSeconds * 2 ** Math.min(number - 1, 10));
  return whole < MIN_SPREAD_SECONDS ? whole : whole * (0.75 + 0.25 * fraction(`${id}:${number}`));
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) of the text, as a number in [0, 1). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash / 2 ** 32;
}
