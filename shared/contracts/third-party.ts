/** Third-party transportation: carriers that serve where no drone can. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Eta, Id, integerText, Owner, PackageSize, Position, Time, Weight } from './common.ts';

export const Shipment = z.strictObject({
  owner: Owner,
  pickup: Position,
  dropoff: Position,
  weight: Weight,
  size: PackageSize,
  deadline: Time.optional(),
});

export const Money = z.object({ amount: z.number(), currency: z.string().length(3) });

export const Booking = z.object({
  deliveryId: Id,
  bookingId: Id,
  carrierId: Id,
  status: z.enum(['Booked', 'Departed', 'Collected', 'Delivered', 'Failed', 'Cancelled']),
  price: Money,
  pickupEta: Eta,
  deliveryEta: Eta,
});
export type Booking = z.output<typeof Booking>;

/**
 * A carrier's report; `eventId` is the same on every repetition. `Departed`: the carrier is on its way to the pickup. A
 * carrier that does not report this begins with `Collected`. `position` is the place of the event.
 */
export const CarrierEvent = z.strictObject({
  bookingId: Id,
  eventId: Id,
  event: z.enum(['Departed', 'Collected', 'Delivered', 'Failed']),
  at: Time,
  position: Position.optional(),
  reason: z.string().max(500).optional(),
});
export type CarrierEvent = z.output<typeof CarrierEvent>;

const params = z.strictObject({ deliveryId: Id });

/** Idempotent per delivery. 409 `no_carrier` with the fact `reasons: [{carrierId, reasons}]`. */
export const bookCarrier = defineRoute({
  service: 'third-party',
  operation: 'bookCarrier',
  method: 'PUT',
  path: 'thirdpartydeliveries/{deliveryId}',
  summary: 'Book the cheapest carrier that can make a delivery',
  auth: ['service'],
  params,
  body: Shipment,
  responses: { 200: Booking, 201: Booking },
});

/** Succeeds when there is nothing to cancel; 409 `package_on_board` once the carrier has collected. */
export const cancelCarrier = defineRoute({
  service: 'third-party',
  operation: 'cancelCarrier',
  method: 'DELETE',
  path: 'thirdpartydeliveries/{deliveryId}',
  summary: 'Cancel the carrier of a delivery',
  auth: ['service'],
  params,
  responses: { 204: null },
});

/** Bookings whose carrier may still come or has the parcel, oldest first: the supervisor compares them with the workflows. */
export const listBookings = defineRoute({
  service: 'third-party',
  operation: 'listBookings',
  method: 'GET',
  path: 'thirdpartydeliveries',
  summary: 'List the open bookings that have not changed since a time',
  auth: ['service'],
  query: z.strictObject({ before: Time, limit: integerText(1, 500).default(500) }),
  responses: {
    200: z.object({
      bookings: z.array(
        z.object({ deliveryId: Id, accountId: Id, carrierId: Id, hasParcel: z.boolean(), at: Time }),
      ),
    }),
  },
});

export const quoteCarriers = defineRoute({
  service: 'third-party',
  operation: 'quoteCarriers',
  method: 'POST',
  path: 'thirdpartydeliveries/quotes',
  summary: 'Quote third-party carriers',
  auth: ['service'],
  body: Shipment,
  responses: {
    200: z.object({
      offers: z.array(z.object({ carrierId: Id, price: Money, pickupEta: Eta, deliveryEta: Eta })),
      refusals: z.array(z.object({ carrierId: Id, reasons: z.array(z.string()) })),
      /** Carriers that did not answer; they may have an offer later. */
      silent: z.array(Id),
    }),
  },
});

/** A carrier may report on its own bookings only; for another carrier’s it gets 404. */
export const carrierEvent = defineRoute({
  service: 'third-party',
  operation: 'carrierEvent',
  method: 'POST',
  path: 'thirdpartydeliveries/{deliveryId}/events',
  summary: 'Report an event of a carrier’s booking',
  auth: ['carrier'],
  params,
  body: CarrierEvent,
  responses: { 204: null },
});
