import { expect, test } from 'vitest';
import { DROPOFF, delivery, ms, PICKUP, position, withFrames } from './delivery.fixture.ts';
import { sceneOf } from './scene.ts';

const flying = withFrames(delivery({}, 2), { type: 'position', position: position() });
const NOW = ms(21);

test('before a drone is seen: the places', () => {
  expect(sceneOf(delivery(), NOW)).toEqual({ pickup: PICKUP, dropoff: DROPOFF });
});

test('a drone heads for the pickup until it is loaded, then for the dropoff', () => {
  expect(sceneOf(flying, NOW)).toMatchObject({
    heading: 'pickup',
    drone: { id: 'd1', tone: 'flying', heading: 90 },
  });
  const loaded = withFrames(flying, { type: 'position', position: position({ leg: 'ToDropoff' }) });
  expect(sceneOf(loaded, NOW).heading).toBe('dropoff');
  expect(sceneOf(withFrames(delivery({}, 3), { type: 'position', position: position() }), NOW).heading).toBe(
    'dropoff',
  );
});

test('a drone out of contact is lost; one of which the page hears nothing is stale (D14)', () => {
  const lost = withFrames(flying, { type: 'link', state: 'lost', at: '' });
  expect(sceneOf(lost, NOW).drone?.tone).toBe('lost');
  expect(sceneOf(flying, ms(20) + 15_000).drone?.tone).toBe('stale');
});

test('an ended delivery has no drone', () => {
  const ended = withFrames(flying, { type: 'end', stage: 'Completed', at: '' });
  expect(sceneOf(ended, NOW)).toEqual({ pickup: PICKUP, dropoff: DROPOFF });
});
