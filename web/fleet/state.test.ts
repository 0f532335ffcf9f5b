import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLIGHT_MODES } from '../../shared/contracts/common.ts';
import { FLIGHT_LEGS } from '../../shared/contracts/flight.ts';
import {
  activity,
  counts,
  FILTERS,
  type Filter,
  type FleetDrone,
  listed,
  orderOf,
  sceneDrones,
  skewOf,
  toneOf,
} from './state.ts';

const listedNow = (drones: readonly FleetDrone[], filter: Filter) =>
  listed(drones, filter, orderOf(drones.map(({ droneId }) => droneId)));

const TIME = '2026-11-28T12:00:00.000Z';

function drone(change: Partial<FleetDrone> = {}): FleetDrone {
  return {
    droneId: 'drone-1',
    time: TIME,
    position: { latitude: 47.6, longitude: -122.3, altitude: 0 },
    heading: 90,
    battery: 0.8,
    flightMode: 'Ready',
    leg: 'Idle',
    link: 'live',
    ...change,
  };
}

const anyDrone = fc
  .record({
    droneId: fc.integer({ min: 1, max: 5_000 }).map((number) => `drone-${number}`),
    leg: fc.constantFrom(...FLIGHT_LEGS),
    flightMode: fc.constantFrom(...FLIGHT_MODES),
    link: fc.constantFrom('live' as const, 'lost' as const),
  })
  .map(drone);

test('a drone is lost, on base, or at work', () => {
  expect(toneOf(drone())).toBe('idle');
  expect(toneOf(drone({ link: 'lost' }))).toBe('lost');
  expect(toneOf(drone({ leg: 'ToPickup', flightMode: 'Inflight' }))).toBe('flying');
  expect(toneOf(drone({ flightMode: 'Takeoff' }))).toBe('flying');
});

test('the counts are those of the lists, and all is their sum', () => {
  fc.assert(
    fc.property(fc.array(anyDrone, { maxLength: 40 }), (drones) => {
      const count = counts(drones);
      for (const filter of FILTERS) expect(listedNow(drones, filter)).toHaveLength(count[filter]);
      expect(count.flying + count.idle + count.lost).toBe(count.all);
    }),
  );
});

test('lost drones come first, then those at work, each by its number', () => {
  const drones = [
    drone({ droneId: 'drone-10' }),
    drone({ droneId: 'drone-9' }),
    drone({ droneId: 'drone-3', leg: 'ToBase' }),
    drone({ droneId: 'drone-7', link: 'lost' }),
  ];
  expect(listedNow(drones, 'all').map(({ droneId }) => droneId)).toEqual([
    'drone-7',
    'drone-3',
    'drone-9',
    'drone-10',
  ]);
  expect(listedNow(drones, 'idle').map(({ droneId }) => droneId)).toEqual(['drone-9', 'drone-10']);
  expect(drones[0]?.droneId).toBe('drone-10');
});

test('each leg has words; contact comes first', () => {
  expect(new Set(FLIGHT_LEGS.map((leg) => activity(drone({ leg })))).size).toBe(FLIGHT_LEGS.length);
  expect(activity(drone({ leg: 'ToBase', link: 'lost' }))).toBe('Out of contact');
});

test('on the map times are ours, and all is grey when the page hears nothing (D14)', () => {
  const drones = [drone(), drone({ droneId: 'drone-2', link: 'lost' })];
  expect(sceneDrones(drones, { skew: 500, isStale: false }).map(({ tone }) => tone)).toEqual([
    'idle',
    'lost',
  ]);
  const [first, second] = sceneDrones(drones, { skew: 500, isStale: true });
  expect(first).toMatchObject({ id: 'drone-1', takenAt: Date.parse(TIME) + 500, tone: 'stale', heading: 90 });
  expect(second?.tone).toBe('stale');
});

test('the skew is that of the newest sample of a drone in contact', () => {
  const now = Date.parse(TIME) + 10_000;
  const old = drone({ time: '2026-11-28T11:59:00.000Z' });
  const ahead = drone({ time: '2026-11-28T13:00:00.000Z', link: 'lost' });
  expect(skewOf([old, drone(), ahead], now)).toBe(10_000);
  expect(skewOf([ahead], now)).toBe(0);
  expect(skewOf([], now)).toBe(0);
});
