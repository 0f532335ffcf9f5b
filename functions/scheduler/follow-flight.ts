/**
 * Follows a flight: mission, acceptance, pickup (the pivot), dropoff; it also handles cancel, reschedule and the loss of
 * the drone.
 */
import type { Eta } from '../../shared/contracts/common.ts';
import { type Orchestration, type Signal, StepFailed } from '../../shared/saga/protocol.ts';
import { reasonIn, rejectChange, requestIn } from './customer-requests.ts';
import { Cancelled, Returned } from './interruptions.ts';
import { isForMission, nextForMission, recall } from './recall-drone.ts';
import type { Assignment, Change, StageMove } from './schemas.ts';
import type { WorkflowContext } from './workflow-context.ts';

export type FlightEnd = { readonly end: 'delivered' } | { readonly end: 'replan'; readonly change: Change };

export function* followFlight(workflow: WorkflowContext, drone: Assignment): Orchestration<FlightEnd> {
  const replan = withAnotherDrone(drone);
  if (!(yield* reservationHeld(workflow, 'dispatchDrone'))) return replan;
  const until = workflow.after(workflow.limits.missionAnswer);
  const answer = yield* nextForMission(workflow, drone, until, ['MissionAccepted', 'MissionRefused']);
  if (answer?.kind !== 'MissionAccepted') {
    if (!answer) yield* recall(workflow, drone, 'no answer to the mission');
    return replan;
  }
  if (!(yield* reservationHeld(workflow, 'confirmMission'))) return replan;
  const before = yield* flyToPickup(workflow, drone);
  if (before) return before;
  return yield* flyToDropoff(workflow, drone);
}

/** False when the reservation has expired meanwhile: the drone may serve another delivery. */
function* reservationHeld(
  workflow: WorkflowContext,
  step: 'dispatchDrone' | 'confirmMission',
): Orchestration<boolean> {
  try {
    yield* workflow.step(step);
    return true;
  } catch (error) {
    if (error instanceof StepFailed && error.failure.code === 'stale') return false;
    throw error;
  }
}

/** Undefined once the package is on board. */
function* flyToPickup(workflow: WorkflowContext, drone: Assignment): Orchestration<FlightEnd | undefined> {
  let until = deadline(workflow, drone.pickupEta, workflow.limits.pickupGrace);
  const replan = withAnotherDrone(drone);
  const recalled = (reason: string) => recall(workflow, drone, reason);
  for (;;) {
    const signal: Signal | undefined = yield* workflow.next(until);
    if (!signal) {
      if (yield* recalled('the pickup is overdue')) return replan;
      until = workflow.after(workflow.limits.pickupGrace);
      continue;
    }
    if (!isForMission(signal, drone)) continue;
    switch (signal.kind) {
      case 'TookOff':
        yield* workflow.step('moveStage', stageMove('HeadedToPickup', signal));
        break;
      case 'PickedUp':
        yield* workflow.step('pickUp', stageMove('HeadedToDropoff', signal));
        return undefined;
      case 'cancel':
        yield* workflow.note({ cancel: 'requested' });
        if (yield* recalled('cancelled by the customer')) throw new Cancelled();
        yield* rejectChange(workflow, signal);
        break;
      case 'reschedule':
        yield* workflow.note({ reschedule: 'requested' });
        if (yield* recalled('rescheduled by the customer')) {
          return { end: 'replan', change: { request: requestIn(signal), reschedule: 'rescheduled' } };
        }
        yield* rejectChange(workflow, signal);
        break;
      case 'Aborted':
      case 'Recalled':
      case 'Returned':
        return replan;
      case 'LowBattery':
      case 'LinkLost':
        if (yield* recalled(`the drone reported ${signal.kind}`)) return replan;
        break;
      default:
        break;
    }
  }
}

/** After the pivot the delivery only goes forward. */
function* flyToDropoff(workflow: WorkflowContext, drone: Assignment): Orchestration<FlightEnd> {
  let until: Date | undefined = deadline(workflow, drone.deliveryEta, workflow.limits.deliveryGrace);
  let returning = false;
  for (;;) {
    const signal: Signal | undefined = yield* workflow.next(until);
    if (!signal) {
      until = undefined;
      const detail = 'the delivery is overdue, and the drone has the package';
      yield* workflow.step('createWorkItem', { kind: 'Overdue', step: 'flyToDropoff', detail });
      continue;
    }
    if (!isForMission(signal, drone) || (yield* rejectChange(workflow, signal))) continue;
    switch (signal.kind) {
      case 'Delivered':
        return { end: 'delivered' };
      case 'Aborted':
        if (!returning) yield* workflow.step('moveStage', stageMove('Returning', signal));
        returning = true;
        break;
      case 'Returned':
        throw new Returned(`the drone brought the package back: ${reasonIn(signal, 'aborted')}`);
      default:
        break;
    }
  }
}

function withAnotherDrone({ droneId }: Assignment): FlightEnd & { end: 'replan' } {
  return { end: 'replan', change: droneId ? { exclude: droneId } : {} };
}

/** The facts of a flight event were validated when it arrived. */
export function stageMove(event: StageMove['event'], { eventId, at, facts }: Signal): StageMove {
  const { position, reason } = facts as Pick<StageMove, 'position' | 'reason'>;
  return { eventId, event, at, ...(position ? { position } : {}), ...(reason ? { reason } : {}) };
}

function deadline(workflow: WorkflowContext, eta: Eta, graceSeconds: number): Date {
  const planned = Date.parse(eta.latest);
  return new Date(Math.max(planned, workflow.now().getTime()) + graceSeconds * 1000);
}
