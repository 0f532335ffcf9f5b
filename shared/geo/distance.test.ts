import * as fc from 'fast-check';
import { Geodesic } from 'geographiclib-geodesic';
import { describe, expect, test } from 'vitest';
import { evenly } from '../../tests/harness/evenly.ts';
import type { Position } from '../contracts/common.ts';
import {
  alongRoute,
  bearing,
  between,
  destination,
  distance,
  fromLocal,
  routeLength,
  squareAround,
  toLocal,
} from './distance.ts';

const at = (latitude: number, longitude: number, altitude = 0): Position => ({
  latitude,
  longitude,
  altitude,
});
const anywhere = fc
  .tuple(evenly(-90, 90), evenly(-180, 180), evenly(0, 200))
  .map(([latitude, longitude, altitude]) => at(latitude, longitude, altitude));
const inhabited = fc
  .tuple(evenly(-65, 65), evenly(-180, 180))
  .map(([latitude, longitude]) => at(latitude, longitude));
const cityDistance = evenly(1, 30_000);
const direction = evenly(0, 360);

const turn = (a: number, b: number) => Math.abs(((a - b + 540) % 360) - 180);

describe('G1 against the geodesic', () => {
  test('distance and bearing at city scale', () => {
    fc.assert(
      fc.property(inhabited, cityDistance, direction, (from, metres, degrees) => {
        const end = Geodesic.WGS84.Direct(from.latitude, from.longitude, degrees, metres);
        const to = at(end.lat2 ?? Number.NaN, end.lon2 ?? Number.NaN);
        expect(Math.abs(distance(from, to) - metres) / metres).toBeLessThan(0.001);
        expect(turn(bearing(from, to), degrees)).toBeLessThan(0.4);
      }),
    );
  });

  test('destination', () => {
    fc.assert(
      fc.property(inhabited, cityDistance, direction, (from, metres, degrees) => {
        const end = destination(from, metres, degrees);
        const found = Geodesic.WGS84.Inverse(from.latitude, from.longitude, end.latitude, end.longitude);
        expect(Math.abs((found.s12 ?? Number.NaN) - metres) / metres).toBeLessThan(0.001);
      }),
    );
  });
});

test('G1 the longest way at a high latitude, in every direction', () => {
  const from = at(64, 25);
  for (let degrees = 0; degrees < 360; degrees += 15) {
    const end = destination(from, 30_000, degrees);
    const { s12 = Number.NaN } = Geodesic.WGS84.Inverse(64, 25, end.latitude, end.longitude);
    expect(Math.abs(s12 / 30_000 - 1)).toBeLessThan(0.001);
  }
});

describe('for every position', () => {
  test('results are finite and longitudes in range (G2)', () => {
    fc.assert(
      fc.property(anywhere, anywhere, cityDistance, direction, (a, b, metres, degrees) => {
        expect(Number.isFinite(distance(a, b))).toBe(true);
        expect(bearing(a, b)).toBeGreaterThanOrEqual(0);
        expect(bearing(a, b)).toBeLessThan(360);
        const end = destination(a, metres, degrees);
        expect(Math.abs(end.longitude)).toBeLessThanOrEqual(180);
        expect(Math.abs(end.latitude)).toBeLessThanOrEqual(90);
      }),
    );
  });

  test('distance is symmetric, and 0 to itself', () => {
    fc.assert(
      fc.property(anywhere, anywhere, (a, b) => {
        expect(distance(a, b)).toBeCloseTo(distance(b, a), 6);
        expect(distance(a, a)).toBe(0);
      }),
    );
  });

  test('local metres and back (G3)', () => {
    fc.assert(
      fc.property(inhabited, evenly(-9000, 9000), evenly(-9000, 9000), (origin, east, north) => {
        const found = toLocal(origin, fromLocal(origin, { east, north, up: 12 }));
        expect(found.east).toBeCloseTo(east, 5);
        expect(found.north).toBeCloseTo(north, 5);
        expect(found.up).toBeCloseTo(12, 9);
      }),
    );
  });

  test('metres east, north and up are those of the map', () => {
    const [origin, place] = [at(47.6, -122.3, 20), at(47.61, -122.29, 50)];
    const { east, north, up } = toLocal(origin, place);
    expect(up).toBe(30);
    expect(Math.hypot(east, north) / distance(origin, place)).toBeCloseTo(1, 3);
    expect(turn((Math.atan2(east, north) * 180) / Math.PI, bearing(origin, place))).toBeLessThan(0.1);
  });

  test('G2 a longitude in range is answered as it is, and one beyond it by a turn', () => {
    const longitude = evenly(-180, 180);
    fc.assert(
      fc.property(longitude, longitude, (a, b) => {
        // + 0 makes of -0 what it is on a map: 0.
        expect(between(at(1, a), at(1, b), 0).longitude + 0).toBe(a + 0);
      }),
    );
    expect(between(at(0, 180), at(0, 180), 0.5).longitude).toBe(180);
    expect(destination(at(0, 180), 1_000, 90).longitude).toBeCloseTo(-179.991, 3);
    expect(destination(at(0, -180), 1_000, 270).longitude).toBeCloseTo(179.991, 3);
  });

  test('G2 at the poles, too', () => {
    for (const pole of [at(90, 10), at(-90, 10)]) {
      for (const metres of [0, 1_000]) {
        const end = destination(pole, metres, 90);
        expect([end.latitude, end.longitude].every(Number.isFinite)).toBe(true);
        const around = Object.values(squareAround(pole, metres));
        expect(around.every(Number.isFinite)).toBe(true);
      }
    }
  });

  test('the date line is a place like any other', () => {
    expect(distance(at(0, 179.999), at(0, -179.999))).toBeLessThan(300);
    expect(bearing(at(0, 179.999), at(0, -179.999))).toBeCloseTo(90, 3);
    expect(Math.abs(between(at(0, 179.99), at(0, -179.99), 0.5).longitude)).toBeCloseTo(180, 6);
  });
});

describe('a square around a place', () => {
  const holds = (square: ReturnType<typeof squareAround>, { latitude, longitude }: Position) => {
    const { south, north, west, east } = square;
    const beside =
      west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east;
    return latitude >= south && latitude <= north && beside;
  };

  test('holds every place of the circle, at the date line and near the poles, too', () => {
    fc.assert(
      fc.property(anywhere, cityDistance, direction, (centre, radius, degrees) => {
        const end = Geodesic.WGS84.Direct(centre.latitude, centre.longitude, degrees, radius * 0.999);
        const place = at(end.lat2 ?? Number.NaN, end.lon2 ?? Number.NaN);
        expect(holds(squareAround(centre, radius), place)).toBe(true);
      }),
    );
  });

  test('is hardly larger than the circle where people live', () => {
    fc.assert(
      fc.property(inhabited, cityDistance, (centre, radius) => {
        const square = squareAround(centre, radius);
        expect(distance(centre, { ...centre, latitude: square.north }) / radius).toBeLessThan(1.02);
        expect(distance(centre, { ...centre, latitude: square.south }) / radius).toBeLessThan(1.02);
        expect(distance(centre, { ...centre, longitude: square.east }) / radius).toBeLessThan(1.03);
        expect(distance(centre, { ...centre, longitude: square.west }) / radius).toBeLessThan(1.03);
      }),
    );
  });

  test('that reaches a pole has all longitudes', () => {
    expect(squareAround(at(89.99, 50), 5_000)).toMatchObject({ north: 90, west: -180, east: 180 });
    expect(squareAround(at(-89.99, 50), 5_000)).toMatchObject({ south: -90, west: -180, east: 180 });
  });
});

describe('routes', () => {
  const route = [at(47.6, -122.3, 0), at(47.61, -122.3, 100), at(47.61, -122.28, 100)];

  test('length is the sum of the parts', () => {
    expect(routeLength(route)).toBeCloseTo(1111.8 + 1504, -1);
    expect(routeLength([])).toBe(0);
    expect(routeLength(route.slice(0, 1))).toBe(0);
  });

  test('a point after a number of metres', () => {
    const half = alongRoute(route, 555.9);
    expect(half.latitude).toBeCloseTo(47.605, 4);
    expect(half.altitude).toBeCloseTo(50, 0);
    expect(alongRoute(route, -5)).toEqual(route[0]);
    expect(alongRoute(route, 1e6)).toEqual(route[2]);
    expect(alongRoute(route, 0)).toEqual(route[0]);
    expect(() => alongRoute([], 1)).toThrow(new RangeError('a route needs at least one point'));
  });

  test('a point of a later part is as far along the route as was asked for', () => {
    const length = routeLength(route);
    fc.assert(
      fc.property(evenly(1_120, 2_600), (metres) => {
        const point = alongRoute(route, metres);
        expect(distance(point, route[2] as Position)).toBeCloseTo(length - metres, 1);
        expect(point.altitude).toBe(100);
      }),
    );
  });

  test('the way to a point along the route has the length that was asked for', () => {
    fc.assert(
      fc.property(evenly(0, 1100), (metres) => {
        expect(distance(route[0] as Position, alongRoute(route, metres))).toBeCloseTo(metres, 1);
      }),
    );
  });
});
