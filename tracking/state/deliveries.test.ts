import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  assignedEvent,
  missionCommand,
  missionOf,
  OWNER,
  recallCommand,
  releasedEvent,
  stageEvent,
} from '../world.fixture.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';

let now = 0;
let known: Deliveries;
beforeEach(() => {
  now = Date.parse('2026-11-24T00:00:00Z');
  known = createDeliveries({ now: () => now, retainEnded: 60_000 });
});
const at = () => new Date(now).toISOString();

describe('stages', () => {
  test('K1 any order and any repetition end in the newest stage, each told once', () => {
    const events = ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'].map((stage, sequence) =>
      stageEvent('d', stage, sequence, at()),
    );
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), (order) => {
        const fresh = createDeliveries({ now: () => now, retainEnded: 60_000 });
        const told = order.flatMap((index) => fresh.applyEvent(events[index] as (typeof events)[number]));
        expect(fresh.find('d')?.sequence).toBe(Math.max(...order));
        const sequences = told.flatMap((changes) =>
          changes.kind === 'stage' ? [changes.change.sequence] : [],
        );
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
      }),
    );
  });

  test('events of other types are passed over, those that break their schema throw', () => {
    const other = { ...stageEvent('d', 'Created', 0), type: 'CarrierBooked', data: {} };
    expect(known.applyEvent(other)).toEqual([]);
    expect(() => known.applyEvent({ ...stageEvent('d', 'Created', 0), data: {} })).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringMatching(/^message\.data\.deliveryId/),
      }),
    );
  });
});

describe('missions', () => {
  test('the assignment is the event’s, whichever hub was read first', () => {
    const [first, second] = [missionOf('drone-1', 'd', 4), missionOf('drone-2', 'd', 2)];
    known.applyCommand(missionCommand(second));
    known.applyCommand(missionCommand(first));
    known.applyEvent(assignedEvent(first));
    known.applyEvent(releasedEvent(first));
    expect(known.find('d')?.assignment).toBeUndefined();
    known.applyEvent(assignedEvent(second));
    expect(known.find('d')).toMatchObject({ owner: OWNER, assignment: { droneId: 'drone-2' } });
    expect(known.mission(first.missionId)?.finished).toBe(true);
    expect(known.mission(second.missionId)?.finished).toBe(false);
  });

  test('K2 the newest fence of a drone counts, in whatever order they come', () => {
    known.applyCommand(missionCommand(missionOf('drone-1', 'b', 7)));
    known.applyCommand(missionCommand(missionOf('drone-1', 'a', 3)));
    known.applyCommand(recallCommand(missionOf('drone-1', 'c', 9)));
    expect(known.newestFence('drone-1')).toBe(7);
    expect(known.newestOf('drone-1')?.mission.deliveryId).toBe('b');
    expect([...known.activeMissions()].map(({ mission }) => mission.deliveryId)).toEqual(['b']);
  });

  test('a mission is over when its drone was released or its delivery ended, even if that is read first', () => {
    const [early, late] = [missionOf('drone-1', 'a'), missionOf('drone-2', 'b')];
    known.applyEvent(releasedEvent(early));
    known.applyCommand(missionCommand(early));
    expect(known.mission(early.missionId)?.finished).toBe(true);
    known.applyCommand(missionCommand(late));
    const changes = known.applyEvent(stageEvent('b', 'Cancelled', 1, at()));
    expect(changes).toContainEqual({ kind: 'finished', missionId: late.missionId });
    known.applyEvent(stageEvent('c', 'Completed', 3, at()));
    const third = missionOf('drone-3', 'c');
    known.applyCommand(missionCommand(third));
    expect(known.mission(third.missionId)?.finished).toBe(true);
    expect([...known.activeMissions()]).toEqual([]);
  });

  test('a release with an older fence does not end a newer mission of the same pair', () => {
    const [old, current] = [missionOf('drone-1', 'a', 1), missionOf('drone-1', 'a', 2)];
    known.applyCommand(missionCommand(current));
    known.applyEvent(assignedEvent(current));
    known.applyEvent(releasedEvent(old));
    expect(known.mission(current.missionId)?.finished).toBe(false);
    expect(known.find('a')?.assignment?.fence).toBe(2);
  });
});

test('K3 what has ended is forgotten after a while; what is under way is not', () => {
  for (let n = 0; n < 1_000; n += 1) {
    known.applyCommand(missionCommand(missionOf(`drone-${n % 10}`, `d-${n}`, n + 1)));
    known.applyEvent(stageEvent(`d-${n}`, 'Created', 0, at()));
    if (n % 100 !== 0) known.applyEvent(stageEvent(`d-${n}`, 'Completed', 1, at()));
  }
  expect(known.forgetEnded()).toBe(0);
  now += 61_000;
  expect(known.forgetEnded()).toBe(990);
  expect(known.size()).toEqual({ deliveries: 10, missions: 10 });
  expect(known.newestFence('drone-9')).toBe(1_000);
  now += 9 * 24 * 3600 * 1000;
  known.forgetEnded();
  expect(known.size()).toEqual({ deliveries: 0, missions: 0 });
});

test('K3 a delivery of which nothing comes is forgotten after eight days, longer than the hubs keep messages', () => {
  const days = (count: number) => count * 24 * 3_600_000;
  const start = now;
  known.applyEvent(stageEvent('quiet', 'Created', 0, at()));
  now = start + days(8) - 1;
  expect([known.forgetEnded(), known.find('quiet')?.sequence]).toEqual([0, 0]);
  now = start + days(8);
  expect([known.forgetEnded(), known.find('quiet')]).toEqual([1, undefined]);
});

describe('a delivery', () => {
  test.each([
    ['DeliveryCreated', 'Created', false],
    ['DeliveryRescheduled', 'Rescheduled', false],
    ['DeliveryHeadedToPickup', 'HeadedToPickup', false],
    ['DeliveryHeadedToDropoff', 'HeadedToDropoff', false],
    ['DeliveryReturning', 'Returning', false],
    ['DeliveryCompleted', 'Completed', true],
    ['DeliveryCancelled', 'Cancelled', true],
    ['DeliveryFailed', 'Failed', true],
  ] as const)('takes its stage, owner and places from %s', (type, stage, ended) => {
    const time = at();
    const [change] = known.applyEvent({ ...stageEvent('d', stage, 4, time), type });
    expect(change).toEqual({
      kind: 'stage',
      delivery: known.find('d'),
      change: { stage, sequence: 4, at: time },
      ended,
    });
    expect(known.find('d')).toMatchObject({
      deliveryId: 'd',
      owner: OWNER,
      stage,
      sequence: 4,
      stages: [{ stage, sequence: 4, at: time }],
      touchedAt: now,
    });
    expect(known.find('d')?.endedAt).toBe(ended ? now : undefined);
  });

  test('ended when its event says, and not later than now', () => {
    known.applyEvent(stageEvent('early', 'Completed', 1, new Date(now - 5_000).toISOString()));
    known.applyEvent(stageEvent('late', 'Completed', 1, new Date(now + 5_000).toISOString()));
    expect([known.find('early')?.endedAt, known.find('late')?.endedAt]).toEqual([now - 5_000, now]);
  });

  test('keeps its newest fifty stages for watchers that resume', () => {
    for (let sequence = 0; sequence < 60; sequence += 1)
      known.applyEvent(stageEvent('d', 'HeadedToPickup', sequence, at()));
    const sequences = known.find('d')?.stages.map((each) => each.sequence);
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, n) => n + 10));
  });

  test('that has only a mission has the mission’s owner, places and drone', () => {
    const mission = missionOf('drone-1', 'd', 4);
    expect(known.applyCommand(missionCommand(mission))).toEqual([
      { kind: 'mission', record: { mission, finished: false } },
    ]);
    expect(known.find('d')).toMatchObject({
      stage: 'Created',
      sequence: -1,
      stages: [],
      owner: OWNER,
      pickup: mission.pickup,
      dropoff: mission.dropoff,
      base: mission.base.position,
      assignment: { droneId: 'drone-1', missionId: mission.missionId, fence: 4 },
    });
    // The same command again, and one that is no mission.
    expect(known.applyCommand(missionCommand(mission))).toEqual([]);
    expect(known.applyCommand(recallCommand(missionOf('drone-1', 'e', 5)))).toEqual([]);
    expect(known.find('e')).toBeUndefined();
  });

  test('whose event has told owner and places keeps them, whatever a mission says', () => {
    known.applyEvent(stageEvent('d', 'Created', 0, at()));
    const other = { latitude: 1, longitude: 1, altitude: 0 };
    const mission = { ...missionOf('drone-1', 'd'), owner: { userId: 'x', accountId: 'y' } };
    known.applyCommand(missionCommand({ ...mission, pickup: other, dropoff: other }));
    const { owner, pickup, dropoff } = known.find('d') ?? {};
    expect(owner).toEqual(OWNER);
    expect([pickup, dropoff]).not.toContainEqual(other);
  });

  test('that has ended gets no drone by a mission that comes late', () => {
    known.applyEvent(stageEvent('d', 'Completed', 1, at()));
    known.applyCommand(missionCommand(missionOf('drone-1', 'd')));
    expect(known.find('d')).not.toHaveProperty('assignment');
  });

  test('loses its drone by the release of that drone up to its fence, and by no other', () => {
    const mission = missionOf('drone-1', 'd', 2);
    known.applyEvent(assignedEvent(mission));
    const assignment = { droneId: 'drone-1', missionId: mission.missionId, fence: 2 };
    known.applyEvent(releasedEvent(missionOf('drone-2', 'd', 9)));
    expect(known.find('d')?.assignment).toEqual(assignment);
    known.applyEvent(releasedEvent(missionOf('drone-1', 'd', 1)));
    expect(known.find('d')?.assignment).toEqual(assignment);
    known.applyEvent(releasedEvent(mission));
    expect(known.find('d')).not.toHaveProperty('assignment');
    known.applyEvent(releasedEvent(missionOf('drone-1', 'unheard', 1)));
    expect(known.find('unheard')?.sequence).toBe(-1);
  });

  test('K3 that has ended is kept from its last message on, for as long as it is asked to be', () => {
    known.applyEvent(stageEvent('d', 'Completed', 1, at()));
    now += 59_000;
    known.applyEvent(stageEvent('d', 'Completed', 1, at()));
    now += 59_999;
    expect(known.forgetEnded()).toBe(0);
    now += 1;
    expect(known.forgetEnded()).toBe(1);
    expect(known.newestFence('unheard')).toBe(0);
  });
});
