import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createServerClock } from './clock.ts';

test('is our own clock until something is known', () => {
  expect(createServerClock().now(5_000)).toBe(5_000);
});

test('is right to the quickest of the recent ways, for any browser clock', () => {
  const delays = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), delays, (wrongBy, delays) => {
      const clock = createServerClock();
      let time = 1e12;
      for (const delay of delays) {
        time += 1_000;
        clock.observe(time, time + delay + wrongBy);
      }
      expect(clock.now(time + wrongBy)).toBe(time - Math.min(...delays));
    }),
  );
});

test('follows a clock that drifts: samples from long ago do not count', () => {
  const clock = createServerClock();
  clock.observe(10_000, 0);
  for (let index = 0; index < 64; index += 1) clock.observe(1_000, 0);
  expect(clock.now(0)).toBe(1_000);
});
