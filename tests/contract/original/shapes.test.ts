/** The shapes and statuses that clients of the original know, on our services; differences on purpose say so in their title. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Principal } from '../../../shared/auth/principal.ts';
import { customer, operator, service } from '../../harness/service.ts';
import { startWorld, type World } from '../../security/world.ts';
import { type Call, originalClient } from './original-client.ts';

const PLACES = ['200 Market Street', '412 Beacon Street'] as const;

let world: World;
let call: Call;
let alice: Principal;
beforeAll(async () => {
  world = await startWorld({
    WEBHOOK_SIGNING_KEYS: 'a-signing-key-for-this-test-file-only',
    NOTIFY_RELAY_URL: 'https://relay.example.com/',
  });
  call = originalClient(world.harness);
  alice = customer('contoso', world.contoso.userId);
});
afterAll(() => world[Symbol.asyncDispose]());

const asked = (more: object = {}) => ({
  ownerId: 'contoso',
  pickupLocation: PLACES[0],
  dropOffLocation: PLACES[1],
  deadline: '2026-11-23T20:00:00Z',
  expedited: false,
  confirmationRequired: 'None',
  packageInfo: { packageId: 'parcel-1', size: 'Small', weight: 2.5, tag: 'books' },
  ...more,
});
const submit = async (more: object = {}) =>
  call('POST /api/deliveryrequests', { as: alice, body: asked(more) });

describe('POST /api/deliveryrequests', () => {
  test('answers 202 with the request and its id; the client’s own id is not used', async () => {
    const answer = await submit({ deliveryId: 'chosen-by-the-client' });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        ownerId: 'contoso',
        deadline: '2026-11-23T20:00:00.000Z',
        expedited: false,
        confirmationRequired: 'None',
        packageInfo: { packageId: 'parcel-1', size: 'Small', weight: 2.5, tag: 'books' },
      },
    });
    expect(answer.body?.['deliveryId']).toMatch(/^[\w-]{8,}$/);
    expect(answer.body?.['deliveryId']).not.toBe('chosen-by-the-client');
  });

  test.each(['dropOffLocation', 'dropoffLocation'])('reads the dropoff as %s', async (name) => {
    const { dropOffLocation, ...rest } = asked();
    const body = { ...rest, [name]: dropOffLocation };
    expect(await call('POST /api/deliveryrequests', { as: alice, body })).toMatchObject({
      status: 202,
      body: { dropOffLocation: { latitude: expect.any(Number), longitude: expect.any(Number) } },
    });
  });

  test('reads a place as "lat,lon"', async () => {
    const answer = await submit({ pickupLocation: '47.605,-122.33' });
    expect(answer.body).toMatchObject({ pickupLocation: { latitude: 47.605, longitude: -122.33 } });
  });

  test.each([
    [0, 'None'],
    [1, 'FingerPrint'],
    [2, 'Picture'],
    [3, 'Voice'],
    ['picture', 'Picture'],
  ])('reads confirmationRequired %j as %s', async (sent, answered) => {
    expect((await submit({ confirmationRequired: sent })).body).toMatchObject({
      confirmationRequired: answered,
    });
  });

  test.each([
    [0, 'Small'],
    [2, 'Large'],
    ['small', 'Small'],
    ['Medium', 'Medium'],
  ])('reads a package’s size %j as %s', async (size, answered) => {
    const answer = await submit({ packageInfo: { size, weight: 1 } });
    expect(answer.body).toMatchObject({ packageInfo: { size: answered } });
  });
});

describe('a change of a request', () => {
  test('PATCH takes the original’s body; on purpose it answers 202 with the id, since the workflow decides', async () => {
    const deliveryId = String((await submit()).body?.['deliveryId']);
    const body = { deliveryId, dropOffLocation: '47.607,-122.333', deadline: '2026-11-23T21:00:00Z' };
    const answer = await call(`PATCH /api/deliveryrequests/${deliveryId}`, {
      as: alice,
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({
      status: 202,
      body: { deliveryId },
      headers: { location: expect.stringContaining(`/api/deliveryrequests/${deliveryId}`) },
    });
  });

  test('DELETE, on purpose, answers 202: whether it was cancelled is in the status', async () => {
    const deliveryId = String((await submit()).body?.['deliveryId']);
    const answer = await call(`DELETE /api/deliveryrequests/${deliveryId}`, { as: alice });
    expect(answer).toMatchObject({ status: 202, body: { deliveryId } });
  });
});

describe('packages', () => {
  test('PUT is 201 with the body, then 204; the document’s own spelling of sizes is read', async () => {
    const line = 'PUT /api/packages/box-1';
    const body = { id: 'box-1', size: 'small', weight: 3, tag: 'blue' };
    expect(await call(line, { as: alice, body })).toMatchObject({
      status: 201,
      body: { id: 'box-1', size: 'Small', weight: 3, tag: 'blue' },
    });
    expect(await call(line, { as: alice, body: { ...body, weight: 4 } })).toMatchObject({
      status: 204,
      body: undefined,
    });
    expect((await call('GET /api/packages/box-1', { as: alice })).body).toEqual({
      id: 'box-1',
      size: 'Small',
      weight: 4,
      tag: 'blue',
    });
  });

  test('PATCH merges and answers 200 on purpose, with what is now stored', async () => {
    await call('PUT /api/packages/box-2', { as: alice, body: { size: 'Medium', weight: 3, tag: 'red' } });
    expect(await call('PATCH /api/packages/box-2', { as: alice, body: { weight: 5 } })).toMatchObject({
      status: 200,
      body: { id: 'box-2', size: 'Medium', weight: 5, tag: 'red' },
    });
  });

  test('an unknown one is 404', async () => {
    expect((await call('GET /api/packages/none', { as: alice })).status).toBe(404);
  });

  test('the summary is {totalWeight}', async () => {
    const answer = await call('GET /api/packages/summary/contoso?year=2026&month=11', { as: alice });
    expect(answer).toMatchObject({ status: 200, body: { totalWeight: expect.any(Number) } });
  });
});

describe('deliveries', () => {
  const of = (path: string) => call(`GET /api/deliveries/${world.contoso.deliveryId}${path}`, { as: alice });

  test('GET has the original’s fields; kinds are words', async () => {
    expect(await of('')).toMatchObject({
      status: 200,
      body: {
        id: world.contoso.deliveryId,
        owner: { userId: 'alice', accountId: 'contoso' },
        pickup: { altitude: 0, latitude: expect.any(Number), longitude: expect.any(Number) },
        dropoff: { altitude: 0, latitude: expect.any(Number), longitude: expect.any(Number) },
        expedited: false,
        confirmationRequired: 'None',
      },
    });
  });

  test('the owner is {userId, accountId}', async () => {
    expect((await of('/owner')).body).toEqual({ userId: 'alice', accountId: 'contoso' });
  });

  test('the status has stage, pickupETA and deliveryETA; on purpose the times are ISO 8601 in UTC', async () => {
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect((await of('/status')).body).toMatchObject({
      stage: 'Created',
      pickupETA: time,
      deliveryETA: time,
    });
  });

  test('POST …/notifymerequests takes {emailAddress, sms} and answers 204', async () => {
    const body = { emailAddress: 'ann@example.com', sms: '+1 555 0100' };
    const line = `POST /api/deliveries/${world.contoso.deliveryId}/notifymerequests`;
    expect((await call(line, { as: alice, body })).status).toBe(204);
  });

  test('the summary is {count}', async () => {
    const answer = await call('GET /api/deliveries/summary?ownerId=contoso&year=2026&month=11', {
      as: alice,
    });
    expect(answer).toMatchObject({ status: 200, body: { count: expect.any(Number) } });
  });

  test('an unknown one is 404', async () => {
    expect((await call('GET /api/deliveries/none', { as: alice })).status).toBe(404);
  });
});

describe('drone deliveries', () => {
  test('the utilization is {traveledMiles, assignedHours}, and 404 when both are 0', async () => {
    const line = (month: number) =>
      `GET /api/dronedeliveries/utilization?ownerId=contoso&year=2026&month=${month}`;
    expect(await call(line(11), { as: alice })).toMatchObject({
      status: 200,
      body: { traveledMiles: expect.any(Number), assignedHours: expect.any(Number) },
    });
    expect((await call(line(10), { as: alice })).status).toBe(404);
  });

  test('DELETE of one that does not exist succeeds', async () => {
    const line = 'DELETE /api/dronedeliveries/none';
    expect((await call(line, { as: service('contoso') })).status).toBe(204);
  });
});

describe('accounts', () => {
  test.each([
    ['contoso', true],
    ['nobody', false],
  ])('GET /api/account/%s answers %s', async (accountId, exists) => {
    const answer = await call(`GET /api/account/${accountId}`, { as: operator });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toBe(exists);
  });
});
