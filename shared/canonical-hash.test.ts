import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalHash } from './canonical-hash.ts';

const shuffled = (value: unknown): unknown =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, each]) => [key, shuffled(each)]),
      )
    : Array.isArray(value)
      ? value.map(shuffled)
      : value;

test('a body has the same hash in any order of its keys, at every depth', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalHash(shuffled(value))).toBe(canonicalHash(value));
    }),
  );
  expect(canonicalHash({ b: { d: 1, c: 2 }, a: [{ f: 1, e: 2 }] })).toBe(
    canonicalHash({ a: [{ e: 2, f: 1 }], b: { c: 2, d: 1 } }),
  );
});

test('another body has another hash', () => {
  const hashes = [
    { a: 1 },
    { a: '1' },
    { b: 1 },
    { a: [1, 2] },
    { a: [2, 1] },
    { a: null },
    [1, 2],
    [2, 1],
    ['1', 2],
    null,
  ];
  expect(new Set(hashes.map(canonicalHash)).size).toBe(hashes.length);
  expect(canonicalHash({ a: 1 })).toMatch(/^[0-9a-f]{64}$/);
});
