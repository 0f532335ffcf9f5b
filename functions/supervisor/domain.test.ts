import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Id } from '../../shared/contracts/common.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import {
  failedStepOf,
  letterId,
  markOf,
  measuresFor,
  NUDGE_ROUNDS,
  sighted,
  TELL_ROUNDS,
  workItemId,
} from './domain.ts';

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
    expect(sighted(two, { ...seen, mark: 'b' }, at(60))?.rounds).toBe(1);
  });

  test('a step, a generation or a new deadline is a move; rounds of one compensation are not', () => {
    expect(markOf(view({ step: 'bookCarrier' }))).not.toBe(markOf(view()));
    expect(markOf(view({ generation: 2 }))).not.toBe(markOf(view()));
    expect(markOf(view({ completeBy: '2026-11-23T13:00:00.000Z' }))).not.toBe(markOf(view()));
    const compensating = (step: string, state: WorkflowView['state']) => markOf(view({ step, state }));
    expect(compensating('compensate holdQuota', 'Compensating')).toBe(
      compensating('compensate bookCarrier', 'CompensationFailed'),
    );
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
    const unknown = { ...letter, sequenceNumber: -1 };
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
  expect(failedStepOf(view({ lastError: 'bookCarrier: conflict: no' }))).toBe('reserveDrone');
});
