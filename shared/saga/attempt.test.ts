import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoff, MAX_PAUSE_SECONDS } from './attempt.ts';
import { StepFailed } from './protocol.ts';
import { createTinyWorld, failure } from './tiny-saga.fixture.ts';

const retryable = (retryAfterSeconds?: number) =>
  failure('busy', { retryable: true, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });

test('a terminal error is never repeated (S1, S3)', async () => {
  const world = createTinyWorld();
  world.answer('hold', failure('no'));
  let caught: unknown;
  await world.run(function* (saga) {
    try {
      yield* saga.step('hold');
    } catch (error) {
      caught = error;
    }
  });
  expect(caught).toBeInstanceOf(StepFailed);
  expect(caught).toMatchObject({ step: 'hold', failure: { code: 'no' } });
  expect(world.times('hold')).toEqual([0]);
});

test('a retryable error is repeated after the time that it names, else after doubled pauses, up to the attempts (S1)', async () => {
  const world = createTinyWorld();
  world.answer('hold', retryable(7), retryable(), retryable(), retryable());
  let failed = false;
  await world.run(
    function* (saga) {
      try {
        yield* saga.step('hold');
      } catch {
        failed = true;
      }
    },
    [],
    4,
  );
  expect(failed).toBe(true);
  const [first = 0, second = 0, third = 0, fourth = 0] = world.times('hold');
  expect([first, second, third]).toEqual([0, 7, 9]);
  expect(fourth - third).toBeGreaterThanOrEqual(3);
  expect(fourth - third).toBeLessThanOrEqual(4);
  expect(world.calls.map(({ input }) => input.attempt)).toEqual([1, 2, 3, 4]);
});

test('a pause never exceeds a minute, and is the same on every replay (S1, S4)', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 90 }),
      (id, n, first) => {
        const pause = backoff(id, n, first);
        const whole = Math.min(MAX_PAUSE_SECONDS, first * 2 ** Math.min(n - 1, 10));
        expect(pause).toBeLessThanOrEqual(whole);
        expect(pause).toBeGreaterThanOrEqual(whole * 0.75);
        expect(backoff(id, n, first)).toBe(pause);
      },
    ),
  );
});

test('sagas that failed together do not all return together (S4)', () => {
  const pauses = Array.from({ length: 200 }, (_, index) => Math.floor(backoff(`saga-${index}`, 8, 1)));
  const perSecond = Map.groupBy(pauses, (pause) => pause);
  expect(Math.max(...[...perSecond.values()].map((list) => list.length))).toBeLessThan(60);
});
