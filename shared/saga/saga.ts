/**
 * What an orchestrator and its activities say to each other, and the generator that runs one activity to its end.
 *
 * S1 A terminal error is never repeated; a retryable one is, after the time it names, up to the step's attempts.
 * S2 Nothing here does I/O or reads a clock: activities do, and the clock is the orchestration's.
 * S3 An activity answers its failure as a value: engines word what is thrown differently, and hide its cause.
 */
import type { OrchestrationContext, Task } from 'durable-functions';

/** What an activity answers instead of throwing: the engine's error texts differ by host and hide the cause. */
export type StepResult =
  | { readonly ok: true; readonly value: unknown; readonly signals: readonly Signal[] }
  | { readonly ok: false; readonly error: StepError };

export interface StepError {
  readonly code: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Something from outside that the workflow was told: a flight event, a cancel, … `eventId` is unique per delivery. */
export interface Signal {
  readonly eventId: string;
  readonly kind: string;
  readonly at: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What an activity is given; plain JSON. */
export interface StepInput {
  readonly id: string;
  readonly generation: number;
  readonly attempt: number;
  readonly args: unknown;
  /** Signals that the workflow has dealt with: they are not given again. */
  readonly handled: readonly string[];
  /** `all`: an orchestration that begins with an empty memory wants to hear the settled ones again, too. */
  readonly signals: 'new' | 'all';
}

export interface RetryPolicy {
  /** Infinity: until done. */
  readonly attempts: number;
  readonly firstSeconds: number;
}

/** Thrown into the story when a step has failed for good. Deterministic: made of the activity's recorded result only. */
export class StepFailed extends Error {
  readonly step: string;
  readonly failure: StepError;

  constructor(step: string, failure: StepError) {
    super(`${step}: ${failure.code}: ${failure.detail}`);
    this.name = 'StepFailed';
    this.step = step;
    this.failure = failure;
  }
}

/** Another story goes on with this saga, or it has ended: this one has nothing more to do. */
export function isSuperseded(error: unknown): boolean {
  return error instanceof StepFailed && error.failure.code === 'superseded';
}

/** Longest pause between two attempts, s. */
const MAX_PAUSE_SECONDS = 60;

export type Story<T> = Generator<Task, T, unknown>;

/** One activity until it has succeeded, has failed for good, or has used up its attempts. */
export function* attempt(
  context: OrchestrationContext,
  activity: string,
  input: Omit<StepInput, 'attempt'>,
  policy: RetryPolicy,
): Story<StepResult> {
  for (let number = 1; ; number++) {
    const result = (yield context.df.callActivity(activity, { ...input, attempt: number })) as StepResult;
    if (result.ok || !result.error.retryable || number >= policy.attempts) return result;
    const backoff = Math.min(MAX_PAUSE_SECONDS, policy.firstSeconds * 2 ** Math.min(number - 1, 10));
    yield context.df.createTimer(later(context, result.error.retryAfterSeconds ?? backoff));
  }
}

/** The engine's clock, `seconds` on. */
export function later(context: OrchestrationContext, seconds: number): Date {
  return new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);
}
