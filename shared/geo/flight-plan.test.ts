import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evenly } from '../../tests/harness/evenly.ts';
import type { Position } from '../contracts/common.ts';
import type { FlightPerformance } from '../contracts/flight.ts';
import { destination, distance } from './distance.ts';
import { type FlightRequest, fly, groundSpeed, planFlight } from './flight-plan.ts';

const performance: FlightPerformance = {
  cruiseSpeed: 16,
  climbRate: 4,
  descentRate: 3,
  cruiseAltitude: 80,
  emptyMass: 9,
  maxPayload: 5,
  batteryCapacity: 1000,
  cruiseEnergy: 0.03,
  hoverPower: 1200,
  handlingTime: 20,
  reserve: 0.2,
};
const base: Position = { latitude: 47.6, longitude: -122.3, altitude: 0 };
const request = (change: Partial<FlightRequest> = {}): FlightRequest => ({
  from: base,
  base,
  pickup: destination(base, 2000, 90),
  dropoff: destination(base, 2000, 0),
  payload: 1,
  performance,
  battery: 1,
  ...change,
});

const place = fc
  .tuple(evenly(0, 9000), evenly(0, 360))
  .map(([metres, degrees]) => destination(base, metres, degrees));
const anyRequest = fc.record({
  from: place,
  base: place,
  pickup: place,
  dropoff: place,
  payload: evenly(0, 8),
  battery: evenly(0, 1),
  performance: fc.constant(performance),
  wind: fc.record({
    north: evenly(-9, 9),
    east: evenly(-9, 9),
  }),
});

describe('a plan by hand', () => {
  test('one leg is the sum of its phases', () => {
    const flown = fly(base, destination(base, 2000, 90), 0, performance);
    expect(flown.climb).toBeCloseTo(80 / 4, 6);
    expect(flown.descent).toBeCloseTo(80 / 3, 6);
    expect(flown.cruise).toBeCloseTo(2000 / 16 + 16 / 2, 1);
    expect(flown.duration).toBeCloseTo(flown.climb + flown.cruise + flown.descent, 9);
  });

  test('seconds to the pickup, to the delivery and home', () => {
    const plan = planFlight(request());
    const durations = plan.legs.map((leg) => leg.duration);
    expect(plan.legs.map((leg) => leg.kind)).toEqual([
      'ToPickup',
      'AtPickup',
      'ToDropoff',
      'AtDropoff',
      'ToBase',
    ]);
    expect(plan.toPickup).toBeCloseTo(durations[0] as number, 9);
    expect(plan.toDropoff).toBeCloseTo(
      durations.slice(0, 4).reduce((a, b) => a + b, 0),
      9,
    );
    expect(plan.toBase).toBeCloseTo(
      durations.reduce((a, b) => a + b, 0),
      9,
    );
    expect(plan.feasible).toBe(true);
    expect(plan.reasons).toEqual([]);
    expect(plan.batteryAfter).toBeCloseTo(1 - plan.energy / 1000, 9);
  });

  test('a drone in the air climbs only what is missing', () => {
    const high = { ...base, altitude: 60 };
    expect(fly(high, destination(base, 500, 0), 0, performance).climb).toBeCloseTo(5, 9);
    expect(fly({ ...base, altitude: 200 }, destination(base, 500, 0), 0, performance).climb).toBe(0);
  });

  test('a hop shorter than the way to accelerate and brake', () => {
    expect(fly(base, destination(base, 32, 0), 0, performance).cruise).toBeCloseTo(8, 1);
    expect(fly(base, base, 0, performance).cruise).toBe(0);
  });

  test('a roof is nearer than the ground, and a place above the cruise altitude is climbed to', () => {
    const roof = (altitude: number) => ({ ...destination(base, 500, 0), altitude });
    expect(fly(base, roof(30), 0, performance).descent).toBeCloseTo(50 / 3, 9);
    expect(fly(base, roof(100), 0, performance)).toMatchObject({ climb: 100 / 4, descent: 0 });
  });

  test('a hop of 300 m has time for the cruise speed', () => {
    expect(fly(base, destination(base, 300, 0), 0, performance).cruise).toBeCloseTo(300 / 16 + 8, 1);
  });

  test('the distance is that of all flights', () => {
    const { distance: metres, legs } = planFlight(request());
    expect(metres).toBeCloseTo(
      legs.reduce((sum, leg) => sum + leg.distance, 0),
      9,
    );
    expect(metres).toBeCloseTo(2_000 + 2_000 * Math.SQRT2 + 2_000, -1);
  });

  test('for every wind: what the drone flies through the air, and the wind, come to the track', () => {
    const speed = evenly(-11, 11);
    fc.assert(
      fc.property(evenly(0, 360), speed, speed, (degrees, north, east) => {
        const track = (degrees * Math.PI) / 180;
        const ground = groundSpeed(degrees, 16, { north, east });
        const air = [ground * Math.cos(track) - north, ground * Math.sin(track) - east];
        expect(Math.hypot(...air)).toBeCloseTo(16, 6);
      }),
    );
  });

  test('a wind that is across and as strong as the drone leaves no headway', () => {
    expect(groundSpeed(0, 16, { north: 5, east: 16 })).toBe(0);
    expect(groundSpeed(0, 16, { north: 5, east: -16 })).toBe(0);
  });

  test('the wind triangle', () => {
    expect(groundSpeed(0, 16, { north: 5, east: 0 })).toBeCloseTo(21, 9);
    expect(groundSpeed(180, 16, { north: 5, east: 0 })).toBeCloseTo(11, 9);
    expect(groundSpeed(90, 16, { north: 5, east: 0 })).toBeCloseTo(Math.sqrt(256 - 25), 9);
    expect(groundSpeed(90, 16, { north: 17, east: 0 })).toBe(0);
  });
});

describe('reasons', () => {
  test('payload, in figures', () => {
    expect(planFlight(request({ payload: 7.2 })).reasons).toContain('payload 7.2 kg exceeds 5.0 kg');
  });

  test('energy, in figures that tell what is missing', () => {
    const plan = planFlight(request({ battery: 0.25 }));
    expect(plan.feasible).toBe(false);
    expect(plan.reasons).toEqual([`needs ${plan.energy.toFixed(1)} Wh, has 50.0 Wh above the reserve`]);
  });

  test('wind that leaves no headway', () => {
    const plan = planFlight(request({ wind: { north: 14, east: 0 } }));
    expect(plan.reasons).toContain('wind 14.0 m/s exceeds 13.0 m/s');
    expect(Number.isFinite(plan.toDropoff)).toBe(true);
  });

  test('a limit itself is allowed: payload, wind and energy', () => {
    expect(planFlight(request({ payload: 5 })).reasons).toEqual([]);
    expect(planFlight(request({ wind: { north: 13, east: 0 } })).reasons).toEqual([]);
    const { energy } = planFlight(request());
    const exactly = { ...performance, batteryCapacity: energy, reserve: 0 };
    expect(planFlight(request({ performance: exactly })).reasons).toEqual([]);
  });

  test('small figures are not rounded to nothing', () => {
    const flat = (battery: number) =>
      planFlight(request({ battery, performance: { ...performance, reserve: 0 } })).reasons[0];
    expect(flat(0.00005)).toMatch(/ has 0\.05 Wh above the reserve$/);
    expect(flat(0.0001)).toMatch(/ has 0\.1 Wh above the reserve$/);
    expect(flat(0)).toMatch(/ has 0\.0 Wh above the reserve$/);
  });

  test('all of them at once (P2)', () => {
    expect(
      planFlight(request({ payload: 9, battery: 0, wind: { north: 20, east: 0 } })).reasons,
    ).toHaveLength(3);
  });
});

describe('for every request', () => {
  test('feasible means: lands at the base with the reserve, within payload', () => {
    fc.assert(
      fc.property(anyRequest, (each) => {
        const plan = planFlight(each);
        expect(plan.feasible).toBe(plan.reasons.length === 0);
        expect(plan.toPickup).toBeLessThanOrEqual(plan.toDropoff);
        expect(plan.toDropoff).toBeLessThanOrEqual(plan.toBase);
        if (plan.feasible) {
          expect(plan.batteryAfter).toBeGreaterThanOrEqual(performance.reserve - 1e-9);
          expect(each.payload).toBeLessThanOrEqual(performance.maxPayload);
        }
      }),
    );
  });

  test('more payload or less battery never makes it feasible (P3)', () => {
    fc.assert(
      fc.property(anyRequest, evenly(0, 3), evenly(0, 1), (each, more, share) => {
        const before = planFlight(each);
        const after = planFlight({
          ...each,
          payload: each.payload + more,
          battery: each.battery * share,
        });
        expect(after.energy).toBeGreaterThanOrEqual(before.energy - 1e-9);
        if (after.feasible) expect(before.feasible).toBe(true);
      }),
    );
  });
});

test('P1 the five legs of a plan by hand, Wh', () => {
  const performance = {
    cruiseSpeed: 10,
    climbRate: 2,
    descentRate: 2.5,
    cruiseAltitude: 50,
    emptyMass: 4,
    maxPayload: 5,
    batteryCapacity: 1_000,
    cruiseEnergy: 0.02,
    hoverPower: 360,
    handlingTime: 30,
    reserve: 0.2,
  };
  const at = (latitude: number) => ({ latitude, longitude: -122.33, altitude: 0 });
  const [base, pickup, dropoff] = [at(47.6), at(47.61), at(47.63)];
  const plan = planFlight({ from: base, pickup, dropoff, base, payload: 5, performance, battery: 1 });
  // 25 s up (hover 360 W, lift 4 kg · 9.80665 · 2 / 0.7 = 112.08 W), 20 s down (hover), and 0.02 Wh for each metre and for
  // the 50 m that accelerating and braking cost: 3.278 + 2 + 1 = 6.278 Wh, and 0.02 Wh/m.
  // With 5 kg hover and cruise take (9 / 4)^1.5 = 3.375 times as much, and the lift 252.17 W: 10.189 + 6.75 + 3.375 = 20.314 Wh,
  // and 0.0675 Wh/m. Handling: 360 W · 3.375 · 30 s = 10.125 Wh.
  const metres = plan.legs.map((leg) => leg.distance);
  const expected = [
    6.278 + 0.02 * distance(base, pickup),
    10.125,
    20.314 + 0.0675 * distance(pickup, dropoff),
    10.125,
    6.278 + 0.02 * distance(dropoff, base),
  ];
  expect(metres.filter((each) => each > 0)).toHaveLength(3);
  for (const [index, leg] of plan.legs.entries())
    expect(leg.energy).toBeCloseTo(expected[index] as number, 2);
  expect(plan.energy).toBeCloseTo(
    expected.reduce((sum, each) => sum + each, 0),
    1,
  );
  expect(plan.batteryAfter).toBeCloseTo(1 - plan.energy / 1_000, 9);
});
