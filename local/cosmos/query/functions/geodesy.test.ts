import { Geodesic } from 'geographiclib-geodesic';
import { describe, expect, test } from 'vitest';
import { distance, type Pair, ringArea } from './geodesy.ts';

describe('G1 a distance is that of the geodesic', () => {
  test.each<[string, Pair, Pair, number]>([
    ['the same point', [8, 47], [8, 47], 0],
    ['nearly opposite points on both sides of the equator', [0, 0], [179.7, 0.5], 19_944_127],
    ['opposite points, over a pole', [0, 0], [180, 0], 20_003_931],
    ['pole to pole', [0, -90], [0, 90], 20_003_931],
    ['one degree of the equator', [0, 0], [1, 0], 111_319],
    ['across the antimeridian', [179.5, 0], [-179.5, 0], 111_319],
  ])('%s', (_, from, to, metres) => {
    expect(Math.round(distance(from, to))).toBe(metres);
    expect(distance(to, from)).toBeCloseTo(distance(from, to), 6);
  });
});

describe('G2 an area is that of the sphere of equal area', () => {
  const square = (side: number): Pair[] => [
    [0, 0],
    [side, 0],
    [side, side],
    [0, side],
    [0, 0],
  ];

  test('in both directions, and near to the area between geodesics for a square of 20 degrees', () => {
    const polygon = Geodesic.WGS84.Polygon(false);
    for (const [longitude, latitude] of square(20).slice(1)) polygon.AddPoint(latitude, longitude);
    const exact = polygon.Compute(false, true).area as number;
    expect(Math.round(exact)).toBe(4_870_793_636_822);
    expect(Math.abs(ringArea(square(20)) / exact - 1)).toBeLessThan(1e-4);
    expect(ringArea(square(20).toReversed())).toBeCloseTo(ringArea(square(20)), 3);
  });

  test('an eighth of the ellipsoid, to a millionth of its surface', () => {
    const eighth: Pair[] = [
      [0, 0],
      [90, 0],
      [90, 90],
      [0, 90],
      [0, 0],
    ];
    expect(ringArea(eighth) / (510_065_621_724_089 / 8)).toBeCloseTo(1, 6);
  });
});
