/** Pure rules of carriers: the choice of an offer, and the effect of an event on the booking and the workflow. */
import { createHash } from 'node:crypto';
import type { Booking, CarrierEvent } from '../../shared/contracts/third-party.ts';
import type { CarrierQuote } from './carrier-api.ts';
import type { BookingDocument, BookingStatus, EventDocument, Refusal } from './schemas.ts';

export interface Offer extends Pick<Booking, 'carrierId' | 'price' | 'pickupEta' | 'deliveryEta'> {}

export interface Answers {
  readonly offers: readonly Offer[];
  readonly refusals: readonly Refusal[];
  /** Carriers that did not answer; they may have an offer later. */
  readonly silent: readonly Refusal[];
}

/** The answer of a carrier, or undefined if it gave none. */
export function sortAnswers(
  quotes: readonly { readonly carrierId: string; readonly quote: CarrierQuote | undefined }[],
  deadline: string | undefined,
): Answers {
  const offers: Offer[] = [];
  const refusals: Refusal[] = [];
  const silent: Refusal[] = [];
  for (const { carrierId, quote } of quotes) {
    if (!quote) silent.push({ carrierId, reasons: ['did not answer in time'] });
    else if (!quote.canServe) refusals.push({ carrierId, reasons: quote.reasons });
    else if (deadline && Date.parse(quote.deliveryEta.at) > Date.parse(deadline)) {
      refusals.push({ carrierId, reasons: [`would arrive at ${quote.deliveryEta.at}, after the deadline`] });
    } else {
      const { price, pickupEta, deliveryEta } = quote;
      offers.push({ carrierId, price, pickupEta, deliveryEta });
    }
  }
  return { offers: offers.toSorted(byPriceThenTime), refusals, silent };
}

function byPriceThenTime(a: Offer, b: Offer): number {
  return (
    a.price.amount - b.price.amount ||
    Date.parse(a.deliveryEta.at) - Date.parse(b.deliveryEta.at) ||
    a.carrierId.localeCompare(b.carrierId)
  );
}

type Event = CarrierEvent['event'];

/** A carrier that reports a delivery without a collection has also collected; a departure after the collection is late. */
const FROM_BOOKED: Readonly<Record<Event, readonly Event[]>> = {
  Departed: ['Departed'],
  Collected: ['Collected'],
  Delivered: ['Collected', 'Delivered'],
  Failed: ['Failed'],
};

/** The events that follow from one, by the booking's status. An event that is missing here changes nothing. */
const AFTER: Readonly<Partial<Record<BookingStatus, Readonly<Record<Event, readonly Event[]>>>>> = {
  Booked: FROM_BOOKED,
  Cancelling: FROM_BOOKED,
  Departed: { ...FROM_BOOKED, Departed: [] },
  Collected: { Departed: [], Collected: [], Delivered: ['Delivered'], Failed: ['Failed'] },
};

export interface Taken {
  readonly status: BookingStatus;
  readonly signals: EventDocument['signals'];
}

export function take(booking: BookingDocument, event: CarrierEvent): Taken {
  const path = AFTER[booking.status]?.[event.event] ?? [];
  const base = eventKey(booking.carrierId, event.eventId);
  const { at, reason, position } = event;
  return {
    status: path.at(-1) ?? booking.status,
    signals: path.map((step) => ({
      eventId: `${base}-${step.toLowerCase()}`,
      signal: {
        kind: `Carrier${step}` as const,
        at,
        ...(reason ? { reason } : {}),
        ...(position && step === event.event ? { position } : {}),
      },
    })),
  };
}

/** Of fixed length, since a carrier's id may have the maximum length itself. */
export function eventKey(carrierId: string, eventId: string): `carrier-${string}` {
  const digest = createHash('sha256')
    .update(JSON.stringify([carrierId, eventId]))
    .digest('hex');
  return `carrier-${digest.slice(0, 40)}`;
}

/** Shows only states that the carrier has confirmed. */
export function bookingView(document: BookingDocument): Booking {
  const { deliveryId, bookingId, carrierId, status, price, pickupEta, deliveryEta } = document;
  const shown = status === 'Intended' || status === 'Cancelling' ? 'Booked' : status;
  return { deliveryId, bookingId, carrierId, status: shown, price, pickupEta, deliveryEta };
}
