import { expect, test } from 'vitest';
import { compensateAll } from './compensation.ts';
import { createTinyWorld, failure, success } from './tiny-saga.fixture.ts';

const plan = (...steps: string[]) => success({ steps, outcome: { kind: 'first' } });

test('effects are compensated in the reverse order of the table; the first outcome counts (D2, J5)', async () => {
  const world = createTinyWorld();
  world.answer('beginCompensation', plan('hold', 'book'));
  let outcome: unknown;
  const { activities } = await world.run(function* (saga) {
    outcome = yield* compensateAll(saga, { kind: 'second' });
  });
  expect(activities).toEqual(['beginCompensation', 'book_compensate', 'hold_compensate']);
  expect(outcome).toEqual({ kind: 'first' });
});

test('a stuck compensation does not keep the others, alerts once, and is repeated round after round (C1, C2)', async () => {
  const world = createTinyWorld();
  world.answer('beginCompensation', plan('hold', 'book'));
  world.answer('book_compensate', failure('no'), failure('no'), failure('no'));
  const { activities } = await world.run(function* (saga) {
    yield* compensateAll(saga, { kind: 'failed' });
  });
  expect(activities).toEqual([
    'beginCompensation',
    'book_compensate',
    'hold_compensate',
    'tell',
    'note',
    'book_compensate',
    'note',
    'book_compensate',
    'note',
    'book_compensate',
  ]);
  expect(world.calls.find(({ name }) => name === 'tell')?.input.args).toMatchObject({
    kind: 'CompensationFailed',
    step: 'book',
  });
  expect(world.calls.find(({ name }) => name === 'note')?.input.args).toEqual({
    state: 'CompensationFailed',
  });
  expect(world.times('book_compensate')).toEqual([0, 60, 120, 180]);
});

test('a wake begins the next round at once (C2)', async () => {
  const world = createTinyWorld();
  world.answer('beginCompensation', plan('book'));
  world.answer('book_compensate', failure('no'));
  await world.run(
    function* (saga) {
      yield* compensateAll(saga, { kind: 'failed' });
    },
    [{ at: 5, run: () => undefined }],
  );
  expect(world.times('book_compensate')).toEqual([0, 5]);
});

test('a retryable error of a compensation is repeated before it counts as stuck', async () => {
  const world = createTinyWorld();
  world.answer('beginCompensation', plan('book'));
  world.answer('book_compensate', failure('busy', { retryable: true }));
  const { activities } = await world.run(function* (saga) {
    yield* compensateAll(saga, { kind: 'failed' });
  });
  expect(activities).toEqual(['beginCompensation', 'book_compensate', 'book_compensate']);
});
