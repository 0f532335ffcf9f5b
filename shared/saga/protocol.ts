/**
 * The messages between an orchestration and its activities.
 *
 * An activity answers a failure as a value (S3): engines report a thrown error each in their own way, without its cause.
 */
import type { OrchestrationContext, Task } from 'durable-functions';

/** A generator of the engine's tasks. It is pure: every replay yields the same tasks. */
export type Orchestration<T> = Generator<Task, T, unknown>;

/** The answer of an activity. */
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

/** An external event for a saga. `eventId` is unique within the saga. */
export interface Signal {
  readonly eventId: string;
  readonly kind: string;
  readonly at: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The input of an activity; plain JSON. */
export interface StepInput {
  /** The saga's id. */
  readonly id: string;
  readonly generation: number;
  readonly attempt: number;
  readonly args: unknown;
  /** Ids of the signals that the orchestration has handled: they are not delivered again. */
  readonly handled: readonly string[];
  /** `all`: an orchestration that begins with an empty memory asks for the handled signals, too. */
  readonly signals: 'new' | 'all';
}

/** Thrown into the orchestration when a step has failed for good. It is built from the recorded result only. */
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

/** Another orchestration continues this saga, or the saga has ended: this orchestration has nothing more to do. */
export function isSuperseded(error: unknown): boolean {
  return error instanceof StepFailed && error.failure.code === 'superseded';
}

/** An orchestration that was superseded ends silently. */
export function* untilSuperseded(orchestration: Orchestration<void>): Orchestration<void> {
  try {
    yield* orchestration;
  } catch (error) {
    if (!isSuperseded(error)) throw error;
  }
}

/** The engine's clock plus `seconds`. */
export function later(context: OrchestrationContext, seconds: number): Date {
  return new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);
}
