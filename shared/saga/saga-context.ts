/**
 * The runtime of a saga: everything that an orchestration may do.
 *
 * W1 A wake carries no data: the inbox has the facts, and every activity delivers the new ones. So a wake that is lost,
 *    early or late affects only the time.
 * W2 A wait that ended by its timer leaves a waiter in the engine, which may swallow a wake. From then on every wait is
 *    bounded: by one minute at first, by more as long as nothing arrives.
 * W3 A step without a way back is repeated until it succeeds; the operator is alerted once.
 * W4 After `replan`, activities of the earlier generation are refused.
 * W5 The result of a step travels with the next activity, which writes it beside its own intent. Until that activity says
 *    that the journal has it, every further one carries it, too.
 */
import type { OrchestrationContext } from 'durable-functions';
import { type Attempts, attempt, type RetryPolicy } from './attempt.ts';
import {
  activityOf,
  type ChangeOf,
  type CompensatedStep,
  compensationOf,
  factsOf,
  type NoteOf,
  type OutcomeOf,
  type Records,
  type ResultOf,
  type Saga,
  type StepArgs,
  type StepName,
  togetherOf,
} from './define-saga.ts';
import {
  type CarriedResult,
  isSuperseded,
  later,
  type Orchestration,
  type Signal,
  StepFailed,
  type StepOutcome,
  type StepResult,
  type TogetherArgs,
} from './protocol.ts';
import { createSignalQueue, type Wanted } from './signals.ts';

/** Pause between two rounds of work that an operator knows about, s. */
const ROUND_SECONDS = 60;

/** How long after its end a wait counts as overdue for the supervisor, s. */
const OVERDUE_SLACK_SECONDS = 60;

/** A problem that becomes a work item for an operator. */
export interface Alert {
  readonly kind: 'Overdue' | 'CompensationFailed';
  readonly step: string;
  readonly detail: string;
}

export interface SagaContext<S extends Saga> {
  readonly id: string;
  generation(): number;
  now(): Date;
  after(seconds: number): Date;
  /** @throws StepFailed */
  step<N extends StepName<S>>(name: N, ...args: StepArgs<S, N>): Orchestration<ResultOf<S, N>>;
  /**
   * Runs steps at the same time, after one write of all their intents. A step that fails for the time being is repeated by
   * itself, like any other.
   * @throws StepFailed the error of the first step that failed for good, once all have ended
   */
  together<const N extends readonly StepName<S>[]>(
    ...steps: { readonly [I in keyof N]: readonly [name: N[I], ...args: StepArgs<S, N[I]>] }
  ): Orchestration<void>;
  /** False when it could not be compensated now. */
  compensate(name: CompensatedStep<S>): Orchestration<boolean>;
  record<N extends keyof Records<S>>(
    name: N,
    args: Records<S>[N]['args'],
  ): Orchestration<Records<S>[N]['result']>;
  note(fields: NoteOf<S>): Orchestration<void>;
  /** Begins a new generation. */
  replan(change: ChangeOf<S>): Orchestration<void>;
  finish(outcome: OutcomeOf<S>): Orchestration<void>;
  alert(alert: Alert): Orchestration<void>;
  /** The next wanted signal (default: any), or undefined at `until`. Other signals stay for a later call. */
  next(until?: Date, wanted?: Wanted): Orchestration<Signal | undefined>;
  /** A signal that has arrived already. */
  take(wanted: Wanted): Signal | undefined;
  putBack(signal: Signal): void;
  /** Until a wake, or for a minute. */
  pause(): Orchestration<void>;
}

export interface SagaStart {
  readonly id: string;
  readonly generation: number;
  readonly retry: RetryPolicy;
}

export interface SagaOptions<S extends Saga> {
  /** Creates a work item for an operator. */
  readonly alert: (context: SagaContext<S>, alert: Alert) => Orchestration<void>;
}

export function createSagaContext<S extends Saga>(
  context: OrchestrationContext,
  saga: S,
  start: SagaStart,
  options: SagaOptions<S>,
): SagaContext<S> {
  const queue = createSignalQueue();
  const waits = createWaits(context);
  const run = createRun(context, start, queue);
  const untilDone: RetryPolicy = { ...start.retry, attempts: Number.POSITIVE_INFINITY };

  const take = (wanted: Wanted): Signal | undefined => {
    const signal = queue.take(wanted);
    if (signal) waits.active();
    return signal;
  };
  const record = (name: keyof Records<S>, args: unknown) =>
    run.record(activityOf(saga, name), name, args, untilDone) as Orchestration<never>;

  const self: SagaContext<S> = {
    id: start.id,
    generation: run.generation,
    now: () => context.df.currentUtcDateTime,
    after: (seconds) => later(context, seconds),
    step: <N extends StepName<S>>(name: N, ...[args]: StepArgs<S, N>) =>
      runStep(name, args) as Orchestration<ResultOf<S, N>>,
    *together(...steps) {
      const calls = (steps as readonly (readonly [string, unknown?])[]).map(([name, args = null]) => ({
        name,
        args,
      }));
      const outcomes = yield* run.together(togetherOf(saga), calls, untilDone);
      yield* allDone(
        calls.flatMap(({ name, args }, index) =>
          outcomes[index]?.ok ? [] : [runStep(name, args, outcomes[index])],
        ),
      );
    },
    *compensate(name) {
      const call = { activity: compensationOf(saga, name), name, kind: 'compensate', args: null } as const;
      try {
        yield* run.step(call, start.retry);
        return true;
      } catch (error) {
        if (error instanceof StepFailed && !isSuperseded(error)) return false;
        throw error;
      }
    },
    record,
    note: (fields) => record('note', fields),
    *replan(change) {
      run.beginGeneration();
      yield* record('replan', change);
    },
    finish: (outcome) => record('finish', outcome),
    alert: (alert) => options.alert(self, alert),
    next: createNext(context, {
      take,
      wake: waits.wake,
      readInbox: (completeBy) => record('inbox', { completeBy }),
    }),
    take,
    putBack: queue.putBack,
    pause: () => waits.wake(later(context, ROUND_SECONDS)),
  };
  return self;

  function* runStep(name: string, args: unknown, first?: StepOutcome): Orchestration<unknown> {
    const { forwardOnly, untilDone: repeated } = factsOf(saga, name);
    const policy = forwardOnly || repeated ? untilDone : start.retry;
    for (let round = 1; ; round++) {
      try {
        const call = { activity: activityOf(saga, name), name, kind: 'run', args } as const;
        return yield* run.step(call, policy, round === 1 ? first : undefined);
      } catch (error) {
        if (!(error instanceof StepFailed) || isSuperseded(error) || !forwardOnly) throw error;
        if (round === 1)
          yield* self.alert({ kind: 'Overdue', step: name, detail: error.message.slice(0, 500) });
        yield* self.pause();
      }
    }
  }
}

interface Inbox {
  readonly take: (wanted: Wanted) => Signal | undefined;
  readonly readInbox: (completeBy: string | null) => Orchestration<unknown>;
  readonly wake: (until: Date | undefined) => Orchestration<void>;
}

/** Waits for a signal: those that have arrived, those in the inbox, those after a wake (W1). */
function createNext(context: OrchestrationContext, { take, readInbox, wake }: Inbox) {
  return function* next(until?: Date, wanted: Wanted = () => true): Orchestration<Signal | undefined> {
    let completeBy = until ? new Date(until.getTime() + OVERDUE_SLACK_SECONDS * 1000).toISOString() : null;
    for (;;) {
      const early = take(wanted);
      if (early) return early;
      yield* readInbox(completeBy);
      completeBy = null;
      const signal = take(wanted);
      if (signal) return signal;
      if (until && context.df.currentUtcDateTime >= until) return undefined;
      yield* wake(until);
    }
  };
}

/** Runs each to its end, one after the other. @throws the first failure, once all have ended; at once when superseded */
function* allDone(steps: readonly Orchestration<unknown>[]): Orchestration<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      yield* step;
    } catch (error) {
      if (isSuperseded(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

interface StepCall extends Pick<CarriedResult, 'kind'> {
  readonly activity: string;
  readonly name: string;
  readonly args: unknown;
}

/** Calls activities, and carries results and signals between them. */
function createRun(
  context: OrchestrationContext,
  start: SagaStart,
  queue: ReturnType<typeof createSignalQueue>,
) {
  let generation = start.generation;
  let fresh = true;
  let mail = 0;
  let carried: readonly CarriedResult[] = [];

  const onResult = (result: StepResult) => {
    if (result.journaled) {
      carried = [];
      queue.acknowledged();
    }
    if (!result.ok) return;
    fresh = false;
    mail = result.mail ?? mail;
    queue.add(result.signals);
  };
  const attempts = (args: unknown): Attempts => ({
    onResult,
    input: () => ({
      id: start.id,
      generation,
      args: args ?? null,
      carried,
      handled: queue.handled(),
      signals: fresh ? 'all' : 'new',
      mail,
    }),
  });
  const carry = (step: string, kind: CarriedResult['kind'], outcome: StepOutcome) => {
    if (outcome.ok && !outcome.recorded)
      carried = [...carried, { step, kind, generation, value: outcome.value }];
  };
  function* call(activity: string, name: string, all: Attempts, policy: RetryPolicy) {
    const outcome = yield* attempt(context, activity, all, policy);
    if (!outcome.ok) throw new StepFailed(name, outcome.error);
    return outcome;
  }

  return {
    generation: () => generation,
    beginGeneration: () => {
      generation += 1;
    },
    *record(activity: string, name: string, args: unknown, policy: RetryPolicy): Orchestration<unknown> {
      return (yield* call(activity, name, attempts(args), policy)).value;
    },
    *step(
      { activity, name, kind, args }: StepCall,
      policy: RetryPolicy,
      first?: StepOutcome,
    ): Orchestration<unknown> {
      const outcome = yield* call(activity, name, { ...attempts(args), ...(first ? { first } : {}) }, policy);
      carry(name, kind, outcome);
      return outcome.value;
    },
    *together(
      activity: string,
      steps: TogetherArgs['steps'],
      policy: RetryPolicy,
    ): Orchestration<readonly StepOutcome[]> {
      const names = steps.map(({ name }) => name).join('+');
      const { value } = yield* call(activity, names, attempts({ steps } satisfies TogetherArgs), policy);
      const outcomes = value as readonly StepOutcome[];
      for (const [index, outcome] of outcomes.entries()) carry(steps[index]?.name ?? '', 'run', outcome);
      return outcomes;
    },
  };
}

/** Waits for a wake or a time (W1, W2). */
function createWaits(context: OrchestrationContext) {
  let timedOut = false;
  let idleWaits = 0;
  return {
    active: () => {
      idleWaits = 0;
    },
    *wake(until: Date | undefined): Orchestration<void> {
      const wake = context.df.waitForExternalEvent('wake');
      const bound = timedOut ? later(context, ROUND_SECONDS * 2 ** Math.min(idleWaits, 4)) : undefined;
      const end = until && bound ? new Date(Math.min(until.getTime(), bound.getTime())) : (until ?? bound);
      if (!end) {
        yield wake;
        return;
      }
      const timer = context.df.createTimer(end);
      const first = yield context.df.Task.any([wake, timer]);
      if (first === wake) timer.cancel();
      else timedOut = true;
      idleWaits = first === wake ? 0 : idleWaits + 1;
    },
  };
}
