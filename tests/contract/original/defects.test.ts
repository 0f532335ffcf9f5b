/** The fifteen defects of the original (mspnp/microservices-reference-implementation), each absent from ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readSettings } from '../../../shared/config/settings.ts';
import type { TelemetryRecord } from '../../../shared/contracts/flight.ts';
import { readTelemetry } from '../../../tracking/ingest/read-telemetry.ts';
import { newTrack, take } from '../../../tracking/state/track.ts';
import { customer, operator, service } from '../../harness/service.ts';
import { type Journey, type JourneyEvent, startWorld, type World } from '../saga.fixture.ts';
import { type Call, originalClient } from './original-client.ts';

let world: World;
let call: Call;
beforeAll(async () => {
  world = await startWorld();
  call = originalClient(world.harness);
});
beforeEach(() => {
  world.engine.instances.clear();
  world.harness.published.length = 0;
  world.harness.broker.away = false;
});
afterAll(() => world[Symbol.asyncDispose]());

const ann = customer('contoso');
const flies: JourneyEvent[] = [
  { at: 1, kind: 'MissionAccepted' },
  { at: 5, kind: 'TookOff' },
  { at: 60, kind: 'PickedUp' },
  { at: 120, kind: 'Delivered' },
];
const journey = (name: string, events: JourneyEvent[], more: Partial<Journey> = {}): Journey => ({
  name,
  events,
  leaves: {},
  ...more,
});
const DELIVERED = journey('delivered', flies);
const ASKED = {
  ownerId: 'contoso',
  pickupLocation: '200 Market Street',
  dropOffLocation: '412 Beacon Street',
  packageInfo: { size: 'Small', weight: 1 },
};
interface Asked {
  readonly request: {
    readonly pickupLocation: object;
    readonly dropOffLocation: object;
    readonly packageInfo: { readonly size: string; readonly weight: number };
  };
}
const submit = (body: object = ASKED, headers: Record<string, string> = {}) =>
  call('POST /api/deliveryrequests', { as: ann, body, headers });
const got = (line: string, as = ann) => call(`GET /api/${line}`, { as });
/** Deliveries that the scheduler was sent. */
const sent = () =>
  world.harness.published.map(({ message }) => (message.body as { request: { deliveryId: string } }).request);

test('1: the 202 comes after the broker’s acknowledgement; where that does not come, the answer is 503', async () => {
  world.harness.broker.away = true;
  expect(await submit()).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } });
  world.harness.broker.away = false;
  const answer = await submit();
  expect(answer.status).toBe(202);
  expect(sent().map(({ deliveryId }) => deliveryId)).toContain(answer.body?.['deliveryId']);
});

test('2: a field that is missing is a 400 that names it, and confirmationRequired has a default', async () => {
  const { ownerId: _owner, ...noOwner } = ASKED;
  const { packageInfo: _package, ...noPackage } = ASKED;
  const noSize = { ...ASKED, packageInfo: { weight: 1 } };
  for (const [body, path] of [
    [noOwner, 'body.ownerId'],
    [noPackage, 'body.packageInfo'],
    [noSize, 'body.packageInfo.size'],
  ] as const) {
    expect(await submit(body)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  }
  expect(await submit()).toMatchObject({ status: 202, body: { confirmationRequired: 'None' } });
});

test('3: a client’s repetition with its Idempotency-Key is the same delivery', async () => {
  const headers = { 'idempotency-key': 'order-4711' };
  const first = await submit(ASKED, headers);
  const second = await submit(ASKED, headers);
  expect(second.body?.['deliveryId']).toBe(first.body?.['deliveryId']);
  expect(new Set(sent().map(({ deliveryId }) => deliveryId)).size).toBe(1);
});

describe('4: cancel and reschedule are carried out', () => {
  test('a cancel', async () => {
    const cancelled = journey('cancelled', [
      ...flies.slice(0, 2),
      { at: 20, kind: 'cancel' },
      { at: 25, kind: 'Recalled' },
    ]);
    const { deliveryId } = await world.travel(cancelled);
    expect((await got(`deliveryrequests/${deliveryId}`)).body).toMatchObject({
      cancel: 'cancelled',
      outcome: { kind: 'cancelled' },
    });
  });

  test('a reschedule', async () => {
    const again = flies.map((event) => ({ ...event, at: event.at + 40, generation: 2 }));
    const rescheduled = journey('rescheduled', [
      ...flies.slice(0, 2),
      { at: 20, kind: 'reschedule' },
      { at: 25, kind: 'Recalled' },
      ...again,
    ]);
    const { deliveryId } = await world.travel(rescheduled);
    expect((await got(`deliveryrequests/${deliveryId}`)).body).toMatchObject({
      reschedule: 'rescheduled',
      outcome: { kind: 'completed' },
    });
  });
});

test('5: the drone and the delivery have the places and the package of the request', async () => {
  const { deliveryId } = await world.travel(DELIVERED);
  const { body: status } = await got(`deliveryrequests/${deliveryId}`);
  const { pickupLocation, dropOffLocation, packageInfo } = (status as unknown as Asked).request;
  const { body: delivery } = await got(`deliveries/${deliveryId}`);
  expect(delivery).toMatchObject({ pickup: pickupLocation, dropoff: dropOffLocation });
  const reserve = world.calls.findLast(
    ({ route, options }) =>
      route.operation === 'reserveDrone' &&
      (options.params as { deliveryId?: string })?.deliveryId === deliveryId,
  );
  const { size, weight } = packageInfo;
  expect(reserve?.options.body).toMatchObject({
    pickup: pickupLocation,
    dropoff: dropOffLocation,
    size,
    weight,
  });
});

describe('6: a drone', () => {
  test('is the same at every retry, and is free again after a failure', async () => {
    const deliveryId = await world.ask();
    await world.run(deliveryId, [], { diesAfter: 5 });
    const reserve = world.calls.findLast(({ route }) => route.operation === 'reserveDrone');
    const line = `PUT /api/dronedeliveries/${deliveryId}`;
    const again = { as: service('contoso'), body: reserve?.options.body };
    const first = await call(line, again);
    const second = await call(line, again);
    expect(first.status).toBe(200);
    expect(second.body).toEqual(first.body);
    await world.compensate(deliveryId);
    await world.run(deliveryId, []);
    expect(await world.leftOf(deliveryId)).toMatchObject({ reserved: 0, held: 0 });
  });
});

describe('7: a delivery', () => {
  test('does not come back by a reschedule once it was cancelled, and its cancellation can be read', async () => {
    const cancelled = journey('cancelled', [
      ...flies.slice(0, 2),
      { at: 20, kind: 'cancel' },
      { at: 25, kind: 'Recalled' },
    ]);
    const { deliveryId } = await world.travel(cancelled);
    const body = { dropOffLocation: '200 Market Street' };
    const answer = await call(`PATCH /api/deliveryrequests/${deliveryId}`, { as: ann, body });
    expect(answer.status).toBe(409);
    expect((await got(`deliveries/${deliveryId}`)).body).toMatchObject({ stage: 'Cancelled' });
  });

  test('is not overwritten by a PUT once it is on its way, nor takes another id in its body', async () => {
    const { deliveryId } = await world.travel(DELIVERED);
    const create = world.calls.findLast(({ route }) => route.operation === 'putDelivery');
    const line = `PUT /api/deliveries/${deliveryId}`;
    const as = service('contoso');
    const plan = create?.options.body as object;
    expect((await call(line, { as, body: { ...plan, id: 'another' } })).status).toBe(400);
    const dropoff = { latitude: 47.6, longitude: -122.33 };
    expect((await call(line, { as, body: { ...plan, dropoff } })).status).toBe(409);
    expect((await got(`deliveries/${deliveryId}`)).body).toMatchObject({ stage: 'Completed' });
  });
});

test('8: nobody outside the account sees it, the public view has no owner and no drone, and package ids are the account’s own', async () => {
  const { deliveryId } = await world.travel(DELIVERED);
  const stranger = customer('fabrikam');
  for (const line of ['', '/owner', '/status', '/events'])
    expect((await got(`deliveries/${deliveryId}${line}`, stranger)).status).toBe(404);
  const link = await call(`POST /api/deliveries/${deliveryId}/sharelinks`, { as: ann, body: { hours: 1 } });
  const view = await call(`GET /api/deliveries/public/${link.body?.['token']}`);
  expect(view.status).toBe(200);
  expect(JSON.stringify(view.body)).not.toMatch(/contoso|user-1|drone-\d/);
  const line = 'PUT /api/packages/box';
  await call(line, { as: ann, body: { size: 'Small', weight: 1 } });
  expect((await call(line, { as: stranger, body: { size: 'Large', weight: 9 } })).status).toBe(201);
  expect((await got('packages/box')).body).toMatchObject({ size: 'Small', weight: 1 });
});

test('9: a package id with another tag is the same package', async () => {
  const line = 'PUT /api/packages/tagged';
  await call(line, { as: ann, body: { size: 'Small', weight: 1, tag: 'red' } });
  expect((await call(line, { as: ann, body: { size: 'Small', weight: 2, tag: 'blue' } })).status).toBe(204);
  expect((await got('packages/tagged')).body).toMatchObject({ weight: 2, tag: 'blue' });
  const { items } = await world.harness.database
    .store<{ id: string }>('packages')
    .query("SELECT * FROM c WHERE c.packageId = 'tagged' OR c.id = 'tagged'", {});
  expect(items).toHaveLength(1);
});

test('10: tracking events have a sequence without gaps, a time and a place, and can be read', async () => {
  const { deliveryId } = await world.travel(DELIVERED);
  const { body } = await got(`deliveries/${deliveryId}/events`);
  const events = body?.['events'] as { sequence: number; at: string; position?: object }[];
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
  expect(events.every(({ at }) => !Number.isNaN(Date.parse(at)))).toBe(true);
  expect(events.slice(1).every(({ position }) => position !== undefined)).toBe(true);
});

test('11: a delivery that needs a proof does not end unnoticed without it, and a proof of another kind is refused', async () => {
  const { deliveryId } = await world.travel({ ...DELIVERED, confirmationRequired: 'Picture' });
  const items = await call('GET /api/supervisor/workitems', { as: operator });
  expect(items.body?.['workItems']).toContainEqual(
    expect.objectContaining({ deliveryId, kind: 'ProofMissing', step: 'checkProof' }),
  );
  const { dropoff } = (await got(`deliveries/${deliveryId}`)).body as { dropoff: object };
  const answer = await call(`POST /api/deliveries/${deliveryId}/confirmations`, {
    as: ann,
    body: {
      geoCoordinates: dropoff,
      confirmationType: 'Voice',
      confirmationBlob: Buffer.alloc(90).toString('base64'),
    },
  });
  expect(answer.status).toBe(400);
  expect(answer.body?.['errors']).toContainEqual(expect.objectContaining({ path: 'body.confirmationType' }));
  expect((await got(`deliveries/${deliveryId}`)).body).toMatchObject({ confirmed: false });
});

test('12: a late sample changes nothing, and one that cannot be read is not taken for another drone’s', () => {
  const track = newTrack();
  const at = (seq: number, latitude: number): TelemetryRecord => ({
    droneId: 'drone-1',
    boot: 'b1',
    seq,
    time: new Date(1_800_000_000_000 + seq * 1_000).toISOString(),
    position: { latitude, longitude: -122.33, altitude: 60 },
    velocity: { north: 10, east: 0, up: 0 },
    heading: 0,
    battery: 0.9,
    flightMode: 'Inflight',
    leg: 'ToPickup',
    loaded: false,
  });
  expect(take(track, at(1, 47.6), 1)).toBe('applied');
  expect(take(track, at(3, 47.6002), 1)).toBe('applied');
  expect(take(track, at(2, 47.6001), 1)).toBe('late');
  expect(track.latest?.seq).toBe(3);
  const { battery: _battery, ...delta } = at(4, 47.6003);
  expect(readTelemetry(delta)).toEqual({ wrong: expect.stringContaining('battery') });
});

test('13: a dependency that fails for a while delays the delivery, which is neither lost nor made twice', async () => {
  const { mood } = world.van;
  const booked = journey(
    'by carrier',
    [
      { at: 200, kind: 'Collected' },
      { at: 300, kind: 'CarrierDelivered' },
    ],
    {
      weight: 20,
      carrierServes: true,
    },
  );
  const before = world.van.calls.length;
  let failures = 3;
  mood.beforeBooking = async () => {
    failures -= 1;
    mood.book = failures >= 0 ? 'fails' : 'yes';
  };
  try {
    const { deliveryId } = await world.travel(booked);
    expect(await world.leftOf(deliveryId)).toMatchObject({ outcome: 'completed', booking: 'Delivered' });
    const puts = world.van.calls.slice(before).filter(({ method }) => method === 'PUT');
    // One call for each attempt of the step: the layers below it do not repeat it again.
    expect(puts).toHaveLength(4);
  } finally {
    mood.beforeBooking = () => Promise.resolve();
    mood.book = 'yes';
  }
});

test('14: every setting of the sample is read under its own name', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../local.settings.sample.json'), 'utf8');
  const { Values: values } = JSON.parse(text) as { Values: Record<string, string> };
  const settings = readSettings(values) as unknown as Record<string, unknown>;
  const numbers = Object.entries(values).filter(([name, value]) => /^\d+$/.test(value) && name in settings);
  expect(numbers.length).toBeGreaterThan(10);
  for (const [name, value] of numbers) {
    const other = String(Number(value) + 1);
    const changed = readSettings({ ...values, [name]: other }) as unknown as Record<string, unknown>;
    expect([name, changed[name]]).toEqual([name, Number(other)]);
  }
});

test('15: status, summaries and counts come from the data', async () => {
  const month = world.harness.clock.now.toISOString().slice(0, 7).split('-').map(Number);
  const query = `year=${month[0]}&month=${month[1]}`;
  const read = async () => ({
    count: (await got(`deliveries/summary?ownerId=contoso&${query}`)).body?.['count'] as number,
    weight: (await got(`packages/summary/contoso?${query}`)).body?.['totalWeight'] as number,
  });
  const before = await read();
  const { deliveryId } = await world.travel({ ...DELIVERED, weight: 1.5 });
  const after = await read();
  expect(after.count).toBe(before.count + 1);
  expect(after.weight).toBeCloseTo(before.weight + 1.5);
  expect((await got(`deliveries/${deliveryId}/status`)).body).toMatchObject({
    stage: 'Completed',
    lastKnownLocation: { latitude: expect.any(Number), longitude: expect.any(Number) },
  });
});
