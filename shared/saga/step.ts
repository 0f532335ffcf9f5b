/**
 * The table of a saga's steps, and the activity that runs one of them under its journal.
 *
 * J1 A step's intent is in the journal before it runs, so an effect of unknown outcome is undone, too.
 * J2 A call of an older generation, or for a saga that has ended, has no effect; nor has a step that would have to be
 *    undone when the undoing has begun. Such a call fails as `superseded`: its story is no longer the one that counts.
 * J3 An undo succeeds when there is nothing to undo.
 * J4 A step that is done once per generation is answered from the journal when it is called again: by a repetition of its
 *    activity, or by a story that is told anew from the beginning.
 */
import { withDeadline } from '../deadline.ts';
import { AppError, toAppError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { inTrace } from '../telemetry/trace.ts';
import type { Signal, StepInput, StepResult } from './saga.ts';

/** A line of the table. `run` and `undo` are idempotent under `${id}:${name}:${generation}`. */
export interface Step<State> {
  readonly name: string;
  readonly run: (args: unknown, call: StepCall<State>) => Promise<unknown>;
  /** Succeeds when there is nothing to undo. Absent: nothing to undo, or no way back. */
  readonly undo?: (call: StepCall<State>) => Promise<void>;
  /** After it only forward. */
  readonly pivot?: boolean;
  /** Tried until it succeeds: there is no way back from here. */
  readonly untilDone?: boolean;
  /** Runs once: in the saga's life, or in each generation. Absent: whenever it is called, with what it is told then. */
  readonly once?: 'saga' | 'generation';
  /** The activity gives up after this long; the outcome is then unknown and retried. */
  readonly timeoutSeconds: number;
}

export interface StepCall<State> {
  readonly id: string;
  readonly generation: number;
  readonly idempotencyKey: string;
  /** The journal's document as it was when the step began. */
  readonly state: State;
}

export type StepKind = 'run' | 'undo';

/** What `begin` found. `done`: the step ran before, with this value. `superseded`: it may not run. */
export type Begun<State> =
  | { readonly kind: 'begun'; readonly state: State }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'superseded' };

/** Where the saga writes down what it does: the workflow document. */
export interface Journal<State> {
  /** Writes the intent, unless J2 or J4 forbid it. */
  begin(input: StepInput, step: Step<State>, kind: StepKind): Promise<Begun<State>>;
  done(input: StepInput, step: string, kind: StepKind, value: unknown): Promise<void>;
  failed(input: StepInput, step: string, kind: StepKind, error: AppError): Promise<void>;
  /** Marks `handled` signals, answers those that nobody has handled yet (or all), in the order of arrival. */
  signals(input: Pick<StepInput, 'id' | 'handled' | 'signals'>): Promise<readonly Signal[]>;
  /** Trace context of the request that began it all. */
  traceparent(state: State): string | undefined;
}

/** Runs (or undoes) a step: intent, effect, result; never rejects. */
export async function runStep<State>(
  step: Step<State>,
  kind: StepKind,
  input: StepInput,
  journal: Journal<State>,
  log: Log,
): Promise<StepResult> {
  try {
    const begun = await journal.begin(input, step, kind);
    if (begun.kind === 'superseded') {
      throw new AppError('superseded', `generation ${input.generation} is over`);
    }
    if (begun.kind === 'done') {
      return { ok: true, value: begun.value ?? null, signals: await journal.signals(input) };
    }
    const { state } = begun;
    return await inTrace(journal.traceparent(state), () => effect(step, kind, input, state, journal));
  } catch (thrown) {
    const error = toAppError(thrown);
    log[error.code === 'internal' ? 'error' : 'info'](
      {
        deliveryId: input.id,
        step: step.name,
        kind,
        code: error.code,
        err: error.code === 'internal' ? thrown : undefined,
      },
      `${step.name} ${kind === 'run' ? 'failed' : 'could not be undone'}: ${error.message}`,
    );
    if (error.code === 'superseded') return { ok: false, error: toStepError(error) };
    await journal.failed(input, step.name, kind, error).catch((cause: unknown) => {
      log.warn(
        { err: cause, deliveryId: input.id, step: step.name },
        'the failure could not be written down',
      );
    });
    return { ok: false, error: toStepError(error) };
  }
}

async function effect<State>(
  step: Step<State>,
  kind: StepKind,
  input: StepInput,
  state: State,
  journal: Journal<State>,
): Promise<StepResult> {
  const call: StepCall<State> = {
    id: input.id,
    generation: input.generation,
    idempotencyKey: `${input.id}:${step.name}:${input.generation}`,
    state,
  };
  const work = kind === 'run' ? step.run(input.args, call) : (step.undo?.(call) ?? Promise.resolve());
  const value = await withDeadline(work, step.timeoutSeconds * 1000, step.name);
  await journal.done(input, step.name, kind, value);
  return { ok: true, value: value ?? null, signals: await journal.signals(input) };
}

function toStepError(error: AppError): Extract<StepResult, { ok: false }>['error'] {
  const { retryAfterSeconds, facts } = error.options;
  return {
    code: error.code,
    detail: error.message,
    retryable: error.retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(facts ? { facts } : {}),
  };
}
