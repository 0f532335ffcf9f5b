import type { TraceContext } from '../telemetry/trace-context.ts';

/** The part of a saga's document that the library writes. The application's document extends it. */
export const SAGA_STATES = [
  'Pending',
  'Processing',
  'Processed',
  'Error',
  'Compensating',
  'CompensationFailed',
] as const;

/** An effect of a step. It is recorded as intended before it runs, so an effect of unknown outcome is compensated, too. */
export interface Effect {
  readonly status: 'intended' | 'done' | 'compensated' | 'compensationFailed';
  readonly generation: number;
  readonly at: string;
  readonly value?: unknown;
}

/** With the trace of the request that began the saga: its steps go on with it. */
export interface SagaDocument<Outcome = unknown> extends TraceContext {
  readonly id: string;
  readonly state: (typeof SAGA_STATES)[number];
  readonly step: string;
  readonly attempts: number;
  readonly generation: number;
  /** After this the saga is overdue. */
  readonly completeBy?: string;
  readonly effects: Readonly<Record<string, Effect>>;
  /** Signals that were ever put into the inbox: it grows in the write that puts one. */
  readonly mail: number;
  /** Ids of the signals that an orchestration has dealt with. */
  readonly handled: readonly string[];
  /** How the saga is going to end: written before anything is compensated, so that every later run ends it so. */
  readonly pendingOutcome?: Outcome;
  readonly outcome?: Outcome;
  /** The failure of the last step; null once a step has succeeded after it. */
  readonly lastError?: string | null;
  readonly updatedAt: string;
}
