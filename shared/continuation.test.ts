import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pageOf, sortKeyIn, sortKeyOf } from './continuation.ts';

const times = fc.date({
  min: new Date('2000-01-01'),
  max: new Date('2200-01-01'),
  noInvalidDate: true,
});
const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/);

describe('a page', () => {
  const items = (count: number) => Array.from({ length: count }, (_, n) => ({ sortKey: `k${n}` }));

  test('has at most as many items as were asked for, and a continuation when there are more', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 20 }), (count, limit) => {
        const { items: shown, next } = pageOf(items(count), limit);
        expect(shown).toEqual(items(Math.min(count, limit)));
        expect('continuation' in next).toBe(count > limit);
      }),
    );
  });

  test('leads on behind its last item, by a text that is safe in a URL', () => {
    fc.assert(
      fc.property(times, ids, (end, id) => {
        const sortKey = sortKeyOf(end.toISOString(), id);
        const { continuation } = pageOf([{ sortKey }, { sortKey: 'next' }], 1).next;
        expect(continuation).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(sortKeyIn(continuation)).toBe(sortKey);
      }),
    );
    expect(sortKeyIn(undefined)).toBeUndefined();
  });
});

describe('a continuation', () => {
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
    expect(() => sortKeyIn(made)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: 'query.continuation: is not a continuation token',
        options: { errors: [{ path: 'query.continuation', message: 'is not a continuation token' }] },
      }),
    );
  });
});
