import { app } from '@azure/functions';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { droneService } from './drone.functions.ts';
import { fleetOf, sample } from './fleet.fixture.ts';
import { createDroneRepository } from './repository.ts';
import { createTelemetrySink } from './telemetry.ts';

let harness: Harness;

beforeEach(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await harness[Symbol.asyncDispose]();
});

type Handler = (input: never, context: never) => Promise<void>;

test('the change feed of drones keeps the drones by place, and publishes; the timer marks the silent ones', async () => {
  const handlers = new Map<string, Handler>();
  const remember = (name: string, options: { handler: unknown }) => {
    handlers.set(name, options.handler as Handler);
  };
  vi.spyOn(app, 'cosmosDB').mockImplementation(remember);
  vi.spyOn(app, 'timer').mockImplementation(remember);
  vi.spyOn(app, 'eventHub').mockImplementation(remember);
  droneService(harness.deps('drone')).registerTriggers?.();
  harness.add('drone', droneService);
  const repository = createDroneRepository(harness.database);
  const context = { log: vi.fn(), triggerMetadata: {} } as never;
  const feed = async () => {
    const { items } = await harness.database.store('drones').query('SELECT * FROM c', {});
    await handlers.get('drone_outbox_drones')?.(items as never, context);
  };
  const available = async () =>
    (await harness.database.store('availableDrones').query<{ id: string }>('SELECT * FROM c', {})).items.map(
      ({ id }) => id,
    );
  await fleetOf(harness).register('one');
  const hear = createTelemetrySink(repository);
  await hear(sample('one', harness.clock.now));
  await hear(sample('one', harness.clock.now, { seq: 2, flightMode: 'Landing' }));
  await feed();
  expect(await available()).toEqual(['one']);
  expect(harness.published.map(({ message }) => (message.body as { type: string }).type)).toContain(
    'DroneStatusChanged',
  );
  harness.clock.advance(91);
  await handlers.get('drone_sweep')?.({} as never, context);
  await feed();
  expect(await available()).toEqual([]);
});
