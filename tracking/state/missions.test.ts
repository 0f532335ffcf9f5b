import { describe, expect, test } from 'vitest';
import { missionOf } from '../world.fixture.ts';
import { createMissions } from './missions.ts';

const idsOf = (missions: ReturnType<typeof createMissions>) =>
  [...missions.active()].map(({ mission }) => mission.missionId);

describe('M1 a mission counts for its drone', () => {
  test('while its fence is the newest, in any order of missions', () => {
    for (const fences of [
      [1, 2],
      [2, 1],
    ]) {
      const missions = createMissions();
      for (const fence of fences) missions.add(missionOf('drone-1', `d${fence}`, fence), false);
      expect(missions.newestOf('drone-1')?.mission.fence).toBe(2);
      expect(idsOf(missions)).toEqual(['d2-m2']);
      expect(missions.size()).toBe(2);
    }
  });

  test('the first of two with one fence stays the newest', () => {
    const missions = createMissions();
    missions.add(missionOf('drone-1', 'a', 1), false);
    missions.add(missionOf('drone-1', 'b', 1), false);
    expect(missions.newestOf('drone-1')?.mission.deliveryId).toBe('a');
    expect(missions.newestOf('drone-2')).toBeUndefined();
  });
});

describe('M2 a mission is finished', () => {
  test('by a release up to its fence, of its own drone and delivery', () => {
    const missions = createMissions();
    missions.add(missionOf('drone-1', 'a', 1), false);
    missions.add(missionOf('drone-1', 'a', 3), false);
    missions.add(missionOf('drone-2', 'a', 2), false);
    missions.add(missionOf('drone-1', 'b', 2), false);
    expect(missions.release('a', 'drone-1', 2)).toEqual(['a-m1']);
    // Once: a repetition finishes nothing more.
    expect(missions.release('a', 'drone-1', 2)).toEqual([]);
    expect(missions.release('a', 'drone-1', 3)).toEqual(['a-m3']);
    expect(missions.release('c', 'drone-1', 9)).toEqual([]);
    for (const other of ['a-m2', 'b-m2']) expect(missions.find(other)?.finished).toBe(false);
  });

  test('by a release that is read first, also after an older one', () => {
    const missions = createMissions();
    missions.release('a', 'drone-1', 3);
    missions.release('a', 'drone-1', 1);
    expect(missions.add(missionOf('drone-1', 'a', 3), false).finished).toBe(true);
    expect(missions.add(missionOf('drone-1', 'a', 4), false).finished).toBe(false);
    expect(missions.add(missionOf('drone-2', 'a', 1), false).finished).toBe(false);
    expect(missions.add(missionOf('drone-1', 'b', 1), false).finished).toBe(false);
  });

  test('with its delivery, whichever drone has it', () => {
    const missions = createMissions();
    expect(missions.add(missionOf('drone-1', 'a', 1), true).finished).toBe(true);
    missions.add(missionOf('drone-2', 'a', 2), false);
    missions.add(missionOf('drone-3', 'b', 1), false);
    expect(missions.finishAll('a')).toEqual(['a-m2']);
    expect(missions.finishAll('a')).toEqual([]);
    expect(missions.finishAll('unknown')).toEqual([]);
    expect(idsOf(missions)).toEqual(['b-m1']);
  });
});

test('a delivery that is forgotten leaves no mission and no release, and other deliveries theirs', () => {
  const missions = createMissions();
  missions.add(missionOf('drone-1', 'a', 1), false);
  missions.add(missionOf('drone-2', 'b', 1), false);
  missions.release('a', 'drone-9', 5);
  missions.forget('a');
  missions.forget('unknown');
  expect(missions.find('a-m1')).toBeUndefined();
  expect(missions.find('b-m1')?.finished).toBe(false);
  expect(missions.size()).toBe(1);
  expect(missions.add(missionOf('drone-9', 'a', 5), false).finished).toBe(false);
  expect(missions.finishAll('a')).toEqual(['a-m5']);
  // The fence still counts: an older mission of the drone is not its newest.
  expect(missions.newestOf('drone-1')?.mission.fence).toBe(1);
});
