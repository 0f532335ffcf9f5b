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
