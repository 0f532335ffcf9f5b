import { describe, expect, test } from 'vitest';
import { untilSuperseded } from './protocol.ts';
import { BEGIN, createTinyWorld, failure, signal, success } from './tiny-saga.fixture.ts';

describe('a step', () => {
  test('without a way back is repeated until it succeeds; the operator is alerted once (W3)', async () => {
    const world = createTinyWorld();
    world.answer('send', failure('no'), failure('no'), failure('busy', { retryable: true }));
    const { activities } = await world.run(function* (saga) {
      yield* saga.step('send', { n: 1 });
    });
    expect(activities).toEqual(['send', 'tell', 'send', 'send', 'send']);
    expect(world.times('send')).toEqual([0, 60, 120, 121]);
    expect(world.calls[1]?.input.args).toMatchObject({ kind: 'Overdue', step: 'send' });
  });

  test('of a superseded orchestration ends it silently, a forward-only step, too', async () => {
    for (const step of ['hold', 'send'] as const) {
      const world = createTinyWorld();
      world.answer(step, failure('superseded'));
      const { ended, activities } = await world.run((saga) =>
        untilSuperseded(
          (function* () {
            if (step === 'hold') yield* saga.step('hold');
            else yield* saga.step('send', { n: 1 });
            yield* saga.step('ask');
          })(),
        ),
      );
      expect(ended).toBe(true);
      expect(activities).toEqual([step]);
    }
  });

  test('after a replan has the next generation (W4)', async () => {
    const world = createTinyWorld();
    await world.run(function* (saga) {
      yield* saga.step('book');
      yield* saga.replan({ to: 'elsewhere' });
      yield* saga.step('book');
    });
    expect(world.calls.map(({ name, input }) => [name, input.generation])).toEqual([
      ['book', 1],
      ['replan', 2],
      ['book', 2],
    ]);
  });
});

describe('the result of a step', () => {
  test('travels with the next activity, and with further ones until the journal has it (W5)', async () => {
    const world = createTinyWorld();
    world.answer('book', { ...failure('busy', { retryable: true }), journaled: false });
    await world.run(function* (saga) {
      yield* saga.step('hold');
      yield* saga.step('book');
      yield* saga.note({ remark: 'x' });
      yield* saga.step('ask');
    });
    const hold = { step: 'hold', kind: 'run', generation: 1, value: null };
    expect(world.calls.map(({ name, input }) => [name, input.carried])).toEqual([
      ['hold', []],
      ['book', [hold]],
      ['book', [hold]],
      ['note', [{ ...hold, step: 'book' }]],
      ['ask', []],
    ]);
  });

  test('that the journal had already does not travel', async () => {
    const world = createTinyWorld();
    world.answer('hold', { ...success('known'), recorded: true });
    await world.run(function* (saga) {
      yield* saga.step('hold');
      yield* saga.step('ask');
    });
    expect(world.calls.map(({ input }) => input.carried)).toEqual([[], []]);
  });
});

describe('steps that run together', () => {
  const busy = failure('busy', { retryable: true });

  test('are one activity; each result travels, and one that failed for the time being is repeated by itself', async () => {
    const world = createTinyWorld();
    world.answer('together', success([success('held'), busy]));
    await world.run(function* (saga) {
      yield* saga.together(['hold'], ['book']);
      yield* saga.step('ask');
    });
    expect(world.calls.map(({ name, at }) => [name, at])).toEqual([
      ['together', 0],
      ['book', 1],
      ['ask', 1],
    ]);
    const held = { step: 'hold', kind: 'run', generation: 1, value: 'held' };
    expect(world.calls.map(({ input }) => input.carried)).toMatchObject([[], [held], [{ step: 'book' }]]);
  });

  test('count the common attempt as the first of each', async () => {
    const world = createTinyWorld();
    world.answer('together', success([success(), busy]));
    world.answer('book', busy, busy, busy);
    await expect(
      world.run(function* (saga) {
        yield* saga.together(['hold'], ['book']);
      }),
    ).rejects.toThrow('busy');
    expect(world.times('book')).toEqual([1, 3]);
  });

  test('end with the first error in their order, once all have ended', async () => {
    const world = createTinyWorld();
    world.answer('together', success([failure('no'), busy]));
    await expect(
      world.run(function* (saga) {
        yield* saga.together(['hold'], ['book']);
      }),
    ).rejects.toThrow('hold: no');
    expect(world.times('book')).toEqual([1]);
  });
});

describe('a signal', () => {
  test('is offered once, is carried back as handled, and all are asked for at the begin only (Q1, Q3)', async () => {
    const world = createTinyWorld();
    world.inbox.push(signal('e1'), signal('e2', 'other'));
    const got: unknown[] = [];
    await world.run(function* (saga) {
      got.length = 0;
      yield* saga.step('ask');
      got.push(yield* saga.next());
      yield* saga.step('hold');
      got.push(
        saga.take(() => true),
        saga.take(() => true),
      );
      yield* saga.step('book');
    });
    expect(got).toMatchObject([{ eventId: 'e1' }, { eventId: 'e2' }, undefined]);
    expect(world.calls.map(({ input }) => input.handled)).toEqual([[], ['e1'], ['e2']]);
    expect(world.calls.map(({ input }) => input.signals)).toEqual(['all', 'new', 'new']);
  });

  test('that is not wanted stays; one that is put back is the next again, and not handled (Q2)', async () => {
    const world = createTinyWorld();
    world.inbox.push(signal('e1', 'a'), signal('e2', 'b'));
    const got: string[] = [];
    await world.run(function* (saga) {
      got.length = 0;
      yield* saga.step('ask');
      const b = yield* saga.next(undefined, ({ kind }) => kind === 'b');
      if (b) saga.putBack(b);
      yield* saga.step('hold');
      for (let n = 0; n < 2; n++) got.push((yield* saga.next())?.eventId ?? 'none');
    });
    expect(world.calls[1]?.input.handled).toEqual([]);
    expect(got).toEqual(['e2', 'e1']);
  });

  test('is handed over again when the activity that carried it back failed (Q3)', async () => {
    const world = createTinyWorld();
    world.inbox.push(signal('e1'));
    world.answer('hold', failure('busy', { retryable: true }), failure('no'));
    await world.run(function* (saga) {
      yield* saga.step('ask');
      yield* saga.next();
      yield* saga.compensate('hold');
      try {
        yield* saga.step('hold');
      } catch {
        yield* saga.step('book');
      }
    });
    expect(world.calls.at(-1)?.input.handled).toEqual([]);
    expect(world.calls.find(({ name }) => name === 'hold_compensate')?.input.handled).toEqual(['e1']);
  });
});

describe('a wait', () => {
  test('that a wake ends leaves no timer behind', async () => {
    const world = createTinyWorld();
    const wakeWith = (eventId: string) => () => {
      world.inbox.push(signal(eventId));
    };
    const { openTimers } = await world.run(
      function* (saga) {
        yield* saga.next(saga.after(600));
        yield* saga.next(saga.after(600));
      },
      [
        { at: 5, run: wakeWith('e1') },
        { at: 9, run: wakeWith('e2') },
      ],
    );
    expect(openTimers).toBe(0);
    expect(world.clock.now.getTime() - new Date('2026-11-23T12:00:00.000Z').getTime()).toBe(9000);
  });

  test('ends at its time, and the overdue time is noted once', async () => {
    const world = createTinyWorld();
    let got: unknown = 'nothing';
    await world.run(function* (saga) {
      got = yield* saga.next(saga.after(30));
    });
    expect(got).toBeUndefined();
    expect(world.calls.map(({ input }) => input.args)).toEqual([
      { completeBy: '2026-11-23T12:01:30.000Z' },
      { completeBy: null },
    ]);
  });

  test('looks again by itself once an earlier wait may have swallowed its wake, ever more rarely (W1, W2)', async () => {
    const world = createTinyWorld();
    const nothingComes = world.run(function* (saga) {
      yield* saga.next(saga.after(10));
      yield* saga.next();
    });
    await expect(nothingComes).rejects.toThrow(/does not end/);
    expect(world.times('inbox').slice(0, 6)).toEqual([0, 10, 10, 130, 370, 850]);
  });

  test('whose wake was swallowed ends after its time (W2)', async () => {
    const world = createTinyWorld();
    let at = 0;
    await world.run(function* (saga) {
      yield* saga.next(saga.after(10));
      world.running.wake?.();
      yield* saga.pause();
      at = (saga.now().getTime() - BEGIN.getTime()) / 1000;
    });
    expect(at).toBe(70);
  });
});
