import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoff, pause } from './pause.ts';

test('pauses double from a quarter second, up to ten, with jitter over their second half', () => {
  const whole = (failures: number) => backoff(failures, () => 1);
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(whole)).toEqual([
    250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  expect(backoff(3, () => 0)).toBe(500);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60 }), (failures) => {
      const ms = backoff(failures);
      expect(ms).toBeGreaterThanOrEqual(125);
      expect(ms).toBeLessThanOrEqual(10_000);
    }),
  );
});

test('a pause ends when it is called off, also before it began', async () => {
  const stop = new AbortController();
  const long = pause(3_600_000, stop.signal);
  stop.abort();
  await long;
  await pause(3_600_000, stop.signal);
  await pause(1);
});
