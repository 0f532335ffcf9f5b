/** What the story of a delivery is told with: steps, signals from outside, endings. Pure: everything real is an activity. */
import type { OrchestrationContext } from 'durable-functions';
import {
  attempt,
  isSuperseded,
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

/** Steps without a way back: tried until they succeed, also after an error that no repetition should mend. */
const ONLY_FORWARD: ReadonlySet<string> = new Set([
  'pickUp',
  'moveStage',
  'checkProof',
  'releaseDrone',
  'settleQuota',
  'archive',
]);
const UNTIL_DONE: ReadonlySet<string> = new Set([
  ...ONLY_FORWARD,
  'tellOperator',
  'finish',
  'note',
  'inbox',
  'effects',
]);

/** Between two tries of what an operator was told about, s. */
const ROUND_SECONDS = 60;

/** How long after a wait's end the supervisor may look in, s. */
const OVERDUE_SLACK_SECONDS = 60;

export type Wanted = (signal: Signal) => boolean;

export interface Tale {
  readonly id: string;
  readonly limits: Limits;
  generation(): number;
  now(): Date;
  after(seconds: number): Date;
  /** @throws StepFailed */
  step<T>(name: string, args?: unknown): Story<T>;
  undo(name: string): Story<boolean>;
  /** The next signal that is wanted (default: any), or undefined at `until`. What is not wanted waits for somebody else. */
  next(until?: Date, wanted?: Wanted): Story<Signal | undefined>;
  /** A signal that has come in already: every step brings what is new. */
  pick(wanted: Wanted): Signal | undefined;
  /** The next signal stays: somebody else will take it. */
  putBack(signal: Signal): void;
  /** After an operator was told: until somebody nudges, or a minute is over. */
  pause(): Story<void>;
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
  /** A wait that ended by its time leaves a waiter behind, which may swallow a nudge; so waits are bounded from then on. */
  let alarmed = false;
  let idleWaits = 0;

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
    const told: Omit<StepInput, 'attempt'> = {
      id,
      generation,
      args: args ?? null,
      handled,
      signals: fresh ? 'all' : 'new',
    };
    const result = yield* attempt(context, activity, told, policyOf(name));
    if (!result.ok) throw new StepFailed(name, result.error);
    fresh = false;
    handled = [];
    enqueue(result.signals);
    return result.value;
  }

  const pick = (wanted: Wanted): Signal | undefined => {
    const index = queue.findIndex(wanted);
    const [signal] = index < 0 ? [] : queue.splice(index, 1);
    if (signal) {
      handled.push(signal.eventId);
      idleWaits = 0;
    }
    return signal;
  };

  /** A wake is a nudge only: the inbox has the facts. */
  function* wake(until: Date | undefined): Story<void> {
    const nudge = context.df.waitForExternalEvent('wake');
    const bound = alarmed ? later(context, ROUND_SECONDS * 2 ** Math.min(idleWaits, 4)) : undefined;
    const end = until && bound ? new Date(Math.min(until.getTime(), bound.getTime())) : (until ?? bound);
    if (!end) {
      yield nudge;
      return;
    }
    const alarm = context.df.createTimer(end);
    const first = yield context.df.Task.any([nudge, alarm]);
    if (first === nudge) alarm.cancel();
    else alarmed = true;
    idleWaits = first === nudge ? 0 : idleWaits + 1;
  }

  const tale: Tale = {
    id,
    limits,
    generation: () => generation,
    now: () => context.df.currentUtcDateTime,
    after: (seconds) => later(context, seconds),
    *step<T>(name: string, args?: unknown): Story<T> {
      for (let round = 1; ; round++) {
        try {
          return (yield* run(`scheduler_${name}`, name, args)) as T;
        } catch (error) {
          if (!(error instanceof StepFailed) || isSuperseded(error) || !ONLY_FORWARD.has(name)) throw error;
          const facts = { kind: 'Overdue', step: name, detail: error.message.slice(0, 500) };
          if (round === 1) yield* tale.step('tellOperator', facts);
          yield* tale.pause();
        }
      }
    },
    *undo(name) {
      try {
        yield* run(`scheduler_${name}_undo`, name, null);
        return true;
      } catch (error) {
        if (error instanceof StepFailed && !isSuperseded(error)) return false;
        throw error;
      }
    },
    *next(until, wanted = () => true) {
      let completeBy = until ? new Date(until.getTime() + OVERDUE_SLACK_SECONDS * 1000).toISOString() : null;
      for (;;) {
        const early = pick(wanted);
        if (early) return early;
        yield* run('scheduler_inbox', 'inbox', { completeBy });
        completeBy = null;
        const signal = pick(wanted);
        if (signal) return signal;
        if (until && context.df.currentUtcDateTime >= until) return undefined;
        yield* wake(until);
      }
    },
    pick,
    *pause() {
      yield* wake(later(context, ROUND_SECONDS));
    },
    putBack: (signal) => {
      handled = handled.filter((eventId) => eventId !== signal.eventId);
      queue.unshift(signal);
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

/** A story that is no longer the one that counts ends without a word. */
export function* untilSuperseded(story: Story<void>): Story<void> {
  try {
    yield* story;
  } catch (error) {
    if (!isSuperseded(error)) throw error;
  }
}
