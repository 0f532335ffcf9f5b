import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Id } from '../../shared/contracts/common.ts';
import type { CarrierEvent } from '../../shared/contracts/third-party.ts';
import { offer } from '../../tests/harness/carrier.ts';
import { bookingView, eventKey, sortAnswers, take } from './domain.ts';
import type { BookingDocument } from './schemas.ts';

const noon = '2026-11-23T12:00:00.000Z';
const later = '2026-11-23T13:00:00.000Z';

describe('offers', () => {
  test('go by price, then by time, then by name, in whatever order the carriers answer', () => {
    const quotes = [
      { carrierId: 'a', quote: offer(5, later) },
      { carrierId: 'b', quote: offer(5, noon) },
      { carrierId: 'c', quote: offer(4, later) },
      { carrierId: 'd', quote: offer(5, noon) },
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(quotes, { minLength: 4 }), (shuffled) => {
        const { offers } = sortAnswers(shuffled, undefined);
        expect(offers.map(({ carrierId }) => carrierId)).toEqual(['c', 'b', 'd', 'a']);
      }),
    );
  });

  test('meet a deadline by time, not by its text', () => {
    const quotes = [{ carrierId: 'a', quote: offer(5, later) }];
    expect(sortAnswers(quotes, '2026-11-23T14:00:00+01:00').offers).toHaveLength(1);
    expect(sortAnswers(quotes, '2026-11-23T13:59:59+01:00').refusals).toHaveLength(1);
  });
});

describe('answers', () => {
  test('are offers, refusals with the carrier’s reasons, and carriers that gave none', () => {
    const quotes = [
      { carrierId: 'a', quote: offer(5, later) },
      { carrierId: 'b', quote: { canServe: false as const, reasons: ['too heavy'] } },
      { carrierId: 'c', quote: undefined },
    ];
    const { price, pickupEta, deliveryEta } = offer(5, later);
    expect(sortAnswers(quotes, undefined)).toStrictEqual({
      offers: [{ carrierId: 'a', price, pickupEta, deliveryEta }],
      refusals: [{ carrierId: 'b', reasons: ['too heavy'] }],
      silent: [{ carrierId: 'c', reasons: ['did not answer in time'] }],
    });
    expect(sortAnswers(quotes.slice(0, 1), noon).refusals).toEqual([
      { carrierId: 'a', reasons: [`would arrive at ${later}, after the deadline`] },
    ]);
  });
});

describe('a booking’s events', () => {
  const booking = (status: BookingDocument['status']) => ({ carrierId: 'c', status }) as BookingDocument;
  const kinds = fc.constantFrom('Departed', 'Collected', 'Delivered', 'Failed');

  test('in any order and number tell the workflow each thing once, collected before delivered, one end', () => {
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 8 }), (events) => {
        let status: BookingDocument['status'] = 'Booked';
        const told: string[] = [];
        for (const [n, event] of events.entries()) {
          const taken = take(booking(status), { eventId: `e${n}`, event, at: noon } as CarrierEvent);
          status = taken.status;
          told.push(...taken.signals.map(({ signal }) => signal.kind));
        }
        const letters = told.map((kind) =>
          kind === 'CarrierDeparted' ? '>' : kind.charAt('Carrier'.length),
        );
        expect(letters.join('')).toMatch(/^>?(C?F?|CD)$/);
      }),
    );
  });

  test('after the end of a booking say nothing', () => {
    fc.assert(
      fc.property(kinds, fc.constantFrom('Intended', 'Delivered', 'Failed', 'Cancelled'), (event, status) => {
        const taken = take(booking(status), { eventId: 'e', event, at: noon } as CarrierEvent);
        expect(taken).toEqual({ status, signals: [] });
      }),
    );
  });

  test('lead a booking that is being cancelled on as if it were not', () => {
    for (const event of ['Departed', 'Collected', 'Delivered', 'Failed'] as const) {
      const happened = { eventId: 'e', event, at: noon } as CarrierEvent;
      const [booked, cancelling] = [take(booking('Booked'), happened), take(booking('Cancelling'), happened)];
      expect(cancelling).toEqual(booked);
      expect(booked.status).toBe(event);
    }
  });

  test('after the departure lead on to the collection, the delivery or the end', () => {
    const next = (event: CarrierEvent['event']) =>
      take(booking('Departed'), { eventId: 'e', event, at: noon } as CarrierEvent).signals.map(
        ({ signal }) => signal.kind,
      );
    expect(next('Departed')).toEqual([]);
    expect(next('Collected')).toEqual(['CarrierCollected']);
    expect(next('Delivered')).toEqual(['CarrierCollected', 'CarrierDelivered']);
    expect(next('Failed')).toEqual(['CarrierFailed']);
  });

  test('after the collection lead on to the delivery or the end, and to nothing else', () => {
    const next = (event: CarrierEvent['event']) =>
      take(booking('Collected'), { eventId: 'e', event, at: noon } as CarrierEvent).status;
    expect((['Departed', 'Collected', 'Delivered', 'Failed'] as const).map(next)).toEqual([
      'Collected',
      'Collected',
      'Delivered',
      'Failed',
    ]);
  });

  test('tell the place and the reason with the step at which they happened', () => {
    const position = { latitude: 47.6, longitude: -122.3, altitude: 0 };
    const event: CarrierEvent = {
      eventId: 'e',
      bookingId: 'b',
      event: 'Delivered',
      at: noon,
      reason: 'porch',
      position,
    };
    const key = eventKey('c', 'e');
    expect(take(booking('Booked'), event)).toStrictEqual({
      status: 'Delivered',
      signals: [
        { eventId: `${key}-collected`, signal: { kind: 'CarrierCollected', at: noon, reason: 'porch' } },
        {
          eventId: `${key}-delivered`,
          signal: { kind: 'CarrierDelivered', at: noon, reason: 'porch', position },
        },
      ],
    });
    const plain = take(booking('Booked'), { eventId: 'e', bookingId: 'b', event: 'Failed', at: noon });
    expect(plain.signals[0]?.signal).toStrictEqual({ kind: 'CarrierFailed', at: noon });
  });

  test('have a key that the inbox takes, however long the carrier’s own is, and no two the same', () => {
    const [a, b] = [eventKey('c', 'x'.repeat(100)), eventKey('c', 'x'.repeat(99))];
    expect(Id.safeParse(`${a}-delivered`).success).toBe(true);
    expect(a).toMatch(/^carrier-[0-9a-f]{40}$/);
    expect(new Set([a, b, eventKey('c:x', 'y'), eventKey('c', 'x:y')]).size).toBe(4);
  });
});

test('a booking shows only the states that are settled with the carrier', () => {
  const { price, pickupEta, deliveryEta } = offer(5, noon);
  const shown = { deliveryId: 'd1', bookingId: 'b1', carrierId: 'c', price, pickupEta, deliveryEta };
  const document = (status: BookingDocument['status']): BookingDocument => ({
    ...shown,
    id: 'booking',
    type: 'booking',
    status,
    shipment: {} as BookingDocument['shipment'],
    refusals: [],
    updatedAt: noon,
  });
  for (const status of ['Booked', 'Departed', 'Collected', 'Delivered', 'Failed', 'Cancelled'] as const) {
    expect(bookingView(document(status))).toStrictEqual({ ...shown, status });
  }
  for (const status of ['Intended', 'Cancelling'] as const) {
    expect(bookingView(document(status))).toStrictEqual({ ...shown, status: 'Booked' });
  }
});
