/** Follows a delivery that a third-party carrier carries. */
import type { Orchestration, Signal } from '../../shared/saga/protocol.ts';
import { reasonIn, rejectChange } from './customer-requests.ts';
import { stageMove } from './follow-flight.ts';
import { Cancelled, GivenUp } from './interruptions.ts';
import type { Assignment } from './schemas.ts';
import type { WorkflowContext } from './workflow-context.ts';

/**
 * The stages follow the carrier's reports, with their times and places; for a carrier that reports no departure, the
 * collection comes first. Until the collection, a cancel ends the delivery, unless the carrier itself refuses.
 */
export function* followCarrier(workflow: WorkflowContext, carrier: Assignment): Orchestration<void> {
  const late = Date.parse(carrier.deliveryEta.latest) - workflow.now().getTime();
  let until: Date | undefined = workflow.after(Math.max(0, late / 1000) + workflow.limits.deliveryGrace);
  let collected = false;
  for (;;) {
    const signal: Signal | undefined = yield* workflow.next(until);
    if (!signal) {
      until = undefined;
      const detail = `${carrier.carrierId} is overdue`;
      yield* workflow.step('createWorkItem', { kind: 'Overdue', step: 'followCarrier', detail });
      continue;
    }
    switch (signal.kind) {
      case 'CarrierDeparted':
        if (!collected) yield* workflow.step('moveStage', stageMove('HeadedToPickup', signal));
        break;
      case 'CarrierCollected':
        yield* workflow.step('pickUp', stageMove('HeadedToDropoff', signal));
        collected = true;
        break;
      case 'CarrierDelivered':
        return;
      case 'CarrierFailed':
        throw new GivenUp(`${carrier.carrierId} could not deliver: ${reasonIn(signal, 'no reason given')}`);
      case 'cancel':
        yield* workflow.note({ cancel: 'requested' });
        if (!collected && (yield* workflow.step('cancelCarrier')).cancelled) throw new Cancelled();
        yield* rejectChange(workflow, signal);
        break;
      case 'reschedule':
        yield* rejectChange(workflow, signal);
        break;
      default:
        break;
    }
  }
}
