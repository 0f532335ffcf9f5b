/** A delivery by a third-party carrier, as the workflow follows it. */
import type { Signal, Story } from '../../shared/saga/saga.ts';
import { Cancelled, GivenUp } from './endings.ts';
import type { Assignment } from './schemas.ts';
import type { Tale } from './tale.ts';
import { reasonIn, refuse } from './wishes.ts';

/** Before the carrier has collected, a cancel ends it; the carrier's own refusal of the cancel is its answer. */
export function* byCarrier(tale: Tale, carrier: Assignment): Story<void> {
  const late = Date.parse(carrier.deliveryEta.latest) - tale.now().getTime();
  let until: Date | undefined = tale.after(Math.max(0, late / 1000) + tale.limits.deliveryGrace);
  let collected = false;
  for (;;) {
    const signal: Signal | undefined = yield* tale.next(until);
    if (!signal) {
      until = undefined;
      const detail = `${carrier.carrierId} is overdue`;
      yield* tale.step('tellOperator', { kind: 'Overdue', step: 'byCarrier', detail });
      continue;
    }
    const at = { eventId: signal.eventId, at: signal.at };
    switch (signal.kind) {
      case 'CarrierCollected':
        yield* tale.step('moveStage', { ...at, event: 'HeadedToPickup' });
        yield* tale.step('pickUp', { ...at, eventId: `${signal.eventId}-loaded`, event: 'HeadedToDropoff' });
        collected = true;
        break;
      case 'CarrierDelivered':
        return;
      case 'CarrierFailed':
        throw new GivenUp(`${carrier.carrierId} could not deliver: ${reasonIn(signal, 'no reason given')}`);
      case 'cancel':
        yield* tale.step('note', { cancel: 'requested' });
        if (!collected && (yield* tale.step<{ cancelled: boolean }>('cancelCarrier')).cancelled)
          throw new Cancelled();
        yield* refuse(tale, signal);
        break;
      case 'reschedule':
        yield* refuse(tale, signal);
        break;
      default:
        break;
    }
  }
}
