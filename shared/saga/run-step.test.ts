import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import type { Journal } from './journal.ts';
import type { StepInput } from './protocol.ts';
import { createStepActivities, idempotencyKey, type StepCall } from './run-step.ts';
import type { SagaDocument } from './saga-document.ts';
import { tinySaga } from './tiny-saga.fixture.ts';

const state = { effects: {} } as unknown as SagaDocument;
let work: (call: StepCall<SagaDocument>) => Promise<void>;
let journaled: string[];
let journal: Journal<SagaDocument>;

beforeEach(() => {
  vi.useFakeTimers();
  journaled = [];
  work = () => Promise.resolve();
  journal = {
    begin: (_, steps) => {
      journaled.push(`begin ${steps.join()}`);
      return Promise.resolve({ kind: 'begun', state, done: {} });
    },
    failed: (_, step, __, { code }) => {
      journaled.push(`failed ${step} ${code}`);
      return Promise.resolve();
    },
  } as Partial<Journal<SagaDocument>> as Journal<SagaDocument>;
});
afterEach(() => {
  vi.useRealTimers();
});

const input: StepInput = {
  id: 's1',
  generation: 1,
  attempt: 1,
  args: null,
  carried: [],
  handled: [],
  signals: 'new',
  mail: 0,
};
const activities = () => {
  const value = (call: StepCall<SagaDocument>) => work(call).then(() => '');
  return createStepActivities<typeof tinySaga, SagaDocument, StepCall<SagaDocument>>(
    tinySaga,
    {
      ask: { run: (call) => work(call) },
      hold: { run: value, compensate: (call) => work(call) },
      book: { run: value, compensate: (call) => work(call) },
      send: { run: (call) => work(call) },
      tell: { run: (call) => work(call) },
    },
    {
      prepare: (call) => call,
      journal,
      inbox: {
        put: () => Promise.resolve(),
        exchange: () => Promise.resolve({ signals: [], mail: 0 }),
        read: () => Promise.resolve({ state: undefined, received: [] }),
      },
      log: createLog({ name: 'test', level: 'silent' }),
    },
  );
};
const run = async (name: 'ask' | 'tell') => activities()[`tiny_${name}`]?.(input);

describe('a step', () => {
  test.each([
    ['ask', 5],
    ['tell', 2],
  ] as const)(
    '%s that hangs is given up after its %i s as of unknown outcome (R1)',
    async (name, seconds) => {
      work = () => new Promise(() => undefined);
      const result = run(name);
      let over = false;
      void result.then(() => {
        over = true;
      });
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
      expect(over).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await result).toMatchObject({
        ok: false,
        error: { code: 'deadline_exceeded', retryable: true },
      });
      expect(journaled).toEqual([`begin ${name}`, `failed ${name} deadline_exceeded`]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test('leaves no timer behind, whether it succeeds or fails (R1)', async () => {
    expect(await run('ask')).toEqual({
      ok: true,
      value: null,
      recorded: false,
      journaled: true,
      signals: [],
      mail: 0,
    });
    expect(vi.getTimerCount()).toBe(0);
    work = () => Promise.reject(new AppError('conflict', 'no'));
    expect(await run('ask')).toMatchObject({ ok: false, error: { code: 'conflict', retryable: false } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that throws what was not foreseen answers `internal`, without the text of the error', async () => {
    work = () => Promise.reject(new Error('a secret'));
    const result = await run('ask');
    expect(result).toMatchObject({ ok: false, error: { code: 'internal', retryable: true } });
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  test('whose failure cannot be journaled still answers it', async () => {
    work = () => Promise.reject(new AppError('conflict', 'no'));
    journal = { ...journal, failed: () => Promise.reject(new Error('the store is away')) };
    expect(await run('ask')).toMatchObject({ ok: false, error: { code: 'conflict' } });
  });

  test('hands over the retry time and the facts of an error', async () => {
    const facts = { reasons: ['full'] };
    work = () => Promise.reject(new AppError('too_many_requests', 'wait', { retryAfterSeconds: 9, facts }));
    expect(await run('ask')).toMatchObject({ error: { retryAfterSeconds: 9, facts, retryable: true } });
  });
});

describe('steps of one activity', () => {
  const together = async () => {
    const activity = activities()['tiny_together'];
    const args = { steps: [{ name: 'ask' }, { name: 'hold' }].map((step) => ({ ...step, args: null })) };
    return activity?.({ ...input, args });
  };

  test('have one write for their intents, run at the same time, and end each with its own outcome', async () => {
    const both = Promise.withResolvers<void>();
    let begun = 0;
    work = async ({ idempotencyKey: key }) => {
      begun += 1;
      if (begun === 2) both.resolve();
      await both.promise;
      if (key === 's1:hold') throw new AppError('conflict', 'no');
    };
    expect(await together()).toMatchObject({
      ok: true,
      recorded: true,
      journaled: true,
      value: [{ ok: true }, { ok: false, error: { code: 'conflict' } }],
    });
    expect(journaled).toEqual(['begin ask,hold', 'failed hold conflict']);
  });

  test('that are done already are answered from the journal; the others run', async () => {
    const effect = { status: 'done', generation: 1, at: '', value: 'held' } as const;
    journal = { ...journal, begin: () => Promise.resolve({ kind: 'begun', state, done: { hold: effect } }) };
    expect(await together()).toMatchObject({
      value: [
        { ok: true, recorded: false },
        { ok: true, value: 'held', recorded: true },
      ],
    });
  });

  test('are all superseded, or none', async () => {
    journal = { ...journal, begin: () => Promise.resolve({ kind: 'superseded' }) };
    expect(await together()).toMatchObject({ ok: false, error: { code: 'superseded' }, journaled: false });
  });
});

describe('an idempotency key (R2)', () => {
  const key = (
    once: 'saga' | 'generation' | undefined,
    more: Partial<StepInput> = {},
    kind: 'run' | 'compensate' = 'run',
  ) => idempotencyKey('step', kind, once ? { once } : {}, { ...input, ...more });

  test('is the same for every attempt, and for a repetition by another orchestration', () => {
    expect(key('generation', { attempt: 1 })).toBe(key('generation', { attempt: 2 }));
    expect(key('generation', { handled: ['e1'] })).toBe(key('generation', { signals: 'all' }));
  });

  test('of a step that is done once in the saga does not change with the generation; every other does', () => {
    expect(key('saga', { generation: 1 })).toBe(key('saga', { generation: 2 }));
    expect(key('generation', { generation: 1 })).not.toBe(key('generation', { generation: 2 }));
  });

  test('differs by saga, by arguments, and between a step and its compensation', () => {
    const keys = [
      key('saga'),
      key('saga', { id: 's2' }),
      key('saga', {}, 'compensate'),
      key(undefined, { args: { n: 1 } }),
      key(undefined, { args: { n: 2 } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    for (const each of keys) expect(each).toMatch(/^[\x21-\x7e]{1,255}$/);
  });
});
