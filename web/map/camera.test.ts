import fc from 'fast-check';
import { expect, test } from 'vitest';
import { between, type Camera, fitted, isShown, moved, toGround, toScreen, zoomed } from './camera.ts';

const SIZE = { width: 800, height: 600 };
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const point = fc.record({ x: number(-9_000, 9_000), y: number(-9_000, 9_000) });
const pixel = fc.record({ x: number(0, 800), y: number(0, 600) });
const camera: fc.Arbitrary<Camera> = fc.record({
  x: number(-9_000, 9_000),
  y: number(-9_000, 9_000),
  scale: number(0.02, 2),
});

const near = (a: { x: number; y: number }, b: { x: number; y: number }, digits = 6) => {
  expect(a.x).toBeCloseTo(b.x, digits);
  expect(a.y).toBeCloseTo(b.y, digits);
};

test('screen and ground are each other’s inverse', () => {
  fc.assert(
    fc.property(camera, pixel, (camera, at) => near(toScreen(camera, SIZE, toGround(camera, SIZE, at)), at)),
  );
  expect(toScreen({ x: 100, y: 50, scale: 2 }, SIZE, { x: 100, y: 50 })).toEqual({ x: 400, y: 300 });
  expect(toScreen({ x: 0, y: 0, scale: 2 }, SIZE, { x: 10, y: -10 })).toEqual({ x: 420, y: 280 });
});

test('a drag moves each point of the ground with the finger', () => {
  fc.assert(
    fc.property(camera, point, number(-300, 300), number(-300, 300), (camera, at, dx, dy) => {
      const before = toScreen(camera, SIZE, at);
      near(toScreen(moved(camera, dx, dy), SIZE, at), { x: before.x + dx, y: before.y + dy });
    }),
  );
});

test('a zoom keeps the point under the finger, and its scale within bounds', () => {
  fc.assert(
    fc.property(camera, pixel, number(0.01, 100), (camera, at, factor) => {
      const next = zoomed(camera, SIZE, factor, at);
      near(toGround(next, SIZE, at), toGround(camera, SIZE, at), 4);
      expect(next.scale).toBeGreaterThanOrEqual(0.02);
      expect(next.scale).toBeLessThanOrEqual(2);
    }),
  );
});

test('a fit shows all points with its margin, in the middle, and no closer than it may', () => {
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 6 }), (points) => {
      const camera = fitted(points, SIZE, 64);
      expect(camera.scale).toBeLessThanOrEqual(0.35);
      // From 15 km on the least scale wins over the margin; these points are within 18 km.
      if (camera.scale > 0.02)
        for (const each of points) expect(isShown(camera, SIZE, each, 63.999)).toBe(true);
    }),
  );
  expect(fitted([{ x: 7, y: 9 }], SIZE, 64)).toEqual({ x: 7, y: 9, scale: 0.35 });
  expect(fitted([{ x: 7, y: 9 }], SIZE, 64, 1).scale).toBe(1);
  expect(
    fitted(
      [
        { x: 0, y: 0 },
        { x: 1e6, y: 0 },
      ],
      SIZE,
      64,
    ).scale,
  ).toBe(0.02);
  expect(
    fitted(
      [
        { x: 0, y: 0 },
        { x: 9, y: 9 },
      ],
      { width: 1, height: 1 },
      64,
    ).scale,
  ).toBeGreaterThan(0);
});

test('a point is shown up to the margin from the edge; a margin below 0 counts the outside, too', () => {
  const camera = { x: 0, y: 0, scale: 1 };
  expect(isShown(camera, SIZE, { x: 399, y: 0 }, 0)).toBe(true);
  expect(isShown(camera, SIZE, { x: 399, y: 0 }, 2)).toBe(false);
  expect(isShown(camera, SIZE, { x: 410, y: 0 }, -20)).toBe(true);
  expect(isShown(camera, SIZE, { x: 0, y: -301 }, 0)).toBe(false);
});

test('between two cameras: begins and ends exactly, zooms by factors, never leaves the two scales', () => {
  fc.assert(
    fc.property(camera, camera, number(0, 1), (from, to, share) => {
      const scale = between(from, to, share).scale;
      expect(scale).toBeGreaterThanOrEqual(Math.min(from.scale, to.scale) - 1e-9);
      expect(scale).toBeLessThanOrEqual(Math.max(from.scale, to.scale) + 1e-9);
      near(between(from, to, 0), from);
      near(between(from, to, 1), to);
    }),
  );
  expect(between({ x: 0, y: 0, scale: 0.1 }, { x: 0, y: 0, scale: 0.4 }, 0.5).scale).toBeCloseTo(0.2);
});
