import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/drones.ts';
import { destination, distance, squareAround } from '../../shared/geo/distance.ts';
import { type Harness, operator, startHarness } from '../../tests/harness/service.ts';
import { droneService } from './drone.functions.ts';
import { type Fleet, fleetOf, sample } from './fleet.fixture.ts';

let harness: Harness;
let fleet: Fleet;

beforeAll(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  harness.add('drone', droneService);
  fleet = fleetOf(harness);
});
afterAll(() => harness[Symbol.asyncDispose]());

const list = async (query: Record<string, string> = {}) =>
  harness.request(contract.listDrones, { as: operator, query });
const idsOf = (body: Readonly<Record<string, unknown>> | undefined) =>
  ((body?.['drones'] ?? []) as { id: string }[]).map(({ id }) => id);

describe('the list of drones', () => {
  const ids = Array.from({ length: 11 }, (_, index) => `listed-${String(index).padStart(2, '0')}`);

  test('comes in pages, each drone once, with its state where it was heard', async () => {
    await fleet.add(...ids.slice(0, 9));
    for (const id of ids.slice(9)) await fleet.register(id);
    const seen: string[] = [];
    let continuation: string | undefined;
    let pages = 0;
    do {
      const { body } = await list({ limit: '4', ...(continuation ? { continuation } : {}) });
      const drones = (body?.['drones'] ?? []) as { id: string; state?: object }[];
      expect(drones.length).toBeLessThanOrEqual(4);
      for (const { id, state } of drones) expect(state === undefined).toBe(ids.indexOf(id) >= 9);
      seen.push(...drones.map(({ id }) => id));
      continuation = body?.['continuation'] as string | undefined;
      pages += 1;
    } while (continuation);
    expect(seen).toEqual(ids);
    expect(pages).toBe(3);
    expect((await list()).body).not.toHaveProperty('continuation');
  });

  test('can be of the reserved ones alone', async () => {
    await fleet.add('listed-reserved');
    expect((await fleet.reserve('listed', { exclude: ids })).status).toBe(200);
    expect(idsOf((await list({ reserved: 'true' })).body)).toEqual(['listed-reserved']);
    await fleet.release('listed');
    expect(idsOf((await list({ reserved: 'true' })).body)).toEqual([]);
  });

  test.each([
    { limit: '0' },
    { limit: '501' },
    { continuation: "x' OR 1=1" },
    { continuation: '' },
    { page: '2' },
  ])('is refused for %j', async (query) => {
    expect((await list(query as Record<string, string>)).status).toBe(400);
  });
});

describe('the drones nearby', () => {
  test('are the nearest within the radius, in order, wherever on the globe, and no more than asked for', async () => {
    const centres = [
      { latitude: 40, longitude: -100 },
      { latitude: 0, longitude: 179.99 },
      { latitude: -45, longitude: -179.995 },
      { latitude: 84, longitude: 20 },
    ];
    for (const [place, centre] of centres.entries()) {
      const positions = Array.from({ length: 14 }, (_, index) => ({
        latitude: centre.latitude + Math.sin(index * 2.4) * 0.004 * index,
        longitude: ((centre.longitude + Math.cos(index * 2.4) * 0.004 * index + 540) % 360) - 180,
        altitude: 0,
      }));
      for (const [index, position] of positions.entries()) {
        const droneId = `near-${place}-${index}`;
        await fleet.register(droneId);
        await fleet.hear(sample(droneId, harness.clock.now, { position }));
      }
      const at = { ...centre, altitude: 0 };
      for (const [radius, limit] of [
        [300, 20],
        [2_000, 3],
        [20_000, 20],
        [20_000, 5],
      ] as const) {
        const expected = positions
          .map((position, index) => ({ id: `near-${place}-${index}`, metres: distance(at, position) }))
          .filter(({ metres }) => metres <= radius)
          .toSorted((a, b) => a.metres - b.metres)
          .slice(0, limit);
        const { body } = await harness.request(contract.listDronesNearby, {
          as: operator,
          query: {
            lat: String(centre.latitude),
            lon: String(centre.longitude),
            radius: String(radius),
            limit: String(limit),
          },
        });
        const found = idsOf(body).filter((id) => id.startsWith(`near-${place}-`));
        expect([place, radius, found]).toEqual([place, radius, expected.map(({ id }) => id)]);
      }
    }
  });
});

test('a square contains its circle, everywhere', () => {
  const anywhere = fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  });
  fc.assert(
    fc.property(
      anywhere,
      fc.double({ min: 1, max: 100_000, noNaN: true }),
      fc.double({ min: 0, max: 360, noNaN: true }),
      (place, radius, degrees) => {
        const centre = { ...place, altitude: 0 };
        const point = destination(centre, radius * 0.99, degrees);
        if (distance(centre, point) > radius) return;
        const { south, north, west, east } = squareAround(centre, radius);
        expect(point.latitude).toBeGreaterThanOrEqual(south);
        expect(point.latitude).toBeLessThanOrEqual(north);
        const inside =
          west <= east
            ? point.longitude >= west && point.longitude <= east
            : point.longitude >= west || point.longitude <= east;
        expect(inside).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});
