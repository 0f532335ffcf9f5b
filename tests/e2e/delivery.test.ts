import { CosmosClient } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WatchFrame } from '../../shared/contracts/flight.ts';
import {
  cancelRequest,
  getDrone,
  getPackage,
  getRequest,
  listDeadLetters,
  listDeliveryEvents,
  listDrones,
  submitRequest,
} from '../../shared/contracts/routes.gen.ts';
import { replayRoute } from '../../simulator/replay/recordings.ts';
import { type Customer, customer, REQUEST } from '../harness/customer.ts';
import { readEvidence } from '../harness/evidence.ts';
import { breachesOf, lastingBreaches } from '../harness/invariants.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';
import { overlooked } from '../harness/violations.ts';

let platform: TestPlatform;
let alice: Customer;
let olivia: Customer;
/** What clients were answered for one Idempotency-Key. */
const idempotent: string[] = [];

beforeAll(async () => {
  platform = await startPlatform({ speed: 30, drones: 6, args: ['--replay', 'p4_rtk.SRT'] });
  alice = customer(platform.endpoints);
  olivia = customer(platform.endpoints, 'olivia');
});

afterAll(async () => {
  await platform?.stop();
});

/** Everything that tracking pushes about a delivery, until its stream ends. */
async function watch(deliveryId: string): Promise<WatchFrame[]> {
  const { gateway, tokens } = platform.endpoints;
  const bearer = { authorization: `Bearer ${tokens['alice']}`, 'content-type': 'application/json' };
  const ticket = await until(async () => {
    const response = await fetch(`${gateway}/tickets`, {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({ deliveryId }),
    });
    return response.ok ? ((await response.json()) as { ticket: string }).ticket : undefined;
  }, 'a ticket');
  const response = await fetch(`${gateway}/track/${deliveryId}?ticket=${ticket}`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(response.status).toBe(200);
  const frames: WatchFrame[] = [];
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (data) frames.push(JSON.parse(data) as WatchFrame);
    }
    if (frames.some(({ type }) => type === 'end')) break;
  }
  return frames;
}

const kinds = (frames: readonly WatchFrame[]) =>
  frames.map((frame) => ('stage' in frame ? frame.stage : frame.type));

/** Each item that Cosmos DB has of a delivery. */
async function itemsOf(container: string, deliveryId: string): Promise<Record<string, unknown>[]> {
  const { endpoint, key, database } = platform.endpoints.cosmos;
  const client = new CosmosClient({ endpoint, key });
  const { resources } = await client
    .database(database)
    .container(container)
    .items.query<Record<string, unknown>>('SELECT * FROM c', { partitionKey: deliveryId })
    .fetchAll();
  client.dispose();
  return resources;
}

describe.concurrent('deliveries beside each other', () => {
  test('a request is answered 202, flown by a drone, watched live, delivered, and kept once', async () => {
    const accepted = await alice.call(submitRequest, { body: REQUEST });
    expect(accepted.status).toBe(202);
    const { deliveryId } = accepted.body as { deliveryId: string };
    expect(accepted.headers.get('location')).toBe(`${platform.endpoints.api}/deliveryrequests/${deliveryId}`);
    const frames = await watch(deliveryId);
    expect(frames[0]).toMatchObject({ type: 'snapshot', deliveryId });
    expect(frames.filter(({ type }) => type === 'position').length).toBeGreaterThan(3);
    expect(kinds(frames)).toContain('HeadedToDropoff');
    expect(frames.at(-1)).toMatchObject({ type: 'end', stage: 'Completed' });
    const ended = await alice.ended(deliveryId);
    expect(ended.outcome?.kind).toBe('completed');
    const stages = ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'];
    expect(await alice.call(listDeliveryEvents, { params: { deliveryId } })).toMatchObject({
      status: 200,
      body: { events: stages.map((stage) => ({ stage })) },
    });
    expect(await alice.history(deliveryId)).toMatchObject({
      deliveryId,
      stage: 'Completed',
      droneId: ended.droneId,
    });
    const { body: drone } = await olivia.call(getDrone, { params: { droneId: ended.droneId ?? 'none' } });
    expect(drone).toHaveProperty('id', ended.droneId);
    expect(drone).not.toHaveProperty('reservedFor');
  });

  test('one trace goes from the HTTP request through the hub and the orchestration to the events in Cosmos DB', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
    const deliveryId = await alice.submit({ packageInfo: { size: 'Large', weight: 20 } }, { traceparent });
    await alice.seen(deliveryId, ({ delivery }) => delivery !== undefined, 'a delivery');
    const events = (await itemsOf('deliveries', deliveryId)).filter(({ type }) => type === 'event');
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(event['traceparent']).toMatch(new RegExp(`^00-${trace}-`));
    expect((await alice.call(cancelRequest, { params: { deliveryId } })).status).toBe(202);
  });

  test('a recorded flight is flown as the dropoff leg', async () => {
    const tooHeavy = await alice.submit({ packageInfo: { size: 'Small', weight: 90 } });
    const from = (await alice.status(tooHeavy)).request.pickupLocation;
    const { dropoff } = await replayRoute('p4_rtk.SRT', from);
    const deliveryId = await alice.submit({ pickupLocation: from, dropOffLocation: dropoff });
    expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  });

  test('a parcel that no drone can carry goes to the carrier, and the status says so', async () => {
    const deliveryId = await alice.submit({ packageInfo: { size: 'Large', weight: 20 } });
    const booked = await alice.seen(
      deliveryId,
      ({ carrierId }) => carrierId !== undefined,
      'a carrier is booked',
    );
    expect(booked).toMatchObject({ carrier: 'third-party', carrierId: 'carrier-1' });
    expect((await alice.ended(deliveryId, 90_000)).outcome?.kind).toBe('completed');
    expect(await alice.history(deliveryId)).toMatchObject({ carrierId: 'carrier-1', stage: 'Completed' });
  }, 100_000);

  test('a parcel that nobody can carry is rejected in one sentence, with each reason for operators, and every effect is compensated', async () => {
    const deliveryId = await alice.submit({
      packageInfo: { size: 'Large', weight: 60, packageId: 'too-heavy' },
    });
    const { outcome } = await alice.ended(deliveryId);
    expect(outcome).toMatchObject({
      kind: 'rejected',
      code: 'no_drone_or_courier',
      reasons: ['No drone and no courier could take this delivery in time.'],
    });
    const seen = await olivia.call(getRequest, { params: { deliveryId } });
    expect(seen.body).toMatchObject({
      outcome: {
        reasons: [
          '4 drones: too large',
          '2 drones: too heavy',
          expect.stringMatching(/^carrier-1: weight 60 kg exceeds 25 kg/),
        ],
      },
    });
    expect((await alice.call(getPackage, { params: { packageId: 'too-heavy' } })).status).toBe(404);
    expect(await alice.history(deliveryId)).toBeUndefined();
  });

  test('a cancel before take-off', async () => {
    const deliveryId = await alice.submit();
    const { status } = await alice.call(cancelRequest, { params: { deliveryId } });
    expect(status).toBe(202);
    const ended = await alice.ended(deliveryId);
    expect(ended).toMatchObject({ outcome: { kind: 'cancelled' }, cancel: 'cancelled' });
  });

  test('a cancel in the air, before the pickup: the drone turns round and is free', async () => {
    // The flight to the pickup takes seconds at this speed: on a busy machine a cancel can come too late, and is tried again.
    const cancelInTheAir = async () => {
      const deliveryId = await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
      await until(
        async () => (await alice.stage(deliveryId)) === 'HeadedToPickup' || undefined,
        'the drone is on its way',
      );
      const { status } = await alice.call(cancelRequest, { params: { deliveryId } });
      const ended = await alice.ended(deliveryId);
      expect([202, 409]).toContain(status);
      return ended.outcome?.kind === 'completed' ? undefined : ended;
    };
    const ended = await until(cancelInTheAir, 'a cancel before the pickup');
    expect(ended).toMatchObject({ outcome: { kind: 'cancelled' }, cancel: 'cancelled' });
    expect(await alice.history(ended.deliveryId)).toMatchObject({ stage: 'Cancelled' });
  });

  test('a cancel after the pickup is refused', async () => {
    const deliveryId = await alice.submit({ dropOffLocation: '450 Chestnut Street' });
    await until(
      async () => (await alice.stage(deliveryId)) === 'HeadedToDropoff' || undefined,
      'the package is on board',
    );
    const { status, body } = await alice.call(cancelRequest, { params: { deliveryId } });
    expect([status, body]).toEqual([409, expect.objectContaining({ code: 'package_on_board' })]);
    expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  });

  test('one Idempotency-Key, also at the same moment: one delivery, the same answer', async () => {
    const headers = { 'idempotency-key': 'once-only' };
    const ids = await Promise.all(Array.from({ length: 5 }, () => alice.submit({}, headers)));
    idempotent.push(...ids);
    expect(new Set(ids).size).toBe(1);
    expect(await alice.submit({}, headers)).toBe(ids[0]);
    expect((await alice.ended(ids[0] as string)).outcome?.kind).toBe('completed');
  });

  test('another account sees nothing of it; wrong callers get their own 4xx', async () => {
    const deliveryId = await alice.submit({ packageInfo: { size: 'Large', weight: 60 } });
    const tara = customer(platform.endpoints, 'tara');
    expect((await tara.call(getRequest, { params: { deliveryId } })).status).toBe(404);
    expect((await tara.call(submitRequest, { body: REQUEST })).body).toMatchObject({ code: 'forbidden' });
    const anonymous = await fetch(`${platform.endpoints.api}/deliveryrequests/${deliveryId}`);
    expect([anonymous.status, await anonymous.json()]).toEqual([
      401,
      expect.objectContaining({ code: 'token_missing' }),
    ]);
    expect((await alice.call(listDrones)).status).toBe(403);
    expect(await alice.call({ method: 'GET', path: 'nowhere' })).toMatchObject({
      body: { code: 'not_found' },
    });
    expect(await alice.call({ ...submitRequest, method: 'PUT' }, { body: REQUEST })).toMatchObject({
      body: { code: 'method_not_allowed' },
    });
    await alice.ended(deliveryId);
  });

  test('a message that cannot be parsed is dead-lettered with its reason, the rest of its batch goes on', async () => {
    const { connectionString } = platform.endpoints.eventHubs;
    const producer = new EventHubProducerClient(connectionString, 'delivery-requests', {
      retryOptions: { timeoutInMs: 3_000 },
    });
    await producer.sendBatch(
      [{ body: { operation: 'fly me to the moon' } }, { body: Buffer.from([0xff, 0xfe]) }],
      { partitionId: '0' },
    );
    await producer.close();
    const letters = await until(async () => {
      const answer = await olivia.call(listDeadLetters, { query: { hub: 'delivery-requests' } });
      return answer.ok && answer.body.deadLetters.length >= 2 ? answer.body.deadLetters : undefined;
    }, 'two dead letters');
    expect(letters.map(({ reason }) => reason).toSorted()).toEqual([
      expect.stringMatching(/^not JSON/),
      expect.stringMatching(/^not a message of this hub/),
    ]);
  });
});

test('I1 to I9 hold afterwards: nothing is held, nothing is lost, nothing is double', async () => {
  const atLeast = {
    requests: 11,
    workflows: 11,
    completed: 5,
    drones: 6,
    domainEvents: 20,
    flightEvents: 20,
  };
  const answers = idempotent.map((deliveryId) => ({ idempotencyKey: 'once-only', deliveryId }));
  expect(await lastingBreaches(platform.endpoints, { atLeast, answers })).toEqual([]);
});

test('the checker of I0 to I9 finds each violation that is planted', async () => {
  // Drones fly home and report it: one look may see an event on its way.
  const evidence = await until(async () => {
    const now = await readEvidence(platform.endpoints);
    return breachesOf(now).length === 0 ? now : undefined;
  }, 'a sound system');
  expect(overlooked(evidence, breachesOf)).toEqual([]);
});
