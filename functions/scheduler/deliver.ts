/** The story of a delivery, from the request to its end. Pure: only yields of tasks; everything real is an activity. */
import { isSuperseded, type Signal, StepFailed, type Story } from '../../shared/saga/saga.ts';
import { byCarrier } from './carrier-story.ts';
import { type Ending, reasonsOf } from './domain.ts';
import { Cancelled, GivenUp, Rejected, Returned } from './endings.ts';
import { fly, heed } from './flight-story.ts';
import type { Assignment } from './schemas.ts';
import type { Tale } from './tale.ts';
import { undoAll, undoAndEnd } from './undo-story.ts';
import { refuse } from './wishes.ts';

/** What an orchestration finds that begins: nothing yet, or a flight or a carrier under way, from when the engine lost it. */
interface Start {
  readonly accepted: boolean;
  readonly underWay: Assignment['by'] | null;
}

export function* deliver(tale: Tale): Story<void> {
  try {
    const { accepted, underWay } = yield* tale.step<Start>('accept');
    if (!accepted) throw new Rejected(['the request was answered 503 and is not carried out']);
    yield* tale.step('holdQuota');
    yield* tale.step('upsertPackage');
    yield* carry(tale, underWay);
    yield* prove(tale);
    yield* complete(tale);
  } catch (cause) {
    if (isSuperseded(cause)) throw cause;
    if (cause instanceof Returned) yield* endReturned(tale, cause.message);
    else yield* undoAndEnd(tale, endingOf(cause, tale.now()));
  }
}

/** One drone after the other, then the carriers. Once somebody is under way, wishes are heeded by who follows them. */
function* carry(tale: Tale, found: Assignment['by'] | null): Story<void> {
  let underWay = found;
  for (let drones = 1; ; drones++) {
    if (!underWay) yield* heed(tale);
    const byDrone = underWay !== 'third-party' && drones <= tale.limits.drones;
    const assignment = yield* assign(tale, byDrone);
    yield* tale.step('createDelivery');
    if (assignment.by === 'third-party') return yield* byCarrier(tale, assignment);
    const flight = yield* fly(tale, assignment);
    if (flight.end === 'delivered') return;
    yield* tale.replan(flight.change);
    if (flight.change.request) drones = 0;
    underWay = null;
  }
}

function* assign(tale: Tale, byDrone: boolean): Story<Assignment> {
  const reasons: string[] = [];
  if (byDrone) {
    try {
      return yield* tale.step<Assignment>('reserveDrone');
    } catch (error) {
      if (!(error instanceof StepFailed) || error.failure.code !== 'no_feasible_drone') throw error;
      reasons.push(...reasonsOf(error.failure.facts, error.failure.detail));
    }
  }
  if (tale.generation() > 1) yield* tale.step('releaseDrone');
  try {
    return yield* tale.step<Assignment>('bookCarrier');
  } catch (error) {
    if (!(error instanceof StepFailed) || error.failure.code !== 'no_carrier') throw error;
    throw new Rejected([...reasons, ...reasonsOf(error.failure.facts, error.failure.detail)]);
  }
}

/** The proof that was asked for; an operator is told when it stays away, and the delivery ends all the same. */
function* prove(tale: Tale): Story<void> {
  const until = tale.after(tale.limits.confirmation);
  while (!(yield* tale.step<{ proven: boolean }>('checkProof')).proven) {
    const signal: Signal | undefined = yield* tale.next(until);
    if (signal) {
      yield* refuse(tale, signal);
      continue;
    }
    const detail = 'the delivery arrived, its proof did not';
    return yield* tale.step('tellOperator', { kind: 'ProofMissing', step: 'checkProof', detail });
  }
}

function* complete(tale: Tale): Story<void> {
  const ending: Ending = { kind: 'completed', reasons: [], at: tale.now().toISOString() };
  yield* tale.step('moveStage', { eventId: `${tale.id}-end`, event: 'Completed', at: ending.at });
  yield* tale.step('releaseDrone');
  yield* tale.step('settleQuota');
  yield* tale.step('archive', ending);
  yield* tale.finish(ending);
}

function* endReturned(tale: Tale, reason: string): Story<void> {
  const ending: Ending = { kind: 'returned', reasons: [reason], at: tale.now().toISOString() };
  yield* tale.step('moveStage', { eventId: `${tale.id}-end`, event: 'Failed', at: ending.at, reason });
  yield* tale.step('releaseDrone');
  yield* undoAll(tale, ['holdQuota']);
  yield* tale.step('archive', ending);
  yield* tale.finish(ending);
}

/** The steps that ask whether a request may be served: their terminal errors are refusals, not failures. */
const GATES: ReadonlySet<string> = new Set(['accept', 'holdQuota', 'upsertPackage']);

function endingOf(cause: unknown, now: Date): Ending {
  const at = now.toISOString();
  if (cause instanceof Cancelled) return { kind: 'cancelled', reasons: [cause.message], at };
  if (cause instanceof Rejected) return { kind: 'rejected', reasons: [...cause.reasons], at };
  if (cause instanceof GivenUp) return { kind: 'failed', reasons: [cause.message], at };
  if (!(cause instanceof StepFailed)) throw cause;
  const refused = GATES.has(cause.step) && !cause.failure.retryable;
  return {
    kind: refused ? 'rejected' : 'failed',
    reasons: [`${cause.failure.code}: ${cause.failure.detail}`],
    at,
  };
}
