/**
 * The runtime of a saga: everything that an orchestration may do.
 *
 * W1 A wake carries no data: the inbox has the facts, and every activity delivers the new ones. So a wake that is lost,
 *    early or late affects only the time.
 * W2 A wait that ended by its timer leaves a waiter in the engine, which may swallow a wake. From then on every wait is
 *    bounded: by one minute at first, by more as long as nothing arrives.
 * W3 A step without a way back is repeated until it succeeds; the operator is alerted once.
 * W4 After `replan`, activities of the earlier generation are refused.
 */
import type { OrchestrationContext } from 'durable-functions';
import { attempt, type RetryPolicy } from './attempt.ts';
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
} from './define-saga.ts';
import {
  isSuperseded,
  later,
  type Orchestration,
  type Signal,
  StepFailed,
  type StepInput,
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
  /** False when the step could not be compensated now. */
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
    run.activity(activityOf(saga, name), name, args, untilDone) as Orchestration<never>;

  const self: SagaContext<S> = {
    id: start.id,
    generation: run.generation,
    now: () => context.df.currentUtcDateTime,
    after: (seconds) => later(context, seconds),
    step: <N extends StepName<S>>(name: N, ...[args]: StepArgs<S, N>) =>
      runStep(name, args) as Orchestration<ResultOf<S, N>>,
    *compensate(name) {
      try {
        yield* run.activity(compensationOf(saga, name), name, null, start.retry);
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
    *next(until, wanted = () => true) {
      let completeBy = until ? new Date(until.getTime() + OVERDUE_SLACK_SECONDS * 1000).toISOString() : null;
      for (;;) {
        const early = take(wanted);
        if (early) return early;
        yield* record('inbox', { completeBy });
        completeBy = null;
        const signal = take(wanted);
        if (signal) return signal;
        if (until && context.df.currentUtcDateTime >= until) return undefined;
        yield* waits.wake(until);
      }
    },
    take,
    putBack: queue.putBack,
    pause: () => waits.wake(later(context, ROUND_SECONDS)),
  };
  return self;

  function* runStep(name: string, args: unknown): Orchestration<unknown> {
    const { forwardOnly, untilDone: repeated } = factsOf(saga, name);
    const policy = forwardOnly || repeated ? untilDone : start.retry;
    for (let round = 1; ; round++) {
      try {
        return yield* run.activity(activityOf(saga, name), name, args, policy);
      } catch (error) {
        if (!(error instanceof StepFailed) || isSuperseded(error) || !forwardOnly) throw error;
        if (round === 1)
          yield* self.alert({ kind: 'Overdue', step: name, detail: error.message.slice(0, 500) });
        yield* self.pause();
      }
    }
  }
}

/** Calls activities, and carries signals between them and the queue. */
function createRun(
  context: OrchestrationContext,
  start: SagaStart,
  queue: ReturnType<typeof createSignalQueue>,
) {
  let generation = start.generation;
  let fresh = true;
  return {
    generation: () => generation,
    beginGeneration: () => {
      generation += 1;
    },
    *activity(activity: string, name: string, args: unknown, policy: RetryPolicy): Orchestration<unknown> {
      const input: Omit<StepInput, 'attempt'> = {
        id: start.id,
        generation,
        args: args ?? null,
        handled: queue.handled(),
        signals: fresh ? 'all' : 'new',
      };
      const result = yield* attempt(context, activity, input, policy);
      if (!result.ok) throw new StepFailed(name, result.error);
      fresh = false;
      queue.acknowledged();
      queue.add(result.signals);
      return result.value;
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
