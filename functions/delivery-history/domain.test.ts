import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import { documentOf, placeOf, utc } from './domain.ts';

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

test('an entry lies in the UTC month of its end, for any offset of its time', () => {
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

test('times compare as their texts do', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      expect(utc(a.toISOString()) < utc(b.toISOString())).toBe(a < b);
    }),
  );
});
