import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import { continuationOf, documentOf, placeOf, placeToGoOn, utc } from './domain.ts';

const entry = (change: Partial<HistoryEntry> = {}): HistoryEntry => ({
  deliveryId: 'd1',
  owner: { userId: 'ann', accountId: 'contoso' },
  stage: 'Completed',
  outcome: { kind: 'completed', reasons: [], at: '2026-11-01T01:00:00+02:00' },
  pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
  dropoff: { latitude: 47.61, longitude: -122.3, altitude: 0 },
  package: { id: 'p1', weight: 1, size: 'Small' },
  confirmationRequired: 'None',
  confirmed: false,
  distance: 1_112,
  requestedAt: '2026-10-31T22:00:00.000Z',
  endedAt: '2026-11-01T01:00:00+02:00',
  events: [],
  ...change,
});

test('an entry lies in the UTC month of its end, whatever the offset of its time', () => {
  expect(placeOf(entry())).toEqual({
    id: 'd1',
    type: 'place',
    accountId: 'contoso',
    month: 'places',
    entryMonth: '2026-10',
  });
});

test('the stored entry is sorted by the end in UTC, then by the id', () => {
  const endedAt = '2026-10-31T23:00:00.000Z';
  expect(documentOf(entry(), '2026-10')).toEqual({
    id: 'd1',
    type: 'entry',
    accountId: 'contoso',
    month: '2026-10',
    endedAt,
    stage: 'Completed',
    sortKey: `${endedAt}|d1`,
    entry: { ...entry(), endedAt },
  });
});

const times = fc.date({
  min: new Date('2000-01-01'),
  max: new Date('2200-01-01'),
  noInvalidDate: true,
});
const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/);

test('times compare as their texts do', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      expect(utc(a.toISOString()) < utc(b.toISOString())).toBe(a < b);
    }),
  );
});

describe('a continuation', () => {
  test('of any entry is safe in a URL and leads back to the entry', () => {
    fc.assert(
      fc.property(times, ids, (end, deliveryId) => {
        const stored = documentOf(entry({ deliveryId, endedAt: end.toISOString() }), '2026-10');
        const token = continuationOf(stored);
        expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(placeToGoOn(token)).toBe(stored.sortKey);
      }),
    );
  });

  const token = (text: string) => Buffer.from(text).toString('base64url');
  test.each([
    ['nothing', ''],
    ['no base64', '%%%'],
    ['another text', token('hello')],
    ['a time only', token('2026-10-31T23:00:00.000Z|')],
    ['an id only', token('|d1')],
    ['text before', token('x2026-10-31T23:00:00.000Z|d1')],
    ['text after', token("2026-10-31T23:00:00.000Z|d1' OR 1=1")],
    ['a time of the wrong form', token('26-10-31T23:00:00.000Z|d1')],
    ['a month of the wrong form', token('2026-1-31T23:00:00.000Z|d1')],
    ['a day of the wrong form', token('2026-10-3T23:00:00.000Z|d1')],
    ['a time of day with other characters', token('2026-10-31Tnoon|d1')],
    ['no time of day', token('2026-10-31TZ|d1')],
  ])('that we did not make is refused with the name of its field: %s', (_, made) => {
    expect(() => placeToGoOn(made)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: 'query.continuation: is not a continuation token',
        options: { errors: [{ path: 'query.continuation', message: 'is not a continuation token' }] },
      }),
    );
  });
});
