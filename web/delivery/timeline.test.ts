import { describe, expect, test } from 'vitest';
import { at, delivery, eta, ms, position, withFrames } from './delivery.fixture.ts';
import { clock } from './eta.ts';
import { reduce } from './state.ts';
import { announcement, type Step, timeline } from './timeline.ts';

const brief = (steps: readonly Step[]) => steps.map(({ label, state }) => `${label}: ${state}`);
const timeOf = (steps: readonly Step[], label: string) => steps.find((step) => step.label === label);

describe('a delivery by drone', () => {
  test('before it is planned, the workflow’s step is said in words', () => {
    const steps = timeline(delivery({ step: 'reserveDrone' }));
    expect(steps[0]).toEqual({
      label: 'Requested',
      state: 'current',
      time: clock(ms(0), false),
      isExpected: false,
      detail: 'Looking for the best drone',
    });
    expect(steps.slice(1).every(({ state }) => state === 'next')).toBe(true);
  });

  test('each stage is reached in order, and what comes before it is done', () => {
    expect(brief(timeline(delivery({}, 2)))).toEqual([
      'Requested: done',
      'Drone assigned: done',
      'Flying to the pickup: current',
      'At the pickup, loading: next',
      'On its way to the dropoff: next',
      'Lowering the parcel: next',
      'Delivered: next',
    ]);
    expect(brief(timeline(delivery({}, 4))).slice(-2)).toEqual([
      'Lowering the parcel: done',
      'Delivered: done',
    ]);
  });

  test('the drone’s leg is shown before its event comes, even if earlier events are missing', () => {
    const loading = withFrames(delivery({}, 1), {
      type: 'position',
      position: position({ leg: 'AtPickup' }),
    });
    expect(brief(timeline(loading))[3]).toBe('At the pickup, loading: current');
    const there = withFrames(delivery({}, 3), { type: 'position', position: position({ leg: 'AtDropoff' }) });
    expect(brief(timeline(there))[5]).toBe('Lowering the parcel: current');
  });

  test('times are those of the events; expected ones are marked', () => {
    const steps = timeline(delivery({ deliveryEta: eta(90) }, 2));
    expect(timeOf(steps, 'Flying to the pickup')).toMatchObject({
      time: clock(ms(20), false),
      isExpected: false,
    });
    expect(timeOf(steps, 'Delivered')).toMatchObject({ time: clock(ms(90), false), isExpected: true });
    expect(timeOf(timeline(delivery({}, 4)), 'Delivered')).toMatchObject({ isExpected: false });
  });
});

describe('endings', () => {
  const outcome = (kind: 'cancelled' | 'rejected' | 'returned' | 'failed') => ({
    kind,
    reasons: [],
    at: at(30),
  });

  test.each([
    ['cancelled', 'Cancelled'],
    ['rejected', 'Not possible'],
    ['returned', 'Came back to the sender'],
    ['failed', 'Failed'],
  ] as const)('%s: only what happened, and the end', (kind, label) => {
    const steps = timeline(delivery({ outcome: outcome(kind) }, 2));
    expect(brief(steps)).toEqual([
      'Requested: done',
      'Drone assigned: done',
      'Flying to the pickup: done',
      `${label}: failed`,
    ]);
    expect(steps.at(-1)?.time).toBe(clock(ms(30), false));
  });

  test('a drone that comes back says so before it is back', () => {
    const returning = withFrames(delivery({}, 3), {
      type: 'stage',
      stage: 'Returning',
      sequence: 4,
      at: at(35),
    });
    expect(brief(timeline(returning)).at(-1)).toBe('Coming back with the parcel: failed');
  });
});

test('a courier has stages of its own', () => {
  const booked = delivery({ carrier: 'third-party', carrierId: 'carrier-1', pickupEta: eta(50) }, 1);
  const steps = timeline(booked);
  expect(brief(steps)).toEqual([
    'Requested: done',
    'Courier booked: current',
    'Collected by the courier: next',
    'Delivered: next',
  ]);
  expect(steps[2]).toMatchObject({ time: clock(ms(50), false), isExpected: true });
});

describe('for those who hear the page', () => {
  test('one sentence: the step, and when it arrives', () => {
    expect(announcement(delivery({ deliveryEta: eta(300) }, 2), ms(0))).toBe(
      'Flying to the pickup, arrives in 5 min.',
    );
    expect(announcement(delivery({ deliveryEta: eta(300) }, 4), ms(0))).toBe('Delivered.');
  });

  test('it needs no status', () => {
    const bare = reduce(delivery(), { kind: 'events', events: [] });
    expect(announcement(bare, ms(0))).toBe('Requested.');
  });
});
