import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evenly } from '../../tests/harness/evenly.ts';
import { Eta, type Position } from '../contracts/common.ts';
import type { FlightPerformance } from '../contracts/flight.ts';
import { bearing, between, destination } from './distance.ts';
import { etaFrom, type ObservedSpeed, observeSpeed, remaining } from './eta.ts';
import { fly, groundSpeed, planFlight } from './flight-plan.ts';

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
const pickup = destination(base, 3000, 90);
const dropoff = destination(base, 2000, 0);
const mission = { pickup, dropoff, payload: 2, performance };

describe('remaining', () => {
  test('before take-off it is the plan', () => {
    const plan = planFlight({ from: base, base, pickup, dropoff, payload: 2, performance, battery: 1 });
    const times = remaining({ mission, position: base, leg: 'ToPickup', loaded: false });
    expect(times.toPickup?.seconds).toBeCloseTo(plan.toPickup, 6);
    expect(times.toDropoff?.seconds).toBeCloseTo(plan.toDropoff, 6);
  });

  test('time scale divides all of it', () => {
    const one = remaining({ mission, position: base, leg: 'ToPickup', loaded: false });
    const ten = remaining({ mission, position: base, leg: 'ToPickup', loaded: false, timeScale: 10 });
    expect((ten.toDropoff?.high ?? 0) * 10).toBeCloseTo(one.toDropoff?.high ?? Number.NaN, 6);
  });

  test('falls along the way, and leg by leg (E1)', () => {
    const places = [0, 0.25, 0.5, 0.75, 1].map((share) => ({
      ...between(pickup, dropoff, share),
      altitude: 80,
    }));
    const seconds = places.map(
      (position) =>
        remaining({ mission, position, leg: 'ToDropoff', loaded: true }).toDropoff?.seconds ?? Number.NaN,
    );
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    const atDropoff = remaining({
      mission,
      position: dropoff,
      leg: 'AtDropoff',
      loaded: true,
      handlingFor: 5,
    });
    expect(atDropoff.toDropoff?.seconds).toBeCloseTo(15, 6);
    expect(remaining({ mission, position: dropoff, leg: 'AtDropoff', loaded: false })).toEqual({});
    expect(remaining({ mission, position: dropoff, leg: 'ToBase', loaded: false })).toEqual({});
  });

  test('a slow flight that was seen long enough is believed, one sample is not (E3)', () => {
    const position = { ...between(pickup, dropoff, 0.3), altitude: 80 };
    const seen = (samples: number) =>
      remaining({
        mission,
        position,
        leg: 'ToDropoff',
        loaded: true,
        observed: { leg: 'ToDropoff', speed: 8, samples, lastTime: 0 },
      }).toDropoff?.seconds ?? Number.NaN;
    const nominal = remaining({ mission, position, leg: 'ToDropoff', loaded: true }).toDropoff?.seconds ?? 0;
    expect(seen(1)).toBeLessThan(nominal * 1.05);
    expect(seen(400)).toBeGreaterThan(nominal * 1.6);
  });

  test('E2 the interval by hand: 80 % of a normal distribution around each phase’s own spread', () => {
    const position = { ...between(base, pickup, 0.5), altitude: 80 };
    const [here, next] = [fly(position, pickup, 0, performance), fly(pickup, dropoff, 2, performance)];
    const observed = { leg: 'ToPickup', speed: 16, samples: 1, lastTime: 0 } as const;
    const sigma = (...parts: number[]) => Math.hypot(1, ...parts);
    const vertical = (flown: typeof here) => 0.05 * (flown.climb + flown.descent);
    for (const [seen, share] of [
      [{}, 0.08],
      [{ observed }, 0.05],
      [{ observed: { ...observed, leg: 'ToDropoff' as const } }, 0.08],
    ] as const) {
      const { toPickup, toDropoff } = remaining({
        mission,
        position,
        leg: 'ToPickup',
        loaded: false,
        ...seen,
      });
      const there = sigma(here.cruise * share, vertical(here));
      expect((toPickup?.high ?? 0) - (toPickup?.seconds ?? 0)).toBeCloseTo(1.2816 * there, 6);
      // The next leg has not been seen, no matter what was seen on this one; a person hands the parcel over at both ends.
      const later = sigma(
        here.cruise * share,
        vertical(here),
        next.cruise * 0.08,
        vertical(next),
        20 * 0.12,
        20 * 0.12,
      );
      expect((toDropoff?.high ?? 0) - (toDropoff?.seconds ?? 0)).toBeCloseTo(1.2816 * later, 6);
      expect((toDropoff?.seconds ?? 0) - (toDropoff?.low ?? 0)).toBeCloseTo(1.2816 * later, 6);
    }
  });

  test('at the pickup what is left of the loading counts, and none once the parcel is on board', () => {
    const at = (loaded: boolean, handlingFor?: number, timeScale = 1) =>
      remaining({
        mission,
        position: pickup,
        leg: 'AtPickup',
        loaded,
        timeScale,
        ...(handlingFor === undefined ? {} : { handlingFor }),
      });
    const flight = fly(pickup, dropoff, 2, performance).duration;
    expect(at(false)).not.toHaveProperty('toPickup');
    expect(at(false).toDropoff?.seconds).toBeCloseTo(20 + flight + 20, 6);
    expect(at(false, 5).toDropoff?.seconds).toBeCloseTo(15 + flight + 20, 6);
    expect(at(false, 99).toDropoff?.seconds).toBeCloseTo(flight + 20, 6);
    expect(at(true, 5).toDropoff?.seconds).toBeCloseTo(flight + 20, 6);
    // One second on the wall clock is ten of handling.
    expect(at(false, 1, 10).toDropoff?.seconds).toBeCloseTo((10 + flight + 20) / 10, 6);
  });

  test('an idle drone and one on its way home have no time left to tell', () => {
    for (const leg of ['Idle', 'ToBase'] as const)
      expect(remaining({ mission, position: base, leg, loaded: false })).toEqual({});
  });

  test('E3 observed speed counts by its samples, against twenty of the plan, on its own leg', () => {
    const position = { ...between(pickup, dropoff, 0.3), altitude: 80 };
    const wind = { north: 4, east: 0 };
    const seconds = (observed?: ObservedSpeed) =>
      remaining({
        mission,
        position,
        leg: 'ToDropoff',
        loaded: true,
        wind,
        ...(observed ? { observed } : {}),
      }).toDropoff?.seconds;
    const handling = 20;
    const planned = fly(position, dropoff, 2, performance, wind);
    const seen = { leg: 'ToDropoff', speed: 10, samples: 20, lastTime: 0 } as const;
    const mean = (groundSpeed(bearing(position, dropoff), 16, wind) + 10) / 2;
    const expected = fly(position, dropoff, 2, performance, wind, mean).duration + handling;
    expect(seconds(seen)).toBeCloseTo(expected, 6);
    const three = (groundSpeed(bearing(position, dropoff), 16, wind) * 20 + 10 * 60) / 80;
    expect(seconds({ ...seen, samples: 60 })).toBeCloseTo(
      fly(position, dropoff, 2, performance, wind, three).duration + handling,
      6,
    );
    expect(seconds({ ...seen, leg: 'ToPickup' })).toBeCloseTo(planned.duration + handling, 6);
    expect(seconds()).toBeCloseTo(planned.duration + handling, 6);
  });

  test('the interval holds the estimate, from anywhere', () => {
    fc.assert(
      fc.property(
        evenly(0, 9000),
        evenly(0, 360),
        fc.constantFrom('ToPickup' as const, 'AtPickup' as const, 'ToDropoff' as const, 'AtDropoff' as const),
        evenly(1, 100),
        (metres, degrees, leg, timeScale) => {
          const position = destination({ ...base, altitude: 70 }, metres, degrees);
          const times = remaining({ mission, position, leg, loaded: leg !== 'ToPickup', timeScale });
          for (const each of [times.toPickup, times.toDropoff]) {
            if (!each) continue;
            expect(each.low).toBeGreaterThanOrEqual(0);
            expect(each.low).toBeLessThanOrEqual(each.seconds);
            expect(each.high).toBeGreaterThan(each.seconds);
          }
        },
      ),
    );
  });
});

describe('observed speed', () => {
  const sample = (
    second: number,
    speed: number,
    altitude = 80,
    leg: 'ToPickup' | 'ToDropoff' = 'ToPickup',
  ) => ({
    leg,
    velocity: { north: speed, east: 0, up: 0 },
    time: new Date(second * 1000).toISOString(),
    position: { ...base, altitude },
  });
  const feed = (...samples: ReturnType<typeof sample>[]) =>
    samples.reduce<ObservedSpeed | undefined>(
      (kept, each) => observeSpeed(kept, each, performance),
      undefined,
    );

  test('climbing and braking do not count', () => {
    expect(feed(sample(1, 0, 20), sample(2, 3), sample(3, 14, 30))).toBeUndefined();
  });

  test('converges to what is flown; late and double samples change nothing', () => {
    const flown = feed(...Array.from({ length: 60 }, (_, i) => sample(i, i < 10 ? 16 : 11)));
    expect(flown?.speed).toBeCloseTo(11, 1);
    expect(observeSpeed(flown, sample(3, 30), performance)).toBe(flown);
    expect(observeSpeed(flown, sample(59, 30), performance)).toBe(flown);
    expect(flown).toMatchObject({ samples: 60, lastTime: 59_000 });
  });

  test('cruise begins at half of the speed and 85 % of the height', () => {
    expect(feed(sample(1, 8, 68))).toMatchObject({ speed: 8, samples: 1 });
    expect(feed(sample(1, 7.99, 68))).toBeUndefined();
    expect(feed(sample(1, 8, 67.9))).toBeUndefined();
  });

  test('one sample moves the speed by a part of the difference only', () => {
    const before = feed(sample(1, 16)) as ObservedSpeed;
    const after = observeSpeed(before, sample(2, 10), performance);
    expect(after?.speed).toBeCloseTo(16 - 6 * 0.15, 9);
  });

  test('a new leg begins again', () => {
    expect(feed(sample(1, 16), sample(2, 10, 80, 'ToDropoff'))).toMatchObject({
      leg: 'ToDropoff',
      speed: 10,
      samples: 1,
    });
  });
});

describe('etaFrom', () => {
  const now = new Date('2026-01-01T00:00:00Z');

  test('is an Eta, by half width or by ends', () => {
    expect(etaFrom(now, 60, 10)).toEqual({
      at: '2026-01-01T00:01:00.000Z',
      earliest: '2026-01-01T00:00:50.000Z',
      latest: '2026-01-01T00:01:10.000Z',
    });
    expect(etaFrom(now, 60, { low: 30, high: 100 }).latest).toBe('2026-01-01T00:01:40.000Z');
    expect(Eta.safeParse(etaFrom(now, 1, 2)).success).toBe(true);
  });

  test('never before now', () => {
    expect(etaFrom(now, 5, 60).earliest).toBe(now.toISOString());
    expect(etaFrom(now, -5, 0).at).toBe(now.toISOString());
  });
});
