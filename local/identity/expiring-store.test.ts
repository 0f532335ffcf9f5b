import { expect, test } from 'vitest';
import { createExpiringStore } from './expiring-store.ts';

test('a value is found until it is taken or its time is over; the oldest goes when there are too many', () => {
  let time = 0;
  const store = createExpiringStore<number>({ lifeMs: 100, maxEntries: 2, now: () => new Date(time) });
  const [first, second, third] = [store.issue(1), store.issue(2), store.issue(3)];
  expect([first, second, third].map(store.find)).toEqual([undefined, 2, 3]);
  expect(store.take(second)).toBe(2);
  expect(store.take(second)).toBeUndefined();
  time = 100;
  expect(store.find(third)).toBeUndefined();
  expect(store.take(third)).toBeUndefined();
});
