/** The stage machine of a delivery. Pure. */
import type { DeliveryStage } from '../../shared/contracts/common.ts';
import type { Delivery, StageEvent } from '../../shared/contracts/deliveries.ts';
import type { DomainEventType } from '../../shared/contracts/events.ts';
import { AppError } from '../../shared/errors.ts';
import type { DeliveryDocument } from './schemas.ts';

type Event = StageEvent['event'];

/** The stages from which each event is allowed; any other is a 409. */
const FROM: Readonly<Record<Event, readonly DeliveryStage[]>> = {
  Rescheduled: ['Created', 'Rescheduled', 'HeadedToPickup'],
  HeadedToPickup: ['Created', 'Rescheduled', 'HeadedToPickup'],
  HeadedToDropoff: ['HeadedToPickup', 'Created', 'Rescheduled'],
  Returning: ['HeadedToDropoff'],
  Completed: ['HeadedToDropoff'],
  Cancelled: ['Created', 'Rescheduled', 'HeadedToPickup'],
  Failed: ['Created', 'Rescheduled', 'HeadedToPickup', 'HeadedToDropoff', 'Returning'],
};

export const ENDED: ReadonlySet<DeliveryStage> = new Set(['Completed', 'Cancelled', 'Failed']);

/** @throws AppError `conflict` when the stage does not allow the event */
export function transition(stage: DeliveryStage, event: Event): DeliveryStage {
  if (!FROM[event].includes(stage))
    throw new AppError('conflict', `a delivery that is ${stage} cannot become ${event}`);
  return event;
}

export const EVENT_OF: Readonly<Record<DeliveryStage, DomainEventType>> = {
  Created: 'DeliveryCreated',
  Rescheduled: 'DeliveryRescheduled',
  HeadedToPickup: 'DeliveryHeadedToPickup',
  HeadedToDropoff: 'DeliveryHeadedToDropoff',
  Completed: 'DeliveryCompleted',
  Cancelled: 'DeliveryCancelled',
  Failed: 'DeliveryFailed',
  Returning: 'DeliveryReturning',
};

export function viewOf(document: DeliveryDocument): Delivery {
  const {
    id: _id,
    type: _type,
    deliveryId,
    accountId: _account,
    sequence: _seq,
    applied: _applied,
    call: _call,
    month: _month,
    proof: _proof,
    ...rest
  } = document;
  return { ...rest, id: deliveryId };
}
