import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { DROPOFF, PICKUP, sample } from './fleet.fixture.ts';
import { createDroneRepository, type DroneRepository } from './repository.ts';
import { createTelemetrySink } from './telemetry.ts';

let harness: Harness;
let real: DroneRepository;
let next = 0;
let requests: string[];

beforeAll(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  real = createDroneRepository(harness.database);
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(() => {
  requests = [];
});

const counted = (): DroneRepository => ({
  ...real,
  state: (droneId) => {
    requests.push('read');
    return real.state(droneId);
  },
  saveState: (...args) => {
    requests.push('write');
    return real.saveState(...args);
  },
});
const stored = async (droneId: string) => (await real.state(droneId))?.item;

/** A drone that was heard once, and a way to hear it again, a second later. */
async function heard() {
  const droneId = `drone-${++next}`;
  let seq = 1;
  const sink = createTelemetrySink(counted());
  const hear = (more: Partial<TelemetryRecord> = {}) => {
    seq += 1;
    const time = new Date(harness.clock.now.getTime() + seq * 1_000);
    return sink(sample(droneId, time, { seq, ...more }));
  };
  await sink(sample(droneId, harness.clock.now));
  requests = [];
  return { droneId, hear, sink };
}

describe('telemetry of an idle drone (T2, T3)', () => {
  test('costs one write a minute and no read', async () => {
    const { hear } = await heard();
    for (let second = 0; second < 300; second++) await hear();
    expect(requests).toEqual(Array(5).fill('write'));
  });

  test('is stored with its newest time at least once a minute', async () => {
    const { droneId, hear } = await heard();
    const before = (await stored(droneId))?.time ?? '';
    for (let second = 0; second < 61; second++) await hear();
    const after = (await stored(droneId))?.time ?? '';
    expect(Date.parse(after) - Date.parse(before)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('a sample (T2)', () => {
  const north = (metres: number) => ({ latitude: 47.6 + metres / 111_170, longitude: -122.33, altitude: 0 });

  test.each([
    ['another leg', { leg: 'ToPickup' }],
    ['another load', { loaded: true }],
    ['a delivery', { deliveryId: 'd1' }],
    ['another start', { boot: 'b2' }],
    ['5 % less battery', { battery: 0.95 }],
    ['200 m', { position: north(201) }],
  ] as const)('with %s is stored at once', async (_, change) => {
    const { droneId, hear } = await heard();
    await hear(change);
    expect(requests).toEqual(['write']);
    expect(await stored(droneId)).toMatchObject(change);
  });

  test('with another flight mode is stored at once, with its event', async () => {
    const { droneId, hear } = await heard();
    await hear({ flightMode: 'Takeoff' });
    expect(requests).toEqual(['write']);
    expect(await stored(droneId)).toMatchObject({ flightMode: 'Takeoff' });
    await hear({ flightMode: 'Inflight' });
    expect(await stored(droneId)).toMatchObject({ flightMode: 'Inflight' });
  });

  test.each([
    ['4 % less battery', { battery: 0.96 }],
    ['190 m', { position: north(190) }],
    ['another heading', { heading: 180 }],
  ] as const)('with %s is not', async (_, change) => {
    const { hear } = await heard();
    await hear(change);
    expect(requests).toEqual([]);
  });

  test('that is older than the last one, stored or not, changes nothing (T1)', async () => {
    const { droneId, hear, sink } = await heard();
    await hear();
    await hear();
    await sink(sample(droneId, harness.clock.now, { seq: 2, leg: 'ToPickup' }));
    expect(requests).toEqual([]);
    expect(await stored(droneId)).toMatchObject({ leg: 'Idle', seq: 1 });
  });
});

test('every metre counts, though not every sample is stored', async () => {
  const { droneId, hear } = await heard();
  const steps = 40;
  const at = (index: number) => ({
    latitude: PICKUP.latitude + ((DROPOFF.latitude - PICKUP.latitude) * index) / steps,
    longitude: PICKUP.longitude + (index % 2 ? 0.0003 : 0),
    altitude: 60,
  });
  await hear({ leg: 'ToDropoff', position: at(0) });
  const start = (await stored(droneId))?.odometer ?? 0;
  let flown = 0;
  for (let index = 1; index <= steps; index++) {
    await hear({ leg: 'ToDropoff', position: at(index) });
    flown += distance(at(index - 1), at(index));
  }
  await hear({ leg: 'AtDropoff', position: at(steps) });
  expect((await stored(droneId))?.odometer).toBeCloseTo(start + flown, 3);
  expect(requests.length).toBeLessThan(steps / 2);
});

test('two processes that hear one drone keep the newest sample (T3)', async () => {
  const { droneId, hear } = await heard();
  const other = createTelemetrySink(counted());
  const later = (seconds: number, more: Partial<TelemetryRecord>) =>
    other(
      sample(droneId, new Date(harness.clock.now.getTime() + seconds * 1_000), { seq: seconds, ...more }),
    );
  await later(50, { leg: 'ToPickup' });
  await hear({ leg: 'AtPickup' });
  expect(await stored(droneId)).toMatchObject({ leg: 'ToPickup', seq: 50 });
  await later(51, { leg: 'AtPickup' });
  expect(await stored(droneId)).toMatchObject({ leg: 'AtPickup', seq: 51 });
});
