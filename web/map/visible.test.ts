import { expect, test } from 'vitest';
import type { SceneDrone } from './scene.ts';
import { HEADINGS, headingStep } from './sprites.ts';
import { droneAt, visible } from './visible.ts';

const SIZE = { width: 800, height: 600 };
const CAMERA = { x: 0, y: 0, scale: 1 };

const sceneDrone = (id: string, tone: SceneDrone['tone']): SceneDrone => ({
  id,
  tone,
  takenAt: 0,
  heading: 0,
  position: { latitude: 0, longitude: 0, altitude: 0 },
});

function fleetOf(places: Readonly<Record<string, readonly [number, number, SceneDrone['tone']]>>) {
  const fleet = Object.entries(places).map(([id, [, , tone]]) => sceneDrone(id, tone));
  const drawn = (id: string) => {
    const [x, y] = places[id] ?? [];
    return x === undefined || y === undefined ? undefined : { point: { x, y }, heading: 0 };
  };
  return visible(fleet, { drawn }, CAMERA, SIZE, 0);
}

test('shows what is on the screen, and what sticks into it; not what is elsewhere or unknown', () => {
  const shown = fleetOf({ in: [0, 0, 'idle'], edge: [415, 0, 'idle'], out: [425, 0, 'idle'] });
  expect(shown.map(({ id }) => id)).toEqual(['in', 'edge']);
  expect(visible([sceneDrone('new', 'idle')], { drawn: () => undefined }, CAMERA, SIZE, 0)).toEqual([]);
});

test('drones in the air are painted last, on top of those on base', () => {
  const shown = fleetOf({ f: [0, 0, 'flying'], l: [0, 0, 'lost'], i: [0, 0, 'idle'], s: [0, 0, 'stale'] });
  expect(shown.map(({ id }) => id)).toEqual(['i', 's', 'l', 'f']);
});

test('a click means the nearest drone, but one in the air before those on base', () => {
  const shown = fleetOf({ near: [3, 0, 'idle'], far: [10, 0, 'flying'], farther: [15, 0, 'flying'] });
  const middle = { x: 400, y: 300 };
  expect(droneAt(middle, shown, CAMERA, SIZE)).toBe('far');
  expect(droneAt(middle, shown.slice(0, 1), CAMERA, SIZE)).toBe('near');
  expect(droneAt({ x: 440, y: 300 }, shown, CAMERA, SIZE)).toBeUndefined();
});

test('a heading takes the nearest painted picture, over north and in any turn', () => {
  const step = 360 / HEADINGS;
  for (let index = 0; index < HEADINGS; index += 1) {
    expect(headingStep(index * step)).toBe(index);
    expect(headingStep(index * step - 360)).toBe(index);
    expect(headingStep(index * step + step * 0.4)).toBe(index);
  }
  expect(headingStep(359.9)).toBe(0);
});
