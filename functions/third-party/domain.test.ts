import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Id } from '../../shared/contracts/common.ts';
import type { CarrierEvent } from '../../shared/contracts/third-party.ts';
import { offer } from '../../tests/harness/carrier.ts';
import { eventKey, sortAnswers, take } from './domain.ts';
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

describe('a booking’s events', () => {
  const booking = (status: BookingDocument['status']) => ({ carrierId: 'c', status }) as BookingDocument;
  const kinds = fc.constantFrom('Collected', 'Delivered', 'Failed');

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
        const legal = ['', 'C', 'CD', 'F', 'CF'];
        expect(legal).toContain(told.map((kind) => kind.charAt('Carrier'.length)).join(''));
      }),
    );
  });

  test('after the end of a booking say nothing', () => {
    fc.assert(
      fc.property(kinds, fc.constantFrom('Delivered', 'Failed', 'Cancelled'), (event, status) => {
        const taken = take(booking(status), { eventId: 'e', event, at: noon } as CarrierEvent);
        expect(taken).toEqual({ status, signals: [] });
      }),
    );
  });

  test('have a key that the inbox takes, however long the carrier’s own is, and no two the same', () => {
    const [a, b] = [eventKey('c', 'x'.repeat(100)), eventKey('c', 'x'.repeat(99))];
    expect(Id.safeParse(`${a}-delivered`).success).toBe(true);
    expect(new Set([a, b, eventKey('c:x', 'y'), eventKey('c', 'x:y')]).size).toBe(4);
  });
});
