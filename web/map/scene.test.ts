import { expect, test } from 'vitest';
import { projectionOf } from './projection.ts';
import { EMPTY_SCENE, focusOf, type Scene, sceneKey } from './scene.ts';

const projection = projectionOf([-1, -1, 1, 1]);
const [pickup, dropoff, base] = [0.1, 0.2, 0.3].map((longitude) => ({ longitude, latitude: 0, altitude: 0 }));
const drone = {
  id: 'd',
  takenAt: 0,
  heading: 0,
  tone: 'flying' as const,
  position: { latitude: 0.5, longitude: 0, altitude: 9 },
};
const scene: Scene = { pickup, dropoff, base, drone, heading: 'pickup' };

const focus = (scene: Scene, drawn: Readonly<Record<string, { x: number; y: number }>> = {}) =>
  focusOf(scene, (id) => (id === undefined ? undefined : drawn[id]), projection).map(({ x }) =>
    Math.round(x),
  );

test('the camera shows the drone and the places that are still to come', () => {
  const [p, d] = [0.1, 0.2].map((longitude) => Math.round(projection.toPoint(longitude, 0).x));
  expect(focus(scene, { d: { x: 7, y: 7 } })).toEqual([7, p, d]);
  expect(focus({ ...scene, heading: 'dropoff' }, { d: { x: 7, y: 7 } })).toEqual([7, d]);
  expect(focus({ selected: 'e' }, { e: { x: 5, y: 5 } })).toEqual([5]);
  expect(focus(EMPTY_SCENE)).toEqual([]);
});

test('it looks again for another place, leg, drone or selection, not for each sample', () => {
  const moved = { ...scene, drone: { ...drone, takenAt: 9, position: { ...drone.position, latitude: 0.6 } } };
  expect(sceneKey(moved)).toBe(sceneKey(scene));
  const changes: Scene[] = [
    { heading: 'dropoff' },
    { pickup: dropoff },
    { selected: 'e' },
    { drone: undefined },
  ];
  for (const change of changes) expect(sceneKey({ ...scene, ...change })).not.toBe(sceneKey(scene));
});
