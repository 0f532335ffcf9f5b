import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isShown } from './camera.ts';
import {
  advance,
  type Direction,
  follow,
  look,
  moveByHand,
  recenter,
  resize,
  START,
  type View,
} from './camera-director.ts';

const SIZE = { width: 800, height: 600 };
const NEAR = [
  { x: 0, y: 0 },
  { x: 1_000, y: 500 },
];
const FAR = [
  { x: 5_000, y: -3_000 },
  { x: 9_000, y: 2_000 },
];
const viewOf = (focus: View['focus'], change: Partial<View> = {}): View => ({
  focus,
  size: SIZE,
  isStill: false,
  ...change,
});
const settled = resize(START, viewOf(NEAR));
const point = fc.record({
  x: fc.integer({ min: -9_000, max: 9_000 }),
  y: fc.integer({ min: -9_000, max: 9_000 }),
});

/** Plays a glide in steps of a frame; the last direction, and the largest step on the screen in pixels. */
function play(direction: Direction, from: number) {
  let [current, largest, now] = [direction, 0, from];
  while (current.glide) {
    now += 16;
    const next = advance(current, now);
    const step = Math.hypot(next.camera.x - current.camera.x, next.camera.y - current.camera.y);
    largest = Math.max(largest, step * Math.min(next.camera.scale, current.camera.scale));
    current = next;
  }
  return { current, largest };
}

describe('D1 the camera glides', () => {
  test('to its goal, exactly, without a jump', () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 4 }), (focus) => {
        const began = recenter(settled, viewOf(focus), 1_000);
        expect(began.camera).toBe(settled.camera);
        const { current, largest } = play(began, 1_000);
        expect(current.camera).toEqual(began.glide?.to);
        const way = Math.hypot(current.camera.x - settled.camera.x, current.camera.y - settled.camera.y);
        expect(largest).toBeLessThanOrEqual(
          0.05 * way * Math.max(settled.camera.scale, current.camera.scale) + 1,
        );
        for (const each of focus) expect(isShown(current.camera, SIZE, each, 0)).toBe(true);
      }),
    );
  });

  test('but stands at its goal at once where motion is not wanted', () => {
    const still = recenter(settled, viewOf(FAR, { isStill: true }), 1_000);
    expect(still.glide).toBeUndefined();
    expect(still.camera).toEqual(play(recenter(settled, viewOf(FAR), 0), 0).current.camera);
  });

  test('a resize fits at once', () => {
    const gliding = recenter(settled, viewOf(FAR), 0);
    const resized = resize(gliding, viewOf(FAR, { size: { width: 390, height: 300 } }));
    expect(resized.glide).toBeUndefined();
    for (const each of FAR) expect(isShown(resized.camera, { width: 390, height: 300 }, each, 0)).toBe(true);
  });
});

describe('D2 it moves only when the focus fits badly', () => {
  test('a focus that moved by some metres changes nothing, whenever it is looked at', () => {
    fc.assert(
      fc.property(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 0, max: 100_000 }), (metres, now) => {
        const moved = NEAR.map(({ x, y }) => ({ x: x + metres, y }));
        const looked = look(settled, viewOf(moved), now);
        expect(looked).toEqual({ ...settled, lookedAt: now });
      }),
    );
  });

  test('another focus is glided to', () => {
    expect(look(settled, viewOf(FAR), 5).glide?.to).not.toEqual(settled.camera);
  });

  test('it looks every three seconds, and at once when the drone has left the screen', () => {
    const at = { ...settled, lookedAt: 10_000 };
    expect(follow(at, viewOf(FAR), NEAR[0], 12_000)).toBe(at);
    expect(follow(at, viewOf(FAR), NEAR[0], 13_001).glide).toBeDefined();
    expect(follow(at, viewOf(FAR), FAR[1], 10_001).glide).toBeDefined();
    expect(follow(at, viewOf(FAR), undefined, 10_001)).toBe(at);
  });

  test('a drone that has left the screen is shown again, however well the rest fits', () => {
    // A little beyond the edge: the best fit differs by less than the tolerance.
    const edge = { x: settled.camera.x - 400 / settled.camera.scale - 5, y: 0 };
    const looked = look(settled, viewOf([...NEAR, edge]), 0);
    const followed = follow(settled, viewOf([...NEAR, edge]), edge, 0);
    expect(isShown(play(followed, 0).current.camera, SIZE, edge, 24)).toBe(true);
    expect(looked.glide === undefined || followed.glide !== undefined).toBe(true);
  });

  test('it does not turn again while it glides', () => {
    const gliding = recenter(settled, viewOf(FAR), 0);
    expect(follow(gliding, viewOf(NEAR), FAR[1], 60_000)).toBe(gliding);
  });
});

describe('D3 a map that was moved by hand stays', () => {
  const hand = { x: 77, y: -3, scale: 0.5 };

  test('through scenes, time and resizes, also when a glide was under way', () => {
    const moved = moveByHand(recenter(settled, viewOf(FAR), 0), hand);
    expect(advance(moved, 60_000).camera).toEqual(hand);
    expect(follow(moved, viewOf(FAR), FAR[1], 60_000)).toBe(moved);
    expect(resize(moved, viewOf(FAR)).camera).toEqual(hand);
  });

  test('until it is recentred', () => {
    const again = recenter(moveByHand(settled, hand), viewOf(NEAR), 0);
    expect(again.isFollowing).toBe(true);
    expect(play(again, 0).current.camera).toEqual(settled.camera);
  });
});
