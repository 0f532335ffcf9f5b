import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/drones.ts';
import {
  customer,
  type Harness,
  operator,
  type Reply,
  service,
  startHarness,
} from '../../tests/harness/service.ts';
import { droneService } from './drone.functions.ts';
import { DROPOFF, type Fleet, fleetOf, PERFORMANCE, PICKUP, sample } from './fleet.fixture.ts';

let harness: Harness;
let fleet: Fleet;
let next = 0;

beforeAll(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  harness.add('drone', droneService);
  fleet = fleetOf(harness);
});
afterAll(() => harness[Symbol.asyncDispose]());

/** A delivery with a drone of its own. */
async function reserved(): Promise<{ deliveryId: string; droneId: string; fence: number }> {
  const [deliveryId, droneId] = [`delivery-${++next}`, `drone-${next}`];
  await fleet.add(droneId);
  const drones = await harness.request(contract.listDrones, { as: operator });
  const others = ((drones.body?.['drones'] ?? []) as { id: string }[])
    .map(({ id }) => id)
    .filter((id) => id !== droneId);
  const { body } = await fleet.reserve(deliveryId, { exclude: others });
  return { deliveryId, droneId, fence: Number(body?.['fence']) };
}
const kinds = async (deliveryId: string) =>
  (await fleet.events(deliveryId)).map(({ kind, type }) => kind ?? type);
const flying = (droneId: string, seq: number, latitude: number) =>
  fleet.hear(
    sample(droneId, harness.clock.now, {
      seq,
      leg: 'ToPickup',
      flightMode: 'Inflight',
      position: { latitude, longitude: -122.33, altitude: 60 },
    }),
  );

describe('a mission', () => {
  test('goes down once with the reservation, no matter how often and when it is dispatched', async () => {
    const { deliveryId, droneId, fence } = await reserved();
    const answers = await Promise.all([1, 2, 3, 4].map(() => fleet.dispatch(deliveryId, fence)));
    const body = { missionId: `${deliveryId}-m1`, droneId, fence };
    for (const answer of answers) expect(answer).toMatchObject({ status: 202, body });
    expect(await kinds(deliveryId)).toEqual(['Mission', 'DroneAssigned']);
    const [command] = await fleet.events(deliveryId);
    expect(command).toMatchObject({
      droneId,
      fence,
      mission: { pickup: PICKUP, dropoff: DROPOFF, payload: 1, owner: { accountId: 'contoso' } },
    });
  });

  test('of an older fence is refused', async () => {
    const { deliveryId, fence } = await reserved();
    expect(await fleet.dispatch(deliveryId, fence + 1)).toMatchObject({
      status: 409,
      body: { code: 'stale' },
    });
    expect(await fleet.confirm(deliveryId, fence + 1)).toMatchObject({
      status: 409,
      body: { code: 'stale' },
    });
    expect((await fleet.dispatch('nobody', 1)).status).toBe(404);
  });

  test('is accepted once; a release beats a late acceptance', async () => {
    const { deliveryId, fence } = await reserved();
    await fleet.dispatch(deliveryId, fence);
    const answers = await Promise.all([1, 2, 3].map(() => fleet.confirm(deliveryId, fence)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect((await fleet.job(deliveryId))?.status).toBe('Accepted');
    await fleet.release(deliveryId);
    expect((await fleet.confirm(deliveryId, fence)).body?.['code']).toBe('stale');
    expect((await fleet.dispatch(deliveryId, fence)).body?.['code']).toBe('stale');
  });

  test('is recalled by one command; where there is none, or another fence, there is nothing to recall', async () => {
    const { deliveryId, fence } = await reserved();
    expect((await fleet.recall('nobody', 1)).status).toBe(204);
    expect((await fleet.recall(deliveryId, fence)).status).toBe(204);
    await fleet.dispatch(deliveryId, fence);
    expect((await fleet.recall(deliveryId, fence + 1)).status).toBe(204);
    const answers = await Promise.all([1, 2, 3].map(() => fleet.recall(deliveryId, fence)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(await kinds(deliveryId)).toEqual(['Mission', 'DroneAssigned', 'Recall']);
  });

  test('accepted and recalled at the same moment is both, and neither caller fails', async () => {
    const { deliveryId, fence } = await reserved();
    await fleet.dispatch(deliveryId, fence);
    const answers = await Promise.all([fleet.confirm(deliveryId, fence), fleet.recall(deliveryId, fence)]);
    expect(answers.map(({ status }) => status)).toEqual([204, 202]);
    expect((await fleet.job(deliveryId))?.status).toBe('Recalled');
  });
});

describe('a release', () => {
  test('frees the drone once, tells it once, and succeeds when there is nothing to release', async () => {
    const { deliveryId, droneId, fence } = await reserved();
    expect((await fleet.release('nobody')).status).toBe(204);
    expect((await fleet.release(deliveryId, fence + 1)).status).toBe(204);
    expect(await fleet.holds()).toMatchObject({ [droneId]: deliveryId });
    await fleet.dispatch(deliveryId, fence);
    const answers = await Promise.all([1, 2, 3, 4].map(() => fleet.release(deliveryId)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    expect(await fleet.holds()).not.toHaveProperty(droneId);
    expect(await kinds(deliveryId)).toEqual(['Mission', 'DroneAssigned', 'DroneReleased']);
  });

  test('never frees what another delivery has meanwhile', async () => {
    const { deliveryId, droneId } = await reserved();
    harness.clock.advance(61);
    await fleet.hear(sample(droneId, harness.clock.now, { seq: 2 }));
    await fleet.reserve('the-next', { pickup: PICKUP });
    const before = await fleet.holds();
    await fleet.release(deliveryId);
    expect(await fleet.holds()).toEqual(before);
    await fleet.release('the-next');
  });
});

describe('what was flown for an account', () => {
  const utilization = (as = customer('contoso'), ownerId = 'contoso') =>
    harness.request(contract.droneUtilization, { as, query: { ownerId, year: '2026', month: '11' } });

  test('is 404 when nothing was, is for the account only, and is the sum over drones and deliveries', async () => {
    expect((await utilization(operator, 'nobody')).status).toBe(404);
    expect((await utilization(customer('fabrikam'))).status).toBe(404);
    const before = (await utilization()).body as { traveledMiles: number; assignedHours: number };
    const { deliveryId, droneId, fence } = await reserved();
    await fleet.dispatch(deliveryId, fence);
    await fleet.confirm(deliveryId, fence);
    await flying(droneId, 2, 47.6);
    await flying(droneId, 3, 47.61);
    harness.clock.advance(1800);
    const second = `drone-${++next}`;
    await fleet.add(second);
    const again = await fleet.reserve(deliveryId, { generation: 2 });
    expect(again.body?.['droneId']).toBe(second);
    harness.clock.advance(1800);
    await fleet.release(deliveryId);
    const after = (await utilization()).body as typeof before;
    expect(after.assignedHours - before.assignedHours).toBeCloseTo(1, 5);
    expect(after.traveledMiles - before.traveledMiles).toBeCloseTo(1111.9 / 1609.344, 2);
  });
});

describe('telemetry', () => {
  const state = async (droneId: string) =>
    (await harness.request(contract.getDrone, { as: operator, params: { droneId } })).body?.['state'] as
      | Record<string, unknown>
      | undefined;

  test('in any order, repeated and at the same moment, leaves the newest sample', async () => {
    const { droneId } = await reserved();
    const samples = [2, 3, 4, 5, 6, 7, 8].map((seq) =>
      sample(droneId, harness.clock.now, { seq, heading: seq * 10, boot: 'b1', battery: 1 - seq * 0.06 }),
    );
    await Promise.all([...samples, ...samples].toReversed().map((each) => fleet.hear(each)));
    expect(await state(droneId)).toMatchObject({ heading: 80 });
    await fleet.hear(samples[0] as never);
    expect(await state(droneId)).toMatchObject({ heading: 80 });
  });

  test('of a later start counts from the beginning again; of an earlier start, with any number or zone, it is late', async () => {
    const { droneId } = await reserved();
    const at = (time: string, boot: string, seq: number, heading: number) =>
      fleet.hear(sample(droneId, harness.clock.now, { time, boot, seq, heading }));
    await at('2027-01-01T10:00:00Z', 'b1', 500, 1);
    await at('2027-01-01T10:00:01Z', 'b2', 1, 2);
    expect(await state(droneId)).toMatchObject({ heading: 2 });
    await at('2027-01-01T11:00:00.500+01:00', 'b1', 900, 3);
    expect(await state(droneId)).toMatchObject({ heading: 2, time: '2027-01-01T10:00:01.000Z' });
  });

  test('that changes the flight mode says so, once', async () => {
    const { droneId } = await reserved();
    await Promise.all([flying(droneId, 2, 47.6), flying(droneId, 2, 47.6), flying(droneId, 3, 47.601)]);
    const { items } = await harness.database
      .store<{ id: string; body: { type: string } }>('drones')
      .query<{ body: { type: string } }>(
        "SELECT * FROM c WHERE c.type = 'event'",
        {},
        { partitionKey: droneId },
      );
    expect(items.map(({ body }) => body.type)).toEqual(['DroneStatusChanged']);
  });

  test('of a drone that nobody registered is kept, and the drone is not there', async () => {
    await fleet.hear(sample('stranger', harness.clock.now));
    const params = { droneId: 'stranger' };
    expect((await harness.request(contract.getDrone, { as: operator, params })).status).toBe(404);
  });
});

describe('the registry', () => {
  const base = { baseId: 'b', position: { latitude: 47.6, longitude: -122.33, altitude: 0 } };
  const entry = { model: 'M1', performance: PERFORMANCE, base };
  const put = (droneId: string, more: object = {}, headers: Record<string, string> = {}): Promise<Reply> =>
    harness.request(contract.putDrone, {
      as: operator,
      params: { droneId },
      body: { ...entry, ...more },
      headers,
    });

  test('takes a drone once, also at the same moment, and changes it', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => put('twin')));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 201]);
    const changed = await put('twin', { health: 'Maintenance' });
    expect(changed).toMatchObject({ status: 200, body: { health: 'Maintenance' } });
  });

  test('honours If-None-Match and If-Match', async () => {
    const made = await put('careful');
    const only = { 'if-none-match': '*' };
    expect(await put('careful', {}, only)).toMatchObject({ status: 412, body: { code: 'etag_mismatch' } });
    const etag = String(made.headers['etag']);
    expect((await put('careful', { model: 'M2' }, { 'if-match': etag })).status).toBe(200);
    expect((await put('careful', { model: 'M3' }, { 'if-match': etag })).status).toBe(412);
    expect((await put('not-there', {}, { 'if-match': etag })).status).toBe(412);
  });

  test('a change does not touch the reservation, nor the reservation the change', async () => {
    const { deliveryId, droneId } = await reserved();
    await Promise.all([put(droneId, { model: 'M9' }), fleet.reserve(deliveryId, { generation: 2 })]);
    const params = { droneId };
    const { body } = await harness.request(contract.getDrone, { as: operator, params });
    expect(body?.['model']).toBe('M9');
  });

  test('drones nearby come nearest first, within the radius', async () => {
    const query = { lat: '47.6', lon: '-122.33', radius: '120' };
    await fleet.add('near-0', 'near-1', 'near-2', 'near-3');
    const { body } = await harness.request(contract.listDronesNearby, { as: operator, query });
    const ids = ((body?.['drones'] ?? []) as { id: string }[])
      .map(({ id }) => id)
      .filter((id) => id.startsWith('near'));
    expect(ids).toEqual(['near-0', 'near-1', 'near-2']);
  });
});

describe('a quote and a job', () => {
  test('a quote is feasible with ETAs, or counts the drones by the reason why not', async () => {
    await fleet.add(`drone-${++next}`);
    const quote = (weight: number) =>
      harness.request(contract.quoteDrone, {
        as: service(),
        body: { pickup: PICKUP, dropoff: DROPOFF, weight, size: 'Small' },
      });
    expect((await quote(1)).body).toMatchObject({ feasible: true, refusals: [] });
    const refused = await quote(50);
    expect(refused.body).toMatchObject({ feasible: false, refusals: [{ code: 'too_heavy' }] });
  });

  test('a job shows its drone’s latest state; where there is none it is 404', async () => {
    const { deliveryId, droneId, fence } = await reserved();
    const get = (id: string) =>
      harness.request(contract.getDroneDelivery, { as: operator, params: { deliveryId: id } });
    expect((await get(deliveryId)).body).toMatchObject({
      droneId,
      fence,
      status: 'Reserved',
      state: { battery: 1 },
    });
    expect((await get('nobody')).status).toBe(404);
  });
});
