/**
 * The activity of a step, or of several: one write, then the effects. It never rejects; the result travels to the journal
 * with the next activity.
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
  togetherOf,
} from './define-saga.ts';
import type { Inbox } from './inbox.ts';
import { type Journal, type StepKind, superseded } from './journal.ts';
import type { StepError, StepInput, StepOutcome, StepResult, TogetherArgs } from './protocol.ts';
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
  readonly inbox: Inbox<State>;
  readonly log: Log;
}

interface AnyStep<Call> {
  readonly run: (call: Call, args?: unknown) => Promise<unknown>;
  readonly compensate?: (call: Call) => Promise<void>;
}

/** The activities of all steps and compensations, and the one that runs several steps together, by name. */
export function createStepActivities<S extends Saga, State extends SagaDocument, Call>(
  saga: S,
  implementations: StepImplementations<S, Call>,
  runtime: StepRuntime<State, Call>,
): Readonly<Record<string, Activity>> {
  const execution = (name: string, kind: StepKind, input: StepInput): Execution<Call> => {
    const step = implementations[name as StepName<S>] as unknown as AnyStep<Call>;
    return { saga, name, kind, input, step };
  };
  const single =
    (name: string, kind: StepKind): Activity =>
    async (input) => {
      const one = execution(name, kind, input);
      try {
        const { outcomes, rest } = await runSteps([one], input, kind, runtime);
        return { ...(outcomes[0] as StepOutcome), ...rest };
      } catch (thrown) {
        return { ...(await failure(one, thrown, runtime)), journaled: false, signals: [] };
      }
    };
  const together: Activity = async (input) => {
    const all = (input.args as TogetherArgs).steps.map(({ name, args }) =>
      execution(name, 'run', { ...input, args }),
    );
    try {
      const { outcomes, rest } = await runSteps(all, input, 'run', runtime);
      return { ok: true, value: outcomes, recorded: true, ...rest };
    } catch (thrown) {
      return failureOf(toAppError(thrown));
    }
  };
  const activities = stepNames(saga).flatMap((name): [string, Activity][] => {
    const run: [string, Activity] = [activityOf(saga, name), single(name, 'run')];
    return factsOf(saga, name).compensated
      ? [run, [compensationOf(saga, name), single(name, 'compensate')]]
      : [run];
  });
  return Object.fromEntries([...activities, [togetherOf(saga), together]]);
}

interface Execution<Call> {
  readonly saga: Saga;
  readonly kind: StepKind;
  /** The activity's; `args` are those of one step. */
  readonly input: StepInput;
  readonly name: string;
  readonly step: AnyStep<Call>;
}

/** Runs the steps of one activity: one write for their intents, then the effects at the same time. */
async function runSteps<State extends SagaDocument, Call>(
  executions: readonly Execution<Call>[],
  input: StepInput,
  kind: StepKind,
  runtime: StepRuntime<State, Call>,
): Promise<{ outcomes: readonly StepOutcome[]; rest: Omit<StepResult, keyof StepOutcome> }> {
  const names = executions.map(({ name }) => name);
  const begun = await runtime.journal.begin(input, names, kind);
  if (begun.kind === 'superseded') throw superseded(input);
  const { state, done } = begun;
  const outcomes = await Promise.all(
    executions.map((execution): Promise<StepOutcome> | StepOutcome => {
      const effect = done[execution.name];
      return effect
        ? { ok: true, value: effect.value ?? null, recorded: true }
        : runEffect(execution, state, runtime);
    }),
  );
  const isRead = outcomes.some(({ ok }) => ok);
  const mail = isRead ? await runtime.inbox.exchange(input, state) : { signals: [] };
  return { outcomes, rest: { journaled: true, ...mail } };
}

/** A span of the trace in which the saga was asked for. */
async function runEffect<State extends SagaDocument, Call>(
  execution: Execution<Call>,
  state: State,
  runtime: StepRuntime<State, Call>,
): Promise<StepOutcome> {
  const { name, kind, input } = execution;
  const span = {
    attributes: { 'saga.id': input.id, 'saga.step': name, 'saga.generation': input.generation },
    parent: state,
  };
  try {
    const value = await inSpan(`${kind} ${name}`, span, () => carryOut(execution, state, runtime));
    return { ok: true, value: value ?? null, recorded: false };
  } catch (thrown) {
    return failure(execution, thrown, runtime);
  }
}

function carryOut<State extends SagaDocument, Call>(
  { saga, name, kind, input, step }: Execution<Call>,
  state: State,
  { prepare }: StepRuntime<State, Call>,
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
  return withDeadline(work, timeoutSeconds * 1000, name);
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
  { name, kind, input }: Execution<Call>,
  thrown: unknown,
  { journal, log }: StepRuntime<State, Call>,
): Promise<Extract<StepOutcome, { ok: false }>> {
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
  return { ok: false, error: errorOf(error) };
}

/** The answer of an activity that failed before it wrote anything. */
export function failureOf(error: AppError): Extract<StepResult, { ok: false }> {
  return { ok: false, error: errorOf(error), journaled: false, signals: [] };
}

function errorOf(error: AppError): StepError {
  const { retryAfterSeconds, facts } = error.options;
  const { code, message: detail, retryable } = error;
  return {
    code,
    detail,
    retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(facts ? { facts } : {}),
  };
}
