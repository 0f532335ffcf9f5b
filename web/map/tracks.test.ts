import { expect, test } from 'vitest';
import { projectionOf } from './projection.ts';
import type { SceneDrone } from './scene.ts';
import { createTracks } from './tracks.ts';

const projection = projectionOf([-122.37, 47.56, -122.25, 47.65]);

/** A drone this many metres east of the city's middle. */
function drone(takenAt: number, east: number, change: Partial<SceneDrone> = {}): SceneDrone {
  const position = projection.toPosition({ x: east, y: 0 });
  return { id: 'drone-1', takenAt, position, heading: 90, tone: 'flying', ...change };
}

function play(samples: readonly SceneDrone[], timeScale = 1) {
  const tracks = createTracks(projection, { timeScale });
  for (const sample of samples) tracks.update([sample], sample.takenAt);
  return tracks;
}

test('without a velocity, speed comes from two samples', () => {
  const tracks = play([drone(0, 0), drone(1_000, 20)]);
  // 0.4 s later the correction has faded and the drone is reckoned ahead.
  expect(tracks.drawn('drone-1', 1_500)?.point.x).toBeCloseTo(30, 3);
});

test('a velocity that was sent is taken, scaled to the time of the screen; north is up', () => {
  const tracks = play([drone(0, 0, { velocity: { north: 3, east: 4 } })], 2);
  const point = tracks.drawn('drone-1', 500)?.point;
  expect(point?.x).toBeCloseTo(4, 6);
  expect(point?.y).toBeCloseTo(-3, 6);
});

test('two samples that are too close, or too far apart, say nothing of the speed', () => {
  const close = play([drone(0, 0), drone(1_000, 20), drone(1_100, 90)]);
  expect(close.drawn('drone-1', 2_100)?.point.x).toBeCloseTo(90 + 20, 3);
  const far = play([drone(0, 0), drone(60_000, 100)]);
  expect(far.drawn('drone-1', 61_000)?.point.x).toBeCloseTo(100, 3);
});

test('an idle drone stands still, for any last samples', () => {
  const tracks = play([drone(0, 0), drone(1_000, 20), drone(2_000, 21, { tone: 'idle' })]);
  expect(tracks.drawn('drone-1', 3_000)?.point.x).toBeCloseTo(21, 3);
});

test('the same sample again changes nothing', () => {
  const tracks = play([drone(0, 0), drone(1_000, 20)]);
  const before = tracks.drawn('drone-1', 1_200);
  tracks.update([drone(1_000, 500)], 1_200);
  expect(tracks.drawn('drone-1', 1_200)).toEqual(before);
});

test('a drone that is no longer in the scene is forgotten', () => {
  const tracks = play([drone(0, 0)]);
  tracks.update([{ ...drone(0, 0), id: 'drone-2' }], 10);
  expect(tracks.drawn('drone-1', 10)).toBeUndefined();
  expect(tracks.drawn('drone-2', 10)).toBeDefined();
});

test('something moves while one drone does', () => {
  const tracks = createTracks(projection, { timeScale: 1 });
  const standing = { ...drone(0, 0), id: 'drone-2', tone: 'idle' as const };
  tracks.update([drone(0, 0, { velocity: { north: 0, east: 10 } }), standing], 0);
  expect(tracks.isMoving(2_000)).toBe(true);
  expect(tracks.isMoving(4_000)).toBe(false);
});
