import fc from 'fast-check';
import { expect, test } from 'vitest';
import { destination, squareAround } from '../../shared/geo/distance.ts';
import { cellOf, cellsOf } from './place.ts';

const anywhere = fc.record({
  latitude: fc.double({ min: -85, max: 85, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  altitude: fc.constant(0),
});

test('the cells of a square are those of every place in it, each once, across the antimeridian too', () => {
  fc.assert(
    fc.property(
      anywhere,
      fc.double({ min: 1, max: 20_000, noNaN: true }),
      fc.double({ min: 0, max: 360, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (centre, radius, degrees, share) => {
        const cells = cellsOf(squareAround(centre, radius), 100_000) ?? [];
        expect(cells).toContain(cellOf(centre));
        expect(cells).toContain(cellOf(destination(centre, radius * share, degrees)));
        expect(new Set(cells).size).toBe(cells.length);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('a square with more cells than asked for has no list', () => {
  const centre = { latitude: 47.6, longitude: -122.3, altitude: 0 };
  expect(cellsOf(squareAround(centre, 200), 4)?.length).toBeLessThanOrEqual(4);
  expect(cellsOf(squareAround(centre, 50_000), 4)).toBeUndefined();
  expect(cellsOf({ south: -90, north: 90, west: -180, east: 180 }, 4)).toBeUndefined();
});
