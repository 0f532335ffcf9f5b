/**
 * The protocol between this service and a carrier. This service calls:
 *
 * - `POST {url}/quotes` with a QuoteRequest → 200 CarrierQuote
 * - `PUT {url}/bookings/{bookingId}` with a BookingRequest → 200 or 201 CarrierBooking; idempotent per bookingId;
 *   409 or 422 CarrierRefusal when the carrier cannot, or can no longer, take the delivery
 * - `DELETE {url}/bookings/{bookingId}` → 204, or 404 when there is none; the carrier remembers it and answers 409 to a
 *   late PUT; 409 once it has collected
 *
 * with `x-api-key` if one is set. The carrier calls `POST {callbackUrl}` with a CarrierEvent (shared/contracts/third-party.ts)
 * and a bearer token of the role `carrier`, and repeats it with the same eventId until it gets a 2xx or a 4xx.
 */
import { z } from 'zod';
import { Eta, Id, PackageSize, Position, Time } from '../../shared/contracts/common.ts';
import { Money } from '../../shared/contracts/third-party.ts';

export const QuoteRequest = z.object({
  pickup: Position,
  dropoff: Position,
  /** kg */
  weight: z.number().positive(),
  size: PackageSize,
  deadline: Time.optional(),
});
export type QuoteRequest = z.output<typeof QuoteRequest>;

export const CarrierQuote = z.discriminatedUnion('canServe', [
  z.object({ canServe: z.literal(true), price: Money, pickupEta: Eta, deliveryEta: Eta }),
  z.object({ canServe: z.literal(false), reasons: z.array(z.string().max(500)).max(20) }),
]);
export type CarrierQuote = z.output<typeof CarrierQuote>;

export const BookingRequest = QuoteRequest.extend({ callbackUrl: z.url() });
export type BookingRequest = z.output<typeof BookingRequest>;

export const CarrierBooking = z.object({
  bookingId: Id,
  price: Money,
  pickupEta: Eta,
  deliveryEta: Eta,
});
export type CarrierBooking = z.output<typeof CarrierBooking>;

export const CarrierRefusal = z.object({ reasons: z.array(z.string().max(500)).max(20) });
