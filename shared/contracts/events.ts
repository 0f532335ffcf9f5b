/** Domain events: a CloudEvents 1.0 envelope around data, which has a schema for each type and version. */
import { z } from 'zod';
import { DeliveryStage, DroneFlightMode, Eta, Id, Owner, Position, Time } from './common.ts';

const deliveryFacts = {
  deliveryId: Id,
  owner: Owner,
  stage: DeliveryStage,
  /** The delivery's own count of events, without gaps. */
  sequence: z.number().int().nonnegative(),
  at: Time,
  pickup: Position,
  dropoff: Position,
  droneId: Id.optional(),
  carrierId: Id.optional(),
  position: Position.optional(),
  reason: z.string().optional(),
};

const DeliveryFacts = z.object(deliveryFacts);

/** Data schema of each event type. Consumers read the versions that they know and ignore unknown fields. */
export const DOMAIN_EVENTS = {
  DeliveryCreated: DeliveryFacts,
  DeliveryRescheduled: DeliveryFacts,
  DeliveryHeadedToPickup: DeliveryFacts,
  DeliveryHeadedToDropoff: DeliveryFacts,
  DeliveryReturning: DeliveryFacts,
  DeliveryCompleted: DeliveryFacts,
  DeliveryCancelled: DeliveryFacts,
  DeliveryFailed: DeliveryFacts,
  DroneStatusChanged: z.object({ droneId: Id, flightMode: DroneFlightMode, at: Time }),
  DroneAssigned: z.object({
    deliveryId: Id,
    droneId: Id,
    missionId: Id,
    fence: z.number().int().positive(),
    owner: Owner,
    pickup: Position,
    dropoff: Position,
    pickupEta: Eta,
    deliveryEta: Eta,
  }),
  DroneReleased: z.object({ deliveryId: Id, droneId: Id, fence: z.number().int().positive() }),
  CarrierBooked: z.object({ deliveryId: Id, carrierId: Id, bookingId: Id, owner: Owner, deliveryEta: Eta }),
  RequestRejected: z.object({ deliveryId: Id, owner: Owner, reasons: z.array(z.string()), at: Time }),
} as const;
export type DomainEventType = keyof typeof DOMAIN_EVENTS;
export type DomainEventData<T extends DomainEventType> = z.output<(typeof DOMAIN_EVENTS)[T]>;

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export const CloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(300),
  source: z.string().min(1).max(300),
  type: z.string().min(1).max(100),
  subject: z.string().min(1).max(300),
  time: Time,
  datacontenttype: z.literal('application/json').default('application/json'),
  dataschema: z.string().max(300).optional(),
  traceparent: z.string().max(200).optional(),
  data: z.unknown(),
});
export type CloudEvent = z.infer<typeof CloudEvent>;
