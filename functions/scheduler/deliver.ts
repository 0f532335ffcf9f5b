/** The orchestration of a delivery, from the request to its end. Pure: all I/O is in activities. */
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { customerOutcome, OUTCOME_SENTENCES, type OutcomeCode } from '../../shared/outcome.ts';
import { compensateSteps } from '../../shared/saga/compensation.ts';
import { factsOf } from '../../shared/saga/define-saga.ts';
import { isSuperseded, type Orchestration, type Signal, StepFailed } from '../../shared/saga/protocol.ts';
import { compensateAndFinish } from './compensate.ts';
import { applyPendingChanges, rejectChange } from './customer-requests.ts';
import { deliverySaga } from './delivery-saga.ts';
import { reasonsOf } from './domain.ts';
import { followCarrier } from './follow-carrier.ts';
import { followFlight } from './follow-flight.ts';
import { Cancelled, GivenUp, Rejected, Returned } from './interruptions.ts';
import type { Assignment } from './schemas.ts';
import type { WorkflowContext } from './workflow-context.ts';

export function* deliver(workflow: WorkflowContext): Orchestration<void> {
  try {
    yield* workflow.together(['holdQuota'], ['upsertPackage']);
    yield* assignAndCarry(workflow);
    yield* awaitProof(workflow);
    yield* complete(workflow);
  } catch (cause) {
    if (isSuperseded(cause)) throw cause;
    if (cause instanceof Returned) yield* finishReturned(workflow, cause.message);
    else yield* compensateAndFinish(workflow, outcomeOf(cause, workflow.now()));
  }
}

/**
 * One drone after the other, then the carriers. What is under way already, because the engine had lost the orchestration,
 * is followed by what answers the customer's changes.
 */
function* assignAndCarry(workflow: WorkflowContext): Orchestration<void> {
  let { underWay } = workflow;
  for (let drones = 1; ; drones++) {
    if (!underWay) yield* applyPendingChanges(workflow);
    const byDrone = underWay !== 'third-party' && drones <= workflow.limits.drones;
    const assignment = yield* assign(workflow, byDrone);
    yield* workflow.step('createDelivery');
    if (assignment.by === 'third-party') return yield* followCarrier(workflow, assignment);
    const flight = yield* followFlight(workflow, assignment);
    if (flight.end === 'delivered') return;
    yield* workflow.replan(flight.change);
    if (flight.change.request) drones = 0;
    underWay = null;
  }
}

function* assign(workflow: WorkflowContext, byDrone: boolean): Orchestration<Assignment> {
  const reasons: string[] = [];
  if (byDrone) {
    try {
      return yield* workflow.step('reserveDrone');
    } catch (error) {
      if (!(error instanceof StepFailed) || error.failure.code !== 'no_feasible_drone') throw error;
      reasons.push(...reasonsOf(error.failure.facts, error.failure.detail));
    }
  }
  if (workflow.generation() > 1) yield* workflow.step('releaseDrone');
  try {
    return yield* workflow.step('bookCarrier');
  } catch (error) {
    if (!(error instanceof StepFailed) || error.failure.code !== 'no_carrier') throw error;
    throw new Rejected('no_drone_or_courier', [
      ...reasons,
      ...reasonsOf(error.failure.facts, error.failure.detail),
    ]);
  }
}

/** Waits for the requested proof. If none arrives, an operator is alerted, and the delivery ends nevertheless. */
function* awaitProof(workflow: WorkflowContext): Orchestration<void> {
  const until = workflow.after(workflow.limits.confirmation);
  while (!(yield* workflow.step('checkProof')).proven) {
    const signal: Signal | undefined = yield* workflow.next(until);
    if (signal) {
      yield* rejectChange(workflow, signal);
      continue;
    }
    const detail = 'the delivery arrived, but its proof did not';
    return yield* workflow.step('createWorkItem', { kind: 'ProofMissing', step: 'checkProof', detail });
  }
}

function* complete(workflow: WorkflowContext): Orchestration<void> {
  const outcome: Outcome = {
    kind: 'completed',
    code: 'delivered',
    reasons: [],
    at: workflow.now().toISOString(),
  };
  const end = { eventId: `${workflow.id}-end`, event: 'Completed', at: outcome.at } as const;
  yield* workflow.together(['moveStage', end], ['releaseDrone'], ['settleQuota']);
  yield* workflow.step('archive', outcome);
  yield* workflow.finish(outcome);
}

function* finishReturned(workflow: WorkflowContext, reason: string): Orchestration<void> {
  const outcome: Outcome = {
    kind: 'returned',
    code: 'returned_to_sender',
    reasons: [reason],
    at: workflow.now().toISOString(),
  };
  const shown = customerOutcome(outcome).reasons.join();
  const end = { eventId: `${workflow.id}-end`, event: 'Failed', at: outcome.at, reason: shown } as const;
  yield* workflow.together(['moveStage', end], ['releaseDrone']);
  yield* compensateSteps(workflow, ['holdQuota']);
  yield* workflow.step('archive', outcome);
  yield* workflow.finish(outcome);
}

function outcomeOf(cause: unknown, now: Date): Outcome {
  const at = now.toISOString();
  if (cause instanceof Cancelled)
    return { kind: 'cancelled', code: 'cancelled_by_customer', reasons: [cause.message], at };
  if (cause instanceof Rejected)
    return { kind: 'rejected', code: cause.code, reasons: [...cause.reasons], at };
  if (cause instanceof GivenUp)
    return { kind: 'failed', code: 'not_carried_out', reasons: [cause.message], at };
  if (!(cause instanceof StepFailed)) throw cause;
  const { code, detail, retryable } = cause.failure;
  const rejected = factsOf(deliverySaga, cause.step).gate && !retryable;
  return {
    kind: rejected ? 'rejected' : 'failed',
    code: rejected ? rejectionCode(cause.step, code) : 'not_carried_out',
    reasons: [`${code}: ${detail}`],
    at,
  };
}

/** Turns the refusal of a gate into an outcome's code: one that customers know, or the package's. */
function rejectionCode(step: string, code: string): OutcomeCode {
  if (step === 'upsertPackage') return 'package_refused';
  return Object.hasOwn(OUTCOME_SENTENCES, code) ? (code as OutcomeCode) : 'not_carried_out';
}
