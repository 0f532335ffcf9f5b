import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { droneService } from './drone.functions.ts';
import { DROPOFF, type Fleet, fleetOf, PICKUP, sample } from './fleet.fixture.ts';
import { createProjection } from './projection.ts';
import { createDroneRepository, type DroneRepository } from './repository.ts';
import type { AvailableDrone } from './schemas.ts';
import { createTelemetrySink } from './telemetry.ts';

let harness: Harness;
let fleet: Fleet;
let repository: DroneRepository;

beforeEach(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  harness.add('drone', droneService);
  fleet = fleetOf(harness);
  repository = createDroneRepository(harness.database);
});
afterEach(() => harness[Symbol.asyncDispose]());

const stored = async () =>
  (await harness.database.store<AvailableDrone>('availableDrones').query('SELECT * FROM c', {})).items;
const idsOf = async () => (await stored()).map(({ id }) => id).toSorted();
const writes = () =>
  Object.entries(harness.cosmos.requests()['availableDrones'] ?? {}).reduce(
    (sum, [operation, count]) => (['upsert', 'delete'].includes(operation) ? sum + count : sum),
    0,
  );
const documentsOf = async (droneId: string) => Object.values(await repository.drone(droneId));

describe('a drone is stored by place', () => {
  test('while it is registered, heard, idle, sound and free, and at no other time', async () => {
    await fleet.register('one');
    expect(await idsOf()).toEqual([]);
    let seq = 1;
    const hear = (more: object = {}) => {
      seq += 1;
      return fleet.hear(sample('one', harness.clock.now, { seq, ...more }));
    };
    await hear();
    expect(await idsOf()).toEqual(['one']);
    await hear({ leg: 'ToBase' });
    expect(await idsOf()).toEqual([]);
    await hear({ leg: 'Idle' });
    await fleet.register('one', { health: 'Maintenance' });
    expect(await idsOf()).toEqual([]);
    await fleet.register('one', { acceptsMissions: false });
    expect(await idsOf()).toEqual([]);
    await fleet.register('one', { acceptsMissions: true });
    expect(await idsOf()).toEqual(['one']);
    await fleet.reserve('d1');
    await fleet.follow();
    expect(await idsOf()).toEqual([]);
    await fleet.release('d1');
    await fleet.follow();
    expect(await stored()).toMatchObject([{ id: 'one', fence: 1 }]);
  });

  test('until it has been silent for 90 s, and again once it is heard (W1, W2)', async () => {
    await fleet.add('one');
    harness.clock.advance(91);
    const { now } = harness.clock;
    await Promise.all([repository.sweep.markSilent(now), repository.sweep.markSilent(now)]);
    await fleet.follow();
    expect(await idsOf()).toEqual([]);
    expect((await repository.state('one'))?.item.silentSince).toBeDefined();
    await fleet.hear(sample('one', harness.clock.now, { seq: 5 }));
    expect(await idsOf()).toEqual(['one']);
  });

  test('in one cell only, however far it goes', async () => {
    await fleet.add('one');
    const [before] = await stored();
    const far = { latitude: 48.2, longitude: -121.1, altitude: 0 };
    await fleet.hear(sample('one', harness.clock.now, { seq: 2, position: far }));
    const after = await stored();
    expect(after).toMatchObject([{ id: 'one', position: far }]);
    expect(after[0]?.cell).not.toBe(before?.cell);
  });
});

test('a parked drone costs no write, minute after minute, though its position wanders (P2)', async () => {
  await fleet.add('one');
  const before = writes();
  for (let minute = 1; minute <= 30; minute++) {
    harness.clock.advance(60);
    const position = { latitude: 47.6 + (minute % 3) * 0.00002, longitude: -122.33, altitude: 0 };
    await fleet.hear(sample('one', harness.clock.now, { seq: minute + 1, position }));
  }
  expect(writes()).toBe(before);
});

test('every batch may come again, to any process (P1)', async () => {
  await fleet.add('one', 'two');
  await fleet.reserve('d1');
  await fleet.follow();
  const left = await stored();
  const documents = [...(await documentsOf('one')), ...(await documentsOf('two'))];
  for (let process = 0; process < 3; process++) {
    const project = createProjection(repository);
    await project(documents, harness.clock.now);
    await project(documents, harness.clock.now);
  }
  expect((await stored()).map(({ id }) => id)).toEqual(left.map(({ id }) => id));
});

test('what was lost or is wrong is put right at the next change, within an hour (P3)', async () => {
  await fleet.add('one', 'two');
  const items = harness.database.store<AvailableDrone>('availableDrones');
  const [first] = (await stored()).filter(({ id }) => id === 'one') as [AvailableDrone];
  await items.remove('one', first.cell);
  await items.create({ ...first, id: 'two', cell: 'elsewhere' });
  for (let minute = 1; minute <= 61; minute++) {
    harness.clock.advance(60);
    for (const id of ['one', 'two']) await fleet.hear(sample(id, harness.clock.now, { seq: minute + 1 }));
  }
  expect((await stored()).map(({ id, cell }) => `${id} ${cell}`).toSorted()).toEqual([
    `one ${first.cell}`,
    `two ${first.cell}`,
  ]);
});

test('a batch that could not be stored is stored when it comes again', async () => {
  await fleet.add('one');
  let isAway = true;
  const project = createProjection({
    drone: repository.drone,
    available: {
      ...repository.available,
      remove: (...args) => {
        if (isAway) throw new Error('the database is away');
        return repository.available.remove(...args);
      },
    },
  });
  await project(await documentsOf('one'), harness.clock.now);
  await repository.hold(
    'one',
    0,
    { deliveryId: 'd', generation: 1, fence: 1, until: null },
    harness.clock.now,
  );
  const documents = await documentsOf('one');
  await expect(project(documents, harness.clock.now)).rejects.toThrow('away');
  isAway = false;
  await project(documents, harness.clock.now);
  expect(await idsOf()).toEqual([]);
});

describe('looking for a drone', () => {
  const quote = { weight: 1, size: 'Small' as const };

  test('finds those that can carry the package within the square, at most as many as asked for', async () => {
    await fleet.add('a', 'b', 'c');
    await fleet.register('c', { cargoBay: 'Small' });
    const look = (radius: number, more: object = {}, except: string[] = [], limit = 10) =>
      repository.available
        .within({ centre: PICKUP, radius, task: { ...quote, ...more }, except, limit })
        .then((found) => found.map(({ id }) => id).toSorted());
    expect(await look(100)).toEqual([]);
    expect(await look(1_500)).toEqual(['a', 'b', 'c']);
    expect(await look(40_000)).toEqual(['a', 'b', 'c']);
    expect(await look(1_500, { size: 'Medium' })).toEqual(['a', 'b']);
    expect(await look(1_500, { weight: 6 })).toEqual([]);
    expect(await look(1_500, {}, ['a', 'c'])).toEqual(['b']);
    expect(await look(1_500, {}, [], 2)).toHaveLength(2);
  });

  test('across the antimeridian finds those on both sides', async () => {
    for (const [id, longitude] of [
      ['east', -179.999],
      ['west', 179.999],
    ] as const) {
      await fleet.register(id);
      await fleet.hear(sample(id, harness.clock.now, { position: { latitude: 10, longitude, altitude: 0 } }));
    }
    const centre = { latitude: 10, longitude: 180, altitude: 0 };
    for (const radius of [1_000, 30_000]) {
      const found = await repository.available.within({ centre, radius, task: quote, except: [], limit: 9 });
      expect(found.map(({ id }) => id).toSorted()).toEqual(['east', 'west']);
    }
  });

  test('widens its rings to a drone that is far away, and reserves it (S1)', async () => {
    await fleet.register('far');
    const position = { latitude: PICKUP.latitude + 0.06, longitude: PICKUP.longitude, altitude: 0 };
    await fleet.hear(sample('far', harness.clock.now, { position }));
    expect(await fleet.reserve('d1', { dropoff: DROPOFF })).toMatchObject({ body: { droneId: 'far' } });
  });

  test('finds one that is not stored by place yet, before it gives up (S2)', async () => {
    await fleet.register('new');
    await createTelemetrySink(repository)(sample('new', harness.clock.now));
    expect(await idsOf()).toEqual([]);
    expect(await fleet.request('d1')).toMatchObject({ status: 200, body: { droneId: 'new' } });
  });

  test('passes over many drones that cannot, to one that can', async () => {
    for (let index = 0; index < 30; index++) {
      await repository.createRegistry({
        ...((await repository.registry('x'))?.item ?? (await registryOf('template'))),
        droneId: `tired-${index}`,
      });
      await createState(`tired-${index}`, 0.1);
    }
    await fleet.add('able');
    expect(await fleet.reserve('d1')).toMatchObject({ body: { droneId: 'able' } });
  });

  async function registryOf(droneId: string) {
    const known = await repository.registry(droneId);
    if (known) return known.item;
    await fleet.register(droneId);
    return ((await repository.registry(droneId)) as { item: Parameters<typeof repository.createRegistry>[0] })
      .item;
  }

  async function createState(droneId: string, battery: number) {
    const {
      droneId: id,
      boot,
      seq,
      time,
      position,
      heading,
      flightMode,
      leg,
      loaded,
    } = sample(droneId, harness.clock.now);
    const rest = { boot, seq, time, position, heading, flightMode, leg, loaded, battery, odometer: 0 };
    await repository.saveState({ id: 'state', type: 'state', droneId: id, ...rest }, undefined, []);
  }
});
