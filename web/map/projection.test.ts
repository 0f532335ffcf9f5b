import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distance } from '../../shared/geo/distance.ts';
import { type Box, projectionOf } from './projection.ts';

const BOX: Box = [-122.37, 47.56, -122.25, 47.65];
const { toPoint, toPosition } = projectionOf(BOX);
const position = fc.record({
  longitude: fc.double({ min: BOX[0], max: BOX[2], noNaN: true }),
  latitude: fc.double({ min: BOX[1], max: BOX[3], noNaN: true }),
});

test('a point leads back to its position', () => {
  fc.assert(
    fc.property(position, ({ longitude, latitude }) => {
      const back = toPosition(toPoint(longitude, latitude));
      expect(back.longitude).toBeCloseTo(longitude, 9);
      expect(back.latitude).toBeCloseTo(latitude, 9);
      expect(back.altitude).toBe(0);
    }),
  );
});

test('a metre is a metre: within a part in a thousand of the distance on the ellipsoid', () => {
  fc.assert(
    fc.property(position, position, (a, b) => {
      const [from, to] = [toPoint(a.longitude, a.latitude), toPoint(b.longitude, b.latitude)];
      const onGround = distance({ ...a, altitude: 0 }, { ...b, altitude: 0 });
      const drawn = Math.hypot(from.x - to.x, from.y - to.y);
      expect(Math.abs(drawn - onGround)).toBeLessThan(0.001 * onGround + 0.01);
    }),
  );
});

test('north is up and east is right, as the screen counts', () => {
  const middle = toPoint(-122.31, 47.605);
  expect(middle.x).toBeCloseTo(0, 6);
  expect(middle.y).toBeCloseTo(0, 6);
  expect(toPoint(-122.31, 47.61).y).toBeLessThan(0);
  expect(toPoint(-122.3, 47.605).x).toBeGreaterThan(0);
});
