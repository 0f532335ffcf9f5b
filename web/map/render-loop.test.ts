import { expect, test } from 'vitest';
import { createRenderLoop } from './render-loop.ts';

/** A screen of 60 frames a second whose time the test moves. */
function createScreen({ shortest = 0 } = {}) {
  let [time, frames, isMoving] = [0, 0, false];
  let callback: (() => void) | undefined;
  const paints: number[] = [];
  const loop = createRenderLoop({
    paint: (now) => {
      paints.push(now);
      return isMoving;
    },
    shortestMs: () => shortest,
    now: () => time,
    requestFrame: (next) => {
      callback = next;
      frames += 1;
      return frames;
    },
    cancelFrame: () => {
      callback = undefined;
    },
  });
  const pass = (ms: number) => {
    for (const end = time + ms; time < end; ) {
      time += 16;
      const due = callback;
      callback = undefined;
      due?.();
    }
  };
  const move = (moves: boolean) => {
    isMoving = moves;
  };
  return { loop, paints, pass, move, frames: () => frames };
}

test('L1 sleeps while nothing moves, and draws once for many wakes in one frame', () => {
  const { loop, paints, pass, frames } = createScreen();
  pass(500);
  expect(frames()).toBe(0);
  loop.wake();
  loop.wake();
  pass(500);
  expect([paints.length, frames()]).toEqual([1, 1]);
});

test('L1 draws each frame while something moves, then sleeps', () => {
  const { loop, paints, pass, move, frames } = createScreen();
  move(true);
  loop.wake();
  pass(160);
  expect(paints.length).toBe(10);
  move(false);
  pass(1_600);
  expect(paints.length).toBe(11);
  expect(frames()).toBe(11);
});

test('L2 with reduced motion it draws once a second, and at once when that is urgent', () => {
  const { loop, paints, pass, move } = createScreen({ shortest: 1_000 });
  move(true);
  loop.wake();
  pass(3_200);
  expect(paints.length).toBe(4);
  loop.wake(true);
  pass(16);
  expect(paints.length).toBe(5);
});

test('a closed loop draws nothing more', () => {
  const { loop, paints, pass } = createScreen();
  loop.wake();
  loop.close();
  loop.wake();
  pass(100);
  expect(paints).toEqual([]);
});
