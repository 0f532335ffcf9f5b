import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { etaFrom } from '../../shared/geo/eta.ts';
import { flyingSample, missionCommand, missionOf, PICKUP, sampleOf } from '../world.fixture.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createDrones, type Drones, etaOf } from './drones.ts';
import { isoOf } from './iso.ts';

const mission = missionOf('d', 'one', 2);
let time: number;
let deliveries: Deliveries;
let drones: Drones;

beforeEach(() => {
  time = Date.parse('2026-11-24T00:00:00Z');
  const now = () => time;
  deliveries = createDeliveries({ now, retainEnded: 1_000 });
  drones = createDrones({ deliveries, now, timeScale: 1 });
});
const iso = () => new Date(time).toISOString();
const pickupSeconds = () => {
  const drone = drones.touch('d');
  return (Date.parse(drones.etasOf(drone).pickupEta?.at ?? '') - time) / 1000;
};

describe('the fast clock face', () => {
  test('is Date’s own, for every time', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e14, max: 8e14 }), (ms) => {
        expect(isoOf(ms)).toBe(new Date(ms).toISOString());
      }),
    );
    expect(() => isoOf(Number.NaN)).toThrow(RangeError);
  });

  test('gives the ETAs that shared/geo gives', () => {
    const part = fc.double({ min: -10, max: 20_000, noNaN: true });
    fc.assert(
      fc.property(part, part, part, (seconds, low, high) => {
        const remaining = { seconds, low, high };
        expect(etaOf(time, remaining)).toEqual(etaFrom(new Date(time), seconds, remaining));
      }),
    );
  });
});

describe('ETA', () => {
  test('comes nearer as the drone does, and ends at the pickup', () => {
    deliveries.applyCommand(missionCommand(mission));
    const left: number[] = [];
    for (let seq = 0; seq < 60; seq += 1) {
      drones.apply(drones.touch('d'), flyingSample(mission, seq, { time: iso() }));
      left.push(pickupSeconds());
      time += 1_000;
    }
    expect(left[0]).toBeGreaterThan(60);
    expect(left.at(-1)).toBeLessThan((left[0] ?? 0) - 40);
    time += 10_000;
    const there = flyingSample(mission, 99, { time: iso(), leg: 'AtPickup', position: PICKUP });
    drones.apply(drones.touch('d'), there);
    const etas = drones.etasOf(drones.touch('d'));
    expect(etas.pickupEta).toBeUndefined();
    expect(etas.deliveryEta).toBeDefined();
  });

  test('handling that has begun is counted', () => {
    deliveries.applyCommand(missionCommand(mission));
    const at = (seq: number) =>
      flyingSample(mission, seq, { time: iso(), leg: 'AtPickup', position: PICKUP });
    const delivery = () => Date.parse(drones.etasOf(drones.touch('d')).deliveryEta?.at ?? '');
    drones.apply(drones.touch('d'), at(1));
    const first = delivery();
    time += 10_000;
    drones.apply(drones.touch('d'), at(2));
    expect(Math.abs(delivery() - first)).toBeLessThan(1_500);
  });

  test('there is none without a mission, for another’s, or for one that a newer fence has replaced', () => {
    const drone = drones.touch('d');
    drones.apply(drone, flyingSample(mission, 1, { time: iso() }));
    expect(drones.etasOf(drone)).toEqual({});
    deliveries.applyCommand(missionCommand(missionOf('other', 'two', 1)));
    const foreign = flyingSample(missionOf('other', 'two', 1), 2, { droneId: 'd', time: iso() });
    drones.apply(drone, foreign);
    expect(drones.missionOf(drone)).toBeUndefined();
    deliveries.applyCommand(missionCommand(mission));
    drones.apply(drone, flyingSample(mission, 3, { time: iso() }));
    expect(drones.missionOf(drone)).toEqual(mission);
    deliveries.applyCommand(missionCommand(missionOf('d', 'three', 3)));
    expect(drones.missionOf(drone)).toBeUndefined();
  });
});

test('drones that left are forgotten', () => {
  drones.apply(drones.touch('a'), sampleOf('a'));
  time += 10_000;
  drones.touch('b');
  expect(drones.forgetSilent(10_000)).toBe(1);
  expect([...drones.all()].map(({ droneId }) => droneId)).toEqual(['b']);
});

describe('the state of a drone', () => {
  test('begins with its first frame, and a later frame only says that the link is alive', () => {
    expect([drones.find('d'), drones.size()]).toEqual([undefined, 0]);
    const drone = drones.touch('d');
    expect(drone).toMatchObject({
      droneId: 'd',
      lastFrameAt: time,
      legSince: time,
      recordedAt: Number.NEGATIVE_INFINITY,
      recordedBattery: 0,
      linkLost: false,
      observed: undefined,
      etas: undefined,
    });
    time += 500;
    expect(drones.touch('d')).toBe(drone);
    expect(drone).toMatchObject({ lastFrameAt: time, legSince: time - 500 });
    expect([drones.find('d'), drones.size()]).toEqual([drone, 1]);
  });

  test('follows the boot of its hello', () => {
    drones.hello('d', 'boot-2');
    expect(drones.touch('d').track.boot).toBe('boot-2');
  });

  test('the leg began when it changed, or when the mission did; what is not applied changes nothing', () => {
    const drone = drones.touch('d');
    const fly = (seq: number, changes: Parameters<typeof flyingSample>[2] = {}) =>
      drones.apply(drone, flyingSample(mission, seq, { time: iso(), ...changes }));
    const start = time;
    expect(fly(1)).toBe('applied');
    time += 1_000;
    expect([fly(2), drone.legSince]).toEqual(['applied', start]);
    expect([fly(2, { leg: 'AtPickup' }), drone.legSince]).toEqual(['duplicate', start]);
    expect([fly(3, { leg: 'AtPickup' }), drone.legSince]).toEqual(['applied', time]);
    time += 1_000;
    expect([fly(4, { leg: 'AtPickup', missionId: 'another' }), drone.legSince]).toEqual(['applied', time]);
  });

  test('has an observed speed on its own mission only', () => {
    const drone = drones.touch('d');
    drones.apply(drone, flyingSample(mission, 1, { time: iso() }));
    expect(drone.observed).toBeUndefined();
    deliveries.applyCommand(missionCommand(mission));
    drones.apply(drone, flyingSample(mission, 2, { time: iso() }));
    expect(drone.observed).toMatchObject({ leg: 'ToPickup', speed: 16, samples: 1 });
    drones.apply(drone, flyingSample(mission, 3, { time: iso(), missionId: 'another' }));
    expect(drone.observed).toBeUndefined();
  });

  test('D1 a mission is shown for its own delivery only', () => {
    deliveries.applyCommand(missionCommand(mission));
    const drone = drones.touch('d');
    expect(drones.missionOf(drone)).toBeUndefined();
    drones.apply(drone, flyingSample(mission, 1, { time: iso(), deliveryId: 'another' }));
    expect(drones.missionOf(drone)).toBeUndefined();
    drones.apply(drone, sampleOf('d', { seq: 2, time: iso() }));
    expect(drones.missionOf(drone)).toBeUndefined();
  });

  test('D2 its ETA is computed once for a sample, and again for the next', () => {
    deliveries.applyCommand(missionCommand(mission));
    const drone = drones.touch('d');
    expect(drones.etasOf(drone)).toEqual({});
    drones.apply(drone, flyingSample(mission, 1, { time: iso() }));
    const etas = drones.etasOf(drone);
    time += 1_000;
    expect(drones.etasOf(drone)).toBe(etas);
    drones.apply(drone, flyingSample(mission, 2, { time: iso() }));
    expect(drones.etasOf(drone)).not.toEqual(etas);
  });

  test('is recorded as the sample with its ETAs, and shown without what only staff may see', () => {
    deliveries.applyCommand(missionCommand(mission));
    const drone = drones.touch('d');
    const sample = flyingSample(mission, 1, { time: iso() });
    drones.apply(drone, sample);
    const etas = drones.etasOf(drone);
    expect(Object.keys(etas).toSorted()).toEqual(['deliveryEta', 'pickupEta']);
    expect(drones.recordOf(drone, sample)).toEqual({ ...sample, ...etas });
    time += 250;
    const { position, velocity, heading, leg, loaded } = sample;
    const shown = { time: sample.time, age: 250, position, velocity, heading, leg, loaded, ...etas };
    expect(drones.watchPositionOf(drone, sample)).toEqual(shown);
    time -= 1_000;
    expect(drones.watchPositionOf(drone, sample).age).toBe(0);
  });

  test('in fast time the handling passes faster', () => {
    const fast = createDrones({ deliveries, now: () => time, timeScale: 10 });
    deliveries.applyCommand(missionCommand(mission));
    const drone = fast.touch('d');
    const at = (seq: number) =>
      fast.apply(drone, flyingSample(mission, seq, { time: iso(), leg: 'AtPickup', position: PICKUP }));
    at(1);
    const first = Date.parse(fast.etasOf(drone).deliveryEta?.at ?? '');
    time += 1_000;
    at(2);
    // A second on the clock is ten of the 20 s of handling: the ETA does not move.
    expect(Math.abs(Date.parse(fast.etasOf(drone).deliveryEta?.at ?? '') - first)).toBeLessThan(5);
  });

  test('its wind counts in its ETA', () => {
    deliveries.applyCommand(missionCommand(mission));
    const pickupAt = (seq: number, wind?: { north: number; east: number }) => {
      const drone = drones.touch('d');
      const position = { latitude: 47.601, longitude: -122.33, altitude: 80 };
      drones.apply(drone, flyingSample(mission, seq, { time: iso(), position, ...(wind ? { wind } : {}) }));
      return pickupSeconds();
    };
    const [calm, head] = [pickupAt(1), pickupAt(2, { north: -8, east: 0 })];
    expect(head).toBeGreaterThan(calm + 10);
  });
});
