import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Id } from '../../shared/contracts/common.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import {
  audited,
  checkOpen,
  failedStepOf,
  letterId,
  letterView,
  markOf,
  measuresFor,
  NUDGE_ROUNDS,
  reopened,
  sighted,
  TELL_ROUNDS,
  workItemId,
  workItemView,
} from './domain.ts';
import type { LetterDocument, WorkItemDocument } from './schemas.ts';

const view = (more: Partial<WorkflowView> = {}): WorkflowView => ({
  deliveryId: 'd1',
  owner: { userId: 'ann', accountId: 'contoso' },
  state: 'Processing',
  step: 'reserveDrone',
  attempts: 1,
  generation: 1,
  pastPivot: false,
  deliveryCreated: false,
  plan: {
    pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
    dropoff: { latitude: 47.7, longitude: -122.4, altitude: 0 },
  },
  audit: [],
  completeBy: '2026-11-23T12:00:00.000Z',
  updatedAt: '2026-11-23T12:00:00.000Z',
  ...more,
});
const rounds = fc.integer({ min: 1, max: 500 });
const states = fc.constantFrom('Pending', 'Processing', 'Error', 'Compensating', 'CompensationFailed');

describe('measures', () => {
  test('wake first, then compensate; an operator is told in the end', () => {
    const first = Array.from({ length: TELL_ROUNDS }, (_, n) => measuresFor(view(), n + 1));
    expect(first.slice(0, NUDGE_ROUNDS + 1)).toEqual([['nudge'], ['nudge'], ['nudge'], ['compensate']]);
    expect(first.at(-1)).toContain('tell');
  });

  test('never compensate what has passed the pivot, or compensates already', () => {
    fc.assert(
      fc.property(rounds, fc.boolean(), states, (n, pastPivot, state) => {
        const measures = measuresFor(view({ pastPivot, state: state as WorkflowView['state'] }), n);
        if (pastPivot || state.startsWith('Compens')) expect(measures).not.toContain('compensate');
      }),
    );
  });

  test('a failed compensation is an operator’s at once, in every round', () => {
    fc.assert(
      fc.property(rounds, (n) => {
        expect(measuresFor(view({ state: 'CompensationFailed' }), n)).toContain('tell');
      }),
    );
  });

  test('a workflow that cannot go back is woken where another is compensated', () => {
    const nth = (more: Partial<WorkflowView>, n: number) => measuresFor(view(more), n);
    for (const n of [4, 5, 7, 11, 19, 35]) {
      expect(nth({}, n)[0]).toBe('compensate');
      for (const state of ['Compensating', 'CompensationFailed'] as const) {
        expect(nth({ state }, n)[0]).toBe('nudge');
      }
      expect(nth({ pastPivot: true }, n)[0]).toBe('nudge');
    }
    // Between them nothing is called.
    for (const n of [6, 8, 9, 10, 12, 18, 20, 34])
      expect(nth({}, n)).toEqual(n >= TELL_ROUNDS ? ['tell'] : []);
  });

  test('an operator is told from the eighth round on, and not before', () => {
    for (let n = 1; n < 30; n += 1) expect(measuresFor(view(), n).includes('tell')).toBe(n >= 8);
  });

  test('become rarer: in 100 rounds at most a dozen calls of the scheduler', () => {
    const calls = Array.from({ length: 100 }, (_, n) => measuresFor(view({ pastPivot: true }), n + 1)).flat();
    expect(calls.filter((measure) => measure === 'nudge').length).toBeLessThanOrEqual(12);
  });
});

describe('sightings', () => {
  const seen = { id: 'watch-overdue', deliveryId: 'd1', mark: 'a' };
  const at = (seconds: number) => new Date(Date.UTC(2026, 10, 23) + seconds * 1000);

  test('count rounds in a row, two rounds at one time once, and begin again when something moved', () => {
    const one = sighted(undefined, seen, at(0));
    const two = sighted(one, seen, at(30));
    expect([one?.rounds, two?.rounds]).toEqual([1, 2]);
    expect(sighted(two, seen, at(31))).toBeUndefined();
    expect(sighted(two, seen, at(32))?.rounds).toBe(3);
    expect(sighted(two, { ...seen, mark: 'b' }, at(60))).toEqual({
      ...seen,
      mark: 'b',
      type: 'watch',
      rounds: 1,
      lastAt: at(60).toISOString(),
    });
    expect(two).toEqual({ ...seen, type: 'watch', rounds: 2, lastAt: at(30).toISOString() });
  });

  test('a step, a generation or a new deadline is a move; rounds of one compensation are not', () => {
    expect(markOf(view({ step: 'bookCarrier' }))).not.toBe(markOf(view()));
    expect(markOf(view({ generation: 2 }))).not.toBe(markOf(view()));
    expect(markOf(view({ completeBy: '2026-11-23T13:00:00.000Z' }))).not.toBe(markOf(view()));
    expect(markOf(view({ completeBy: undefined }))).not.toBe(markOf(view()));
    const compensating = (step: string, state: WorkflowView['state']) => markOf(view({ step, state }));
    expect(compensating('compensate holdQuota', 'Compensating')).toBe(
      compensating('compensate bookCarrier', 'CompensationFailed'),
    );
    const later = { state: 'Compensating' as const, completeBy: '2026-11-23T13:00:00.000Z' };
    expect(markOf(view(later))).toBe(markOf(view({ state: 'Compensating' })));
    expect(markOf(view({ ...later, generation: 2 }))).not.toBe(markOf(view(later)));
    expect(markOf(view(later))).not.toBe(markOf(view({ completeBy: later.completeBy })));
  });
});

describe('ids', () => {
  test('of letters and work items are ids that our routes take, whatever they are made of', () => {
    const text = fc.string({ maxLength: 150 });
    fc.assert(
      fc.property(
        fc.constantFrom('drone-events', 'domain-events'),
        text,
        fc.integer({ min: -1 }),
        text,
        (hub, partition, sequenceNumber, step) => {
          expect(Id.safeParse(letterId({ hub, partition, sequenceNumber, payload: step })).success).toBe(
            true,
          );
          expect(Id.safeParse(workItemId({ kind: 'Overdue', step })).success).toBe(true);
        },
      ),
    );
  });

  test('differ where the source differs; without a number, where the payload does', () => {
    const letter = { hub: 'drone-events', partition: '1', sequenceNumber: 7, payload: 'x' };
    expect(letterId({ ...letter, partition: '2' })).not.toBe(letterId(letter));
    expect(letterId({ ...letter, sequenceNumber: 8 })).not.toBe(letterId(letter));
    expect(letterId({ ...letter, payload: 'y' })).toBe(letterId(letter));
    expect(letterId(letter)).toBe('drone-events-1-7');
    expect(letterId({ ...letter, sequenceNumber: 0 })).toBe('drone-events-1-0');
    expect(letterId({ ...letter, partition: '' })).toBe('drone-events-none-7');
    expect(letterId({ ...letter, partition: 'a/b c' })).toBe('drone-events-a_b_c-7');
    expect(workItemId({ kind: 'Overdue', step: 'compensate holdQuota' })).toBe(
      'Overdue-compensate_holdQuota',
    );
    const longest = 's'.repeat(100 - 'Overdue-'.length);
    expect(workItemId({ kind: 'Overdue', step: longest })).toBe(`Overdue-${longest}`);
    expect(workItemId({ kind: 'Overdue', step: `${longest}s` })).toMatch(/^Overdue-s{75}-[0-9a-f]{16}$/);
    for (const long of [{ hub: 'h'.repeat(200) }, { partition: 'p'.repeat(100) }]) {
      expect(letterId({ ...letter, ...long, sequenceNumber: 8 })).not.toBe(letterId({ ...letter, ...long }));
    }
    const unknown = { ...letter, sequenceNumber: -1 };
    expect(letterId(unknown)).toMatch(/^drone-events-1-x[0-9a-f]{24}$/);
    expect(letterId({ ...unknown, payload: 'y' })).not.toBe(letterId(unknown));
    expect(workItemId({ kind: 'Overdue', step: `${'s'.repeat(150)}1` })).not.toBe(
      workItemId({ kind: 'Overdue', step: `${'s'.repeat(150)}2` }),
    );
  });
});

test('the failed step is the one that the error names, so that the scheduler’s own work item is the same', () => {
  const failed = { state: 'CompensationFailed' as const, step: 'compensate holdQuota' };
  expect(failedStepOf(view({ ...failed, lastError: 'bookCarrier: conflict: no' }))).toBe('bookCarrier');
  expect(failedStepOf(view(failed))).toBe('holdQuota');
  expect(failedStepOf(view({ ...failed, lastError: 'HTTP 500: bookCarrier: no' }))).toBe('holdQuota');
  expect(failedStepOf(view({ ...failed, lastError: 'no step: none' }))).toBe('holdQuota');
  expect(failedStepOf(view({ step: 'not compensate holdQuota' }))).toBe('not compensate holdQuota');
  expect(failedStepOf(view({ lastError: 'bookCarrier: conflict: no' }))).toBe('reserveDrone');
});

describe('a letter', () => {
  const now = new Date('2026-11-23T12:00:00.000Z');
  const letter = (more: Partial<LetterDocument> = {}): LetterDocument => ({
    id: 'l1',
    type: 'letter',
    hub: 'drone-events',
    partition: '1',
    sequenceNumber: 7,
    reason: 'no JSON',
    step: 'parse',
    payload: 'x',
    encoding: 'text',
    properties: {},
    status: 'Open',
    at: now.toISOString(),
    day: '2026-11-23',
    audit: [],
    sortKey: '2026-11-23T12:00:00.000Z|l1',
    ttl: 60,
    ...more,
  });

  test.each(['Replayed', 'Discarded'] as const)('that is %s cannot be settled again', (status) => {
    expect(() => checkOpen(letter({ status }), now)).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: `the dead letter has already been ${status.toLowerCase()}`,
      }),
    );
  });

  test('is shown with its message and its audit', () => {
    const audit = [{ by: 'olga', action: 'replay', at: now.toISOString(), before: {}, after: {} }];
    expect(letterView(letter({ audit }))).toEqual(letter({ audit }));
  });

  test('is one operator’s until the claim ends', () => {
    expect(() => checkOpen(letter(), now)).not.toThrow();
    const claimed = letter({ claimedUntil: '2026-11-23T12:00:00.001Z' });
    expect(() => checkOpen(claimed, now)).toThrow(
      expect.objectContaining({ code: 'conflict', message: expect.stringMatching(/is being replayed/) }),
    );
    expect(() => checkOpen(claimed, new Date('2026-11-23T12:00:00.001Z'))).not.toThrow();
  });

  test('keeps in its audit what every act changed, before and after; an empty note is none', () => {
    const act = { by: 'olga', action: 'replay', at: now.toISOString() };
    const once = audited(letter(), { status: 'Replayed', correctedPayload: 'y' }, { ...act, note: 'again' });
    const first = {
      ...act,
      note: 'again',
      before: { status: 'Open', correctedPayload: null },
      after: { status: 'Replayed', correctedPayload: 'y' },
    };
    expect(once).toStrictEqual(letter({ status: 'Replayed', correctedPayload: 'y', audit: [first] }));
    const twice = audited(once, { status: 'Open' }, { ...act, note: '' });
    const second = { ...act, before: { status: 'Replayed' }, after: { status: 'Open' } };
    expect(twice.audit).toStrictEqual([first, second]);
  });
});

describe('the same trouble again', () => {
  const item = (more: Partial<WorkItemDocument>): WorkItemDocument => ({
    id: 'Overdue-archive',
    type: 'work',
    deliveryId: 'd1',
    kind: 'Overdue',
    step: 'archive',
    detail: 'first',
    status: 'Settled',
    at: '2026-11-23T12:00:00.000Z',
    audit: [],
    sortKey: '2026-11-23T12:00:00.000Z|Overdue-archive',
    ...more,
  });

  test('opens an item that an operator had retried', () => {
    const act = { by: 'supervisor', action: 'reopened', at: 'then' };
    const before = { status: 'Settled', detail: 'first' };
    const after = { status: 'Open', detail: 'second' } as const;
    expect(reopened(item({ settledBy: 'retry', ttl: 60 }), 'second', 'then')).toStrictEqual(
      item({ ...after, audit: [{ ...act, before, after }] }),
    );
  });

  test('an item is shown with its detail and its audit', () => {
    const audit = [{ by: 'olga', action: 'retry', at: 'then', before: {}, after: {} }];
    expect(workItemView(item({ audit }))).toEqual(item({ audit }));
  });

  test('leaves an open item and a closed one as they are', () => {
    expect(reopened(item({ status: 'Open', settledBy: 'retry' }), 'second', 'then')).toBeUndefined();
    expect(reopened(item({ settledBy: 'close' }), 'second', 'then')).toBeUndefined();
    expect(reopened(item({}), 'second', 'then')).toBeUndefined();
  });
});
