/**
 * The messages between an orchestration and its activities.
 *
 * An activity answers a failure as a value (S3): engines report a thrown error each in their own way, without its cause.
 */
import type { OrchestrationContext, Task } from 'durable-functions';

/** A generator of the engine's tasks. It is pure: every replay yields the same tasks. */
export type Orchestration<T> = Generator<Task, T, unknown>;

/** How a step ended. */
export type StepOutcome =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** The journal has the value already; else the next activity carries it there. */
      readonly recorded: boolean;
    }
  | { readonly ok: false; readonly error: StepError };

/** The answer of an activity. */
export type StepResult = StepOutcome & {
  /** The journal has what the input carried. */
  readonly journaled: boolean;
  readonly signals: readonly Signal[];
  /** The number of signals that were ever put into the inbox, when it was read; absent: unknown. */
  readonly mail?: number;
};

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
  /** Results of earlier steps that the journal does not have yet. */
  readonly carried: readonly CarriedResult[];
  /** Ids of the signals that the orchestration has dealt with: they are not delivered again. */
  readonly handled: readonly string[];
  /** `all`: an orchestration that begins with an empty memory asks for the handled signals, too. */
  readonly signals: 'new' | 'all';
  /** `mail` of the last answer that had it: with the same number in the document, there is nothing new to read. */
  readonly mail: number;
}

/** The result of a step on its way to the journal. */
export interface CarriedResult {
  readonly step: string;
  readonly kind: 'run' | 'compensate';
  readonly generation: number;
  readonly value: unknown;
}

/** The arguments of the activity that runs several steps, and its value: an outcome for each, in their order. */
export interface TogetherArgs {
  readonly steps: readonly { readonly name: string; readonly args: unknown }[];
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
