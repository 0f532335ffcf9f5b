/** The story of a delivery, from the request to its end. Pure: only yields of tasks; everything real is an activity. */
import { StepFailed, type Story } from '../../shared/saga/saga.ts';
import { byCarrier } from './carrier-story.ts';
import { type Ending, reasonsOf } from './domain.ts';
import { Cancelled, GivenUp, Rejected, Returned } from './endings.ts';
import { fly, heed } from './flight-story.ts';
import type { Assignment } from './schemas.ts';
import type { Tale } from './tale.ts';
import { undoAndEnd } from './undo-story.ts';

export function* deliver(tale: Tale): Story<void> {
  try {
    const { accepted } = yield* tale.step<{ accepted: boolean }>('accept');
    if (!accepted) throw new Rejected(['the request was answered 503 and is not carried out']);
    yield* tale.step('holdQuota');
    yield* tale.step('upsertPackage');
    yield* carry(tale);
    yield* prove(tale);
    yield* close(tale, { kind: 'completed', reasons: [], at: tale.now().toISOString() }, true);
  } catch (cause) {
    if (cause instanceof Returned) {
      yield* tale.step('moveStage', {
        eventId: `${tale.id}-end`,
        event: 'Failed',
        at: tale.now().toISOString(),
        reason: cause.message,
      });
      yield* close(tale, { kind: 'returned', reasons: [cause.message], at: tale.now().toISOString() }, false);
      return;
    }
    yield* undoAndEnd(tale, endingOf(cause, tale.now()));
  }
}

/** One drone after the other, then the carriers. */
function* carry(tale: Tale): Story<void> {
  for (let drones = 1; ; drones++) {
    yield* heed(tale);
    const assignment = yield* assign(tale, drones <= tale.limits.drones);
    yield* tale.step('createDelivery');
    if (assignment.by === 'third-party') return yield* byCarrier(tale, assignment);
    const flight = yield* fly(tale, assignment);
    if (flight.end === 'delivered') return;
    yield* tale.replan(flight.change);
    if (flight.change.request) drones = 0;
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
    if (yield* tale.next(until)) continue;
    const detail = 'the delivery arrived, its proof did not';
    return yield* tale.step('tellOperator', { kind: 'ProofMissing', step: 'checkProof', detail });
  }
}

function* close(tale: Tale, ending: Ending, carriedOut: boolean): Story<void> {
  if (carriedOut) {
    const done = { eventId: `${tale.id}-end`, event: 'Completed', at: ending.at };
    yield* tale.step('moveStage', done);
  }
  yield* tale.step('releaseDrone');
  if (carriedOut) yield* tale.step('settleQuota');
  else yield* tale.undo('holdQuota');
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
