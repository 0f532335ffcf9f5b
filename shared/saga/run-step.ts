/**
 * Runs the activity of a step: intent, effect, result. It never rejects.
 *
 * R1 The activity stops waiting for an effect after the step's time-out: the outcome is then unknown, and the error is
 *    retryable. No timer is left behind.
 * R2 The idempotency key is the same for every repetition of a call and different for every other call: it consists of
 *    the saga, the step, how often the step has an effect, and its arguments.
 */
import { createHash } from 'node:crypto';
import { withDeadline } from '../deadline.ts';
import { type AppError, toAppError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { inSpan } from '../telemetry/trace.ts';
import {
  activityOf,
  type CompensatedStep,
  compensationOf,
  factsOf,
  type ResultOf,
  type Saga,
  type StepArgs,
  type StepFacts,
  type StepName,
  stepNames,
  timeoutOf,
} from './define-saga.ts';
import type { Inbox } from './inbox.ts';
import { type Journal, type StepKind, superseded } from './journal.ts';
import type { StepInput, StepResult } from './protocol.ts';
import type { SagaDocument } from './saga-document.ts';

/** The circumstances of one call of a step. */
export interface StepCall<State> {
  readonly id: string;
  readonly generation: number;
  readonly idempotencyKey: string;
  readonly timeoutSeconds: number;
  /** The saga's document when the step began. */
  readonly state: State;
}

/** The implementations of a saga's steps: run, and compensate exactly where the table says so. */
export type StepImplementations<S extends Saga, Call> = {
  readonly [N in StepName<S>]: {
    /** Idempotent under the call's key. */
    readonly run: (call: Call, ...args: StepArgs<S, N>) => Promise<ResultOf<S, N>>;
  } & (N extends CompensatedStep<S>
    ? {
        /** Succeeds when there is nothing to compensate (J3). */ readonly compensate: (
          call: Call,
        ) => Promise<void>;
      }
    : { readonly compensate?: never });
};

export type Activity = (input: StepInput) => Promise<StepResult>;

export interface StepRuntime<State extends SagaDocument, Call> {
  /** The dependencies of the implementations, beside the circumstances of the call. */
  readonly prepare: (call: StepCall<State>) => Call;
  readonly journal: Journal<State>;
  readonly inbox: Inbox;
  readonly log: Log;
}

interface AnyStep<Call> {
  readonly run: (call: Call, args?: unknown) => Promise<unknown>;
  readonly compensate?: (call: Call) => Promise<void>;
}

/** The activities of all steps and compensations, by name. */
export function createStepActivities<S extends Saga, State extends SagaDocument, Call>(
  saga: S,
  implementations: StepImplementations<S, Call>,
  runtime: StepRuntime<State, Call>,
): Readonly<Record<string, Activity>> {
  const activities = stepNames(saga).flatMap((name): [string, Activity][] => {
    const step = implementations[name] as unknown as AnyStep<Call>;
    const activity =
      (kind: StepKind): Activity =>
      (input) =>
        runStep({ saga, name, kind, input }, step, runtime);
    const run: [string, Activity] = [activityOf(saga, name), activity('run')];
    return factsOf(saga, name).compensated
      ? [run, [compensationOf(saga, name), activity('compensate')]]
      : [run];
  });
  return Object.fromEntries(activities);
}

interface Execution {
  readonly saga: Saga;
  readonly name: string;
  readonly kind: StepKind;
  readonly input: StepInput;
}

async function runStep<State extends SagaDocument, Call>(
  execution: Execution,
  step: AnyStep<Call>,
  runtime: StepRuntime<State, Call>,
): Promise<StepResult> {
  const { name, kind, input } = execution;
  const { journal, inbox } = runtime;
  try {
    const begun = await journal.begin(input, name, kind);
    if (begun.kind === 'superseded') throw superseded(input);
    const value = begun.kind === 'done' ? begun.value : await effect(execution, step, begun.state, runtime);
    return { ok: true, value: value ?? null, signals: await inbox.exchange(input) };
  } catch (thrown) {
    return failure(execution, thrown, runtime);
  }
}

/** A span of the trace in which the saga was asked for. */
function effect<State extends SagaDocument, Call>(
  execution: Execution,
  step: AnyStep<Call>,
  state: State,
  runtime: StepRuntime<State, Call>,
): Promise<unknown> {
  const { name, kind, input } = execution;
  const span = {
    attributes: { 'saga.id': input.id, 'saga.step': name, 'saga.generation': input.generation },
    parent: state,
  };
  return inSpan(`${kind} ${name}`, span, () => carryOut(execution, step, state, runtime));
}

async function carryOut<State extends SagaDocument, Call>(
  { saga, name, kind, input }: Execution,
  step: AnyStep<Call>,
  state: State,
  { journal, prepare }: StepRuntime<State, Call>,
): Promise<unknown> {
  const timeoutSeconds = timeoutOf(saga, name);
  const call = prepare({
    id: input.id,
    generation: input.generation,
    idempotencyKey: idempotencyKey(name, kind, factsOf(saga, name), input),
    timeoutSeconds,
    state,
  });
  const work = kind === 'run' ? step.run(call, input.args) : (step.compensate?.(call) ?? Promise.resolve());
  const value = await withDeadline(work, timeoutSeconds * 1000, name);
  await journal.done(input, name, kind, value);
  return value;
}

/** R2. Only characters that a header's token may have. */
export function idempotencyKey(
  name: string,
  kind: StepKind,
  facts: Pick<StepFacts, 'once'>,
  { id, generation, args }: Pick<StepInput, 'id' | 'generation' | 'args'>,
): string {
  const perGeneration = facts.once === 'saga' ? [] : [String(generation)];
  const perArguments = args === null || args === undefined ? [] : [digest(args)];
  const perKind = kind === 'run' ? [] : [kind];
  return [id, name, ...perKind, ...perGeneration, ...perArguments].join(':');
}

function digest(args: unknown): string {
  return createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 16);
}

async function failure<State extends SagaDocument, Call>(
  { name, kind, input }: Execution,
  thrown: unknown,
  { journal, log }: StepRuntime<State, Call>,
): Promise<StepResult> {
  const error = toAppError(thrown);
  const unforeseen = error.code === 'internal';
  const facts = {
    sagaId: input.id,
    step: name,
    kind,
    code: error.code,
    err: unforeseen ? thrown : undefined,
  };
  const verb = kind === 'run' ? 'failed' : 'could not be compensated';
  log[unforeseen ? 'error' : 'info'](facts, `${name} ${verb}: ${error.message}`);
  if (error.code !== 'superseded') {
    await journal.failed(input, name, kind, error).catch((cause: unknown) => {
      log.warn({ err: cause, sagaId: input.id, step: name }, 'the failure could not be journaled');
    });
  }
  return failureOf(error);
}

export function failureOf(error: AppError): Extract<StepResult, { ok: false }> {
  const { retryAfterSeconds, facts } = error.options;
  const { code, message: detail, retryable } = error;
  return {
    ok: false,
    error: {
      code,
      detail,
      retryable,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(facts ? { facts } : {}),
    },
  };
}
