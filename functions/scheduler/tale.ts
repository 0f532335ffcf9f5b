/** What the story of a delivery is told with: steps, signals from outside, endings. Pure: everything real is an activity. */
import type { OrchestrationContext } from 'durable-functions';
import {
  attempt,
  later,
  type RetryPolicy,
  type Signal,
  StepFailed,
  type StepInput,
  type Story,
} from '../../shared/saga/saga.ts';
import type { Ending } from './domain.ts';

/** Recorded in the orchestration's input, so that a replay sees what the start saw. Seconds, unless said. */
export interface Limits {
  readonly missionAnswer: number;
  readonly recallAnswer: number;
  readonly pickupGrace: number;
  readonly deliveryGrace: number;
  readonly confirmation: number;
  /** Drones tried before the carriers are. */
  readonly drones: number;
  readonly stepAttempts: number;
  readonly stepRetry: number;
}

export interface TaleInput {
  readonly deliveryId: string;
  readonly generation: number;
  readonly limits: Limits;
}

/** Steps without a way back: tried until they succeed. */
const UNTIL_DONE: ReadonlySet<string> = new Set([
  'pickUp',
  'moveStage',
  'checkProof',
  'tellOperator',
  'releaseDrone',
  'settleQuota',
  'archive',
  'finish',
  'note',
  'inbox',
  'effects',
]);

/** How long after a wait's end the supervisor may look in, s. */
const OVERDUE_SLACK_SECONDS = 60;

export interface Tale {
  readonly id: string;
  readonly limits: Limits;
  generation(): number;
  now(): Date;
  after(seconds: number): Date;
  /** @throws StepFailed */
  step<T>(name: string, args?: unknown): Story<T>;
  undo(name: string): Story<boolean>;
  /** The next signal, or undefined at `until`. */
  next(until?: Date): Story<Signal | undefined>;
  /** Puts a signal back: somebody else will take it. */
  putBack(signal: Signal): void;
  /** Signals that came in already, taken out when `wanted`. */
  take(wanted: (signal: Signal) => boolean): Signal | undefined;
  /** A new generation: activities of the old one are refused from now on. */
  replan(change: unknown): Story<void>;
  finish(ending: Ending): Story<void>;
}

export function tell(context: OrchestrationContext, input: TaleInput): Tale {
  const { deliveryId: id, limits } = input;
  const queue: Signal[] = [];
  const seen = new Set<string>();
  let handled: string[] = [];
  let generation = input.generation;
  let fresh = true;

  const policyOf = (name: string): RetryPolicy => ({
    attempts: UNTIL_DONE.has(name) ? Number.POSITIVE_INFINITY : limits.stepAttempts,
    firstSeconds: limits.stepRetry,
  });

  const enqueue = (signals: readonly Signal[]) => {
    for (const signal of signals) {
      if (seen.has(signal.eventId)) continue;
      seen.add(signal.eventId);
      queue.push(signal);
    }
  };

  function* run(activity: string, name: string, args: unknown): Story<unknown> {
    const step: Omit<StepInput, 'attempt'> = { id, generation, args: args ?? null, handled };
    const result = yield* attempt(context, activity, step, policyOf(name));
    if (!result.ok) throw new StepFailed(name, result.error);
    handled = [];
    enqueue(result.signals);
    return result.value;
  }

  const tale: Tale = {
    id,
    limits,
    generation: () => generation,
    now: () => context.df.currentUtcDateTime,
    after: (seconds) => later(context, seconds),
    *step<T>(name: string, args?: unknown): Story<T> {
      return (yield* run(`scheduler_${name}`, name, args)) as T;
    },
    *undo(name) {
      try {
        yield* run(`scheduler_${name}_undo`, name, null);
        return true;
      } catch (error) {
        if (error instanceof StepFailed) return false;
        throw error;
      }
    },
    *next(until) {
      let completeBy = until ? new Date(until.getTime() + OVERDUE_SLACK_SECONDS * 1000).toISOString() : null;
      for (;;) {
        const signal = queue.shift();
        if (signal) {
          handled.push(signal.eventId);
          return signal;
        }
        yield* run('scheduler_inbox', 'inbox', { completeBy, all: fresh });
        fresh = false;
        completeBy = null;
        if (queue.length > 0) continue;
        if (until && context.df.currentUtcDateTime >= until) return undefined;
        yield* wake(context, until);
      }
    },
    putBack: (signal) => {
      handled = handled.filter((eventId) => eventId !== signal.eventId);
      queue.unshift(signal);
    },
    take: (wanted) => {
      const index = queue.findIndex(wanted);
      const [signal] = index < 0 ? [] : queue.splice(index, 1);
      if (signal) handled.push(signal.eventId);
      return signal;
    },
    *replan(change) {
      generation += 1;
      yield* run('scheduler_replan', 'note', change);
    },
    *finish(ending) {
      yield* run('scheduler_finish', 'finish', ending);
    },
  };
  return tale;
}

/** Sleeps until somebody wakes the workflow, or until the time has come. A wake is a nudge only: the inbox has the facts. */
function* wake(context: OrchestrationContext, until: Date | undefined): Story<void> {
  const nudge = context.df.waitForExternalEvent('wake');
  if (!until) {
    yield nudge;
    return;
  }
  const alarm = context.df.createTimer(until);
  const first = yield context.df.Task.any([nudge, alarm]);
  if (first === nudge) alarm.cancel();
}
