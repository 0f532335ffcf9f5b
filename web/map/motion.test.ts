import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawn, isMoving, type Motion, observe, type Sample } from './motion.ts';

const REAL = { timeScale: 1 };
const still = { x: 0, y: 0 };

const coordinate = fc.double({ min: -60, max: 60, noNaN: true });
const vector = fc.record({ x: coordinate, y: coordinate });
const heading = fc.double({ min: 0, max: 359, noNaN: true });
/** A sample that comes some time after the one before, with an age. */
const arrival = fc.record({
  after: fc.integer({ min: 50, max: 4_000 }),
  age: fc.integer({ min: 0, max: 1_500 }),
  point: vector,
  velocity: fc.record({ x: fc.integer({ min: -20, max: 20 }), y: fc.integer({ min: -20, max: 20 }) }),
  heading,
});

function sampleAt(at: number, change: Partial<Sample> = {}): Sample {
  return { at, point: still, velocity: still, heading: 0, ...change };
}

describe('M1 what is drawn is continuous', () => {
  test('no sample, however late or wrong, moves the drone at the moment it comes, unless it is 200 m off', () => {
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 2, maxLength: 12 }), (arrivals) => {
        let motion: Motion | undefined;
        let now = 1_000_000;
        for (const { after, age, ...rest } of arrivals) {
          now += after;
          const before = motion && drawn(motion, now, REAL);
          const sample = { at: now - age, ...rest };
          const isStale = motion !== undefined && sample.at < motion.sample.at;
          motion = observe(motion, sample, now, REAL);
          const next = drawn(motion, now, REAL);
          if (!before) continue;
          const reckoned = drawn(observe(undefined, sample, now, REAL), now, REAL);
          const [x, y] = [before.point.x - reckoned.point.x, before.point.y - reckoned.point.y];
          if (!isStale && Math.hypot(x, y) > 200) {
            expect(next).toEqual(reckoned);
            continue;
          }
          expect(next.point.x).toBeCloseTo(before.point.x, 6);
          expect(next.point.y).toBeCloseTo(before.point.y, 6);
          expect(Math.cos(((next.heading - before.heading) * Math.PI) / 180)).toBeCloseTo(1, 6);
        }
      }),
    );
  });

  test('nor does any millisecond between: a step is at most the speed and the fading error', () => {
    fc.assert(
      fc.property(arrival, arrival, (first, second) => {
        const begin = observe(undefined, { at: 0, ...first }, first.age, REAL);
        const now = first.age + second.after;
        const motion = observe(begin, { at: now - second.age, ...second }, now, REAL);
        const error = Math.hypot(motion.error.x, motion.error.y);
        const speed = Math.hypot(motion.sample.velocity.x, motion.sample.velocity.y);
        for (let at = now; at < now + 500; at += 5) {
          const [a, b] = [drawn(motion, at, REAL).point, drawn(motion, at + 5, REAL).point];
          // The fading is steepest in its middle: 1.5 of its mean.
          const most = speed * 0.005 + (error * 1.5 * 5) / 400 + 1e-9;
          expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('the error has faded after 400 ms: then only the new sample counts', () => {
    const first = observe(undefined, sampleAt(0), 0, REAL);
    const motion = observe(first, sampleAt(1_000, { point: { x: 50, y: 0 } }), 1_000, REAL);
    expect(drawn(motion, 1_000, REAL).point.x).toBeCloseTo(0);
    expect(drawn(motion, 1_200, REAL).point.x).toBeCloseTo(25);
    expect(drawn(motion, 1_400, REAL).point.x).toBe(50);
  });

  test('an error of more than 200 m is no motion: the drone is where it is', () => {
    const first = observe(undefined, sampleAt(0), 0, REAL);
    const far = sampleAt(1_000, { point: { x: 201, y: 0 } });
    expect(drawn(observe(first, far, 1_000, REAL), 1_000, REAL).point.x).toBe(201);
    const fast = { timeScale: 10 };
    expect(drawn(observe(first, far, 1_000, fast), 1_000, fast).point.x).toBeCloseTo(0);
  });
});

describe('M2 it is reckoned ahead for 3 s at most', () => {
  const flying = observe(undefined, sampleAt(0, { velocity: { x: 10, y: -5 } }), 0, REAL);

  test('by its speed, then it stands', () => {
    expect(drawn(flying, 1_000, REAL).point).toEqual({ x: 10, y: -5 });
    expect(drawn(flying, 3_000, REAL).point).toEqual({ x: 30, y: -15 });
    expect(drawn(flying, 90_000, REAL).point).toEqual({ x: 30, y: -15 });
    expect(isMoving(flying, 2_999, REAL)).toBe(true);
    expect(isMoving(flying, 3_000, REAL)).toBe(false);
  });

  test('in fast time for less, because more happens in it', () => {
    const motion = observe(undefined, sampleAt(0, { velocity: { x: 100, y: 0 } }), 0, { timeScale: 30 });
    expect(drawn(motion, 60_000, { timeScale: 30 }).point.x).toBeCloseTo(60);
  });

  test('never backwards: a sample from the future stands where it is', () => {
    const motion = observe(undefined, sampleAt(5_000, { velocity: { x: 10, y: 0 } }), 0, REAL);
    expect(drawn(motion, 1_000, REAL).point).toEqual(still);
  });

  test('a drone that stands moves only while an error fades', () => {
    const standing = observe(undefined, sampleAt(0), 0, REAL);
    expect(isMoving(standing, 399, REAL)).toBe(true);
    expect(isMoving(standing, 400, REAL)).toBe(false);
  });
});

describe('M3 heading turns by the shorter way', () => {
  test('over north, and never by more than half a turn', () => {
    fc.assert(
      fc.property(heading, heading, (from, to) => {
        const first = observe(undefined, sampleAt(0, { heading: from }), 0, REAL);
        const motion = observe(first, sampleAt(1_000, { heading: to }), 1_000, REAL);
        expect(Math.abs(motion.headingError)).toBeLessThanOrEqual(180);
        expect(drawn(motion, 1_400, REAL).heading).toBeCloseTo(to, 6);
      }),
    );
    const first = observe(undefined, sampleAt(0, { heading: 350 }), 0, REAL);
    const motion = observe(first, sampleAt(1_000, { heading: 10 }), 1_000, REAL);
    expect(drawn(motion, 1_200, REAL).heading).toBeCloseTo(0);
  });
});

test('an older sample that comes late changes nothing', () => {
  const motion = observe(undefined, sampleAt(2_000), 2_000, REAL);
  expect(observe(motion, sampleAt(1_000, { point: { x: 9, y: 9 } }), 2_100, REAL)).toBe(motion);
});
