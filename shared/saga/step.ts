/**
 * The table of a saga's steps, and the activity that runs one of them under its journal.
 *
 * J1 A step's intent is in the journal before it runs, so an effect of unknown outcome is undone, too.
 * J2 A call of an older generation, or for a saga that has ended, has no effect.
 * J3 An undo succeeds when there is nothing to undo.
 */
import { AppError, toAppError } from '../http/problem.ts';
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

/** Where the saga writes down what it does: the workflow document. */
export interface Journal<State> {
  /** Writes the intent. Undefined: there is a newer generation, this call is stale. */
  begin(input: StepInput, step: string, kind: 'run' | 'undo'): Promise<State | undefined>;
  done(input: StepInput, step: string, kind: 'run' | 'undo', value: unknown): Promise<void>;
  failed(input: StepInput, step: string, kind: 'run' | 'undo', error: AppError): Promise<void>;
  /** Marks `handled` signals, answers those that nobody has handled yet, in the order of arrival. */
  signals(id: string, handled: readonly string[]): Promise<readonly Signal[]>;
  /** Trace context of the request that began it all. */
  traceparent(state: State): string | undefined;
}

/** Runs (or undoes) a step: intent, effect, result; never rejects. */
export async function runStep<State>(
  step: Step<State>,
  kind: 'run' | 'undo',
  input: StepInput,
  journal: Journal<State>,
  log: Log,
): Promise<StepResult> {
  try {
    const state = await journal.begin(input, step.name, kind);
    if (!state) throw new AppError('stale', `generation ${input.generation} is over`);
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
  kind: 'run' | 'undo',
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
  const value = await inTime(work, step);
  await journal.done(input, step.name, kind, value);
  return { ok: true, value: value ?? null, signals: await journal.signals(input.id, input.handled) };
}

async function inTime<T>(work: Promise<T>, step: { name: string; timeoutSeconds: number }): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const give = () =>
      reject(new AppError('deadline_exceeded', `${step.name} took longer than ${step.timeoutSeconds} s`));
    timer = setTimeout(give, step.timeoutSeconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
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
