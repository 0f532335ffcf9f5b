import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DELIVERY_STAGES, type DeliveryStage } from '../../shared/contracts/common.ts';
import * as contract from '../../shared/contracts/deliveries.ts';
import { getDroneDelivery } from '../../shared/contracts/drones.ts';
import { AppError } from '../../shared/errors.ts';
import {
  admin,
  customer,
  type Harness,
  operator,
  service,
  startHarness,
} from '../../tests/harness/service.ts';
import { type Deliveries, deliveriesOf, eta, PLAN } from './delivery.fixture.ts';
import { deliveryService } from './delivery.functions.ts';
import { ENDED, EVENT_OF, transition } from './domain.ts';
import { createDeliveryRepository } from './repository.ts';

let harness: Harness;
let deliveries: Deliveries;
let drone: object | AppError;

beforeAll(async () => {
  harness = await startHarness({
    containers: ['deliveries'],
    settings: { MAX_SHARE_LINKS_PER_DELIVERY: '8' },
  });
  harness.add('delivery', deliveryService);
  deliveries = deliveriesOf(harness);
  drone = new AppError('not_found', 'no drone has it');
  harness.answer(getDroneDelivery, async ({ params }) => {
    if (drone instanceof AppError) throw drone;
    const job = { droneId: 'drone-1', missionId: 'm', fence: 1, status: 'Accepted' as const };
    const time = harness.clock.now.toISOString();
    const state = {
      time,
      position: { latitude: 47.605, longitude: -122.33, altitude: 60 },
      heading: 0,
      battery: 1,
      flightMode: 'Inflight' as const,
      leg: 'ToDropoff' as const,
      loaded: true,
      deliveryId: params.deliveryId,
      ...drone,
    };
    return { status: 200 as const, body: { ...job, deliveryId: params.deliveryId, state } };
  });
});
afterAll(() => harness[Symbol.asyncDispose]());

const EVENTS = contract.StageEvent.shape.event.options;

describe('the stage machine', () => {
  const reach = (events: readonly (typeof EVENTS)[number][]): DeliveryStage[] => {
    const stages: DeliveryStage[] = ['Created'];
    for (const event of events) {
      try {
        stages.push(transition(stages.at(-1) as DeliveryStage, event));
      } catch (error) {
        expect(error).toMatchObject({ code: 'conflict' });
      }
    }
    return stages;
  };
  const histories = fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 });

  test('never leaves an end, and never loses a package that is on board', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const stages = reach(events);
        const ends = stages.filter((stage) => ENDED.has(stage));
        expect(ends.length).toBeLessThanOrEqual(1);
        if (ends.length > 0) expect(stages.at(-1)).toBe(ends[0]);
        const loaded = stages.indexOf('HeadedToDropoff');
        if (loaded >= 0) {
          for (const later of stages.slice(loaded + 1)) {
            expect(['Returning', 'Completed', 'Failed']).toContain(later);
          }
        }
        if (stages.includes('Completed')) expect(loaded).toBeGreaterThan(0);
        const returning = stages.indexOf('Returning');
        if (returning >= 0) {
          for (const later of stages.slice(returning + 1)) expect(later).toBe('Failed');
        }
      }),
    );
  });

  test('reaches every stage, and each has its event', () => {
    const seen = new Set<DeliveryStage>();
    fc.assert(
      fc.property(histories, (events) => {
        for (const stage of reach(events)) seen.add(stage);
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect([...seen].toSorted()).toEqual([...DELIVERY_STAGES].toSorted());
    expect(Object.keys(EVENT_OF).toSorted()).toEqual([...DELIVERY_STAGES].toSorted());
  });
});

describe('a delivery', () => {
  test('is created once, also at the same moment, with one event', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => deliveries.put('at-once')));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 204, 204, 204]);
    expect(await deliveries.events('at-once')).toMatchObject([{ sequence: 0, stage: 'Created' }]);
    expect(await deliveries.announced('at-once')).toEqual(['0 DeliveryCreated']);
  });

  test('is never overwritten: not its stage, its owner, nor under another id', async () => {
    const deliveryId = await deliveries.create();
    await deliveries.move(deliveryId, 'HeadedToPickup');
    expect((await deliveries.put(deliveryId)).status).toBe(204);
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ stage: 'HeadedToPickup' });
    const theirs = { owner: { userId: 'user-1', accountId: 'fabrikam' } };
    expect(await deliveries.put(deliveryId, theirs)).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await deliveries.put(deliveryId, { id: 'another' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'body.id' }] },
    });
  });

  test('gets another drone without an event, other changes with one; each once', async () => {
    const deliveryId = await deliveries.create();
    for (const _ of [1, 2])
      await deliveries.put(deliveryId, { droneId: 'drone-2', pickupEta: eta('2026-11-23T12:07:00.000Z') });
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ droneId: 'drone-2', stage: 'Created' });
    const dropoff = { ...PLAN.dropoff, latitude: 47.62 };
    await Promise.all([1, 2, 3].map(() => deliveries.put(deliveryId, { dropoff })));
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ dropoff, stage: 'Rescheduled' });
    expect(await deliveries.announced(deliveryId)).toEqual(['0 DeliveryCreated', '1 DeliveryRescheduled']);
  });

  test('given to a carrier no longer has a drone', async () => {
    const deliveryId = await deliveries.create();
    await deliveries.put(deliveryId, { droneId: undefined, carrierId: 'van' });
    const { body } = await deliveries.get(deliveryId);
    expect(body).toMatchObject({ carrierId: 'van' });
    expect(body).not.toHaveProperty('droneId');
  });

  test('with the package on board takes the same plan, which changes nothing, and no other', async () => {
    const deliveryId = await deliveries.create();
    for (const event of ['HeadedToPickup', 'HeadedToDropoff']) await deliveries.move(deliveryId, event);
    expect((await deliveries.put(deliveryId)).status).toBe(204);
    expect((await deliveries.put(deliveryId, { droneId: 'drone-9' })).status).toBe(409);
    await deliveries.move(deliveryId, 'Completed');
    expect((await deliveries.put(deliveryId)).status).toBe(204);
    expect(await deliveries.events(deliveryId)).toHaveLength(4);
  });

  test('honours If-Match', async () => {
    const deliveryId = await deliveries.create();
    const etag = String((await deliveries.get(deliveryId)).headers['etag']);
    expect((await deliveries.put(deliveryId, { droneId: 'drone-2' }, { 'if-match': etag })).status).toBe(204);
    const again = await deliveries.put(deliveryId, { droneId: 'drone-3' }, { 'if-match': etag });
    expect(again).toMatchObject({ status: 412, body: { code: 'etag_mismatch' } });
    expect((await deliveries.put('not-there', {}, { 'if-match': etag })).status).toBe(412);
  });
});

describe('what happens to a delivery', () => {
  test('is applied once per event id, at the same moment too, and in what order it comes', async () => {
    const deliveryId = await deliveries.create();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => deliveries.move(deliveryId, 'HeadedToPickup', 'take-off')),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    await deliveries.move(deliveryId, 'HeadedToDropoff', 'pick-up', { position: PLAN.pickup });
    await deliveries.move(deliveryId, 'HeadedToPickup', 'take-off');
    expect(await deliveries.events(deliveryId)).toMatchObject([
      { sequence: 0, stage: 'Created' },
      { sequence: 1, stage: 'HeadedToPickup' },
      { sequence: 2, stage: 'HeadedToDropoff', position: PLAN.pickup },
    ]);
    expect(await deliveries.announced(deliveryId)).toEqual([
      '0 DeliveryCreated',
      '1 DeliveryHeadedToPickup',
      '2 DeliveryHeadedToDropoff',
    ]);
  });

  test('of many kinds at the same moment leaves events without a gap, and one for each change', async () => {
    const deliveryId = await deliveries.create();
    const kinds = [
      'HeadedToPickup',
      'Rescheduled',
      'HeadedToPickup',
      'Rescheduled',
      'HeadedToPickup',
      'Cancelled',
    ];
    const answers = await Promise.all(kinds.map((kind) => deliveries.move(deliveryId, kind)));
    const taken = answers.filter(({ status }) => status === 200).length;
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const events = await deliveries.events(deliveryId);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
    expect(events).toHaveLength(taken + 1);
    expect(await deliveries.announced(deliveryId)).toHaveLength(taken + 1);
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ stage: events.at(-1)?.stage });
  });

  test('that its stage does not allow is 409 and changes nothing; a delivery that is not there is 404', async () => {
    const deliveryId = await deliveries.create();
    const before = await deliveries.get(deliveryId);
    expect(await deliveries.move(deliveryId, 'Completed')).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await deliveries.get(deliveryId)).toEqual(before);
    expect((await deliveries.move('nowhere', 'Cancelled')).status).toBe(404);
  });

  test('is recognized long after, and what is kept for that is bounded', async () => {
    const deliveryId = await deliveries.create();
    for (let index = 0; index < 60; index++) {
      await deliveries.move(deliveryId, index % 2 ? 'Rescheduled' : 'HeadedToPickup', `event-${index}`);
    }
    expect((await deliveries.move(deliveryId, 'HeadedToPickup', 'event-0')).status).toBe(200);
    expect(await deliveries.events(deliveryId)).toHaveLength(61);
    for (let index = 60; index < 130; index++) {
      await deliveries.move(deliveryId, index % 2 ? 'Rescheduled' : 'HeadedToPickup', `event-${index}`);
    }
    const stored = await createDeliveryRepository(harness.database).find(deliveryId);
    expect(stored?.item.applied).toHaveLength(100);
    expect(stored?.item.applied.at(-1)).toBe('event-129');
  });

  test('is for services to say', async () => {
    const deliveryId = await deliveries.create();
    const body = { eventId: 'e', event: 'Cancelled', at: '2026-11-23T12:00:00Z' };
    for (const as of [customer('contoso'), admin('contoso'), operator]) {
      const params = { deliveryId };
      expect((await harness.request(contract.moveDelivery, { as, params, body })).status).toBe(403);
    }
  });
});

describe('reading', () => {
  test('is for the account, for operators and services; for another account it is not there', async () => {
    const deliveryId = await deliveries.create();
    const params = { deliveryId };
    const routes = [
      contract.getDelivery,
      contract.getDeliveryOwner,
      contract.getDeliveryStatus,
      contract.listDeliveryEvents,
    ];
    for (const route of routes) {
      for (const as of [customer('contoso'), admin('contoso'), operator, service()]) {
        expect((await harness.request(route, { as, params })).status).toBe(200);
      }
      expect((await harness.request(route, { as: admin('fabrikam'), params })).status).toBe(404);
    }
  });

  test('the status is live while the drone has this delivery, else what is known', async () => {
    const deliveryId = await deliveries.create();
    const status = async () =>
      (await harness.request(contract.getDeliveryStatus, { as: operator, params: { deliveryId } })).body;
    expect(await status()).toMatchObject({ stage: 'Created', deliveryETA: PLAN.deliveryEta.at });
    drone = { deliveryEta: eta('2026-11-23T12:09:00.000Z') };
    expect(await status()).toMatchObject({
      deliveryETA: '2026-11-23T12:09:00.000Z',
      lastKnownLocation: { latitude: 47.605 },
    });
    drone = { deliveryId: 'another' };
    expect(await status()).not.toHaveProperty('lastKnownLocation');
    drone = new AppError('dependency_unavailable', 'away');
    await deliveries.move(deliveryId, 'HeadedToPickup', 'e', { position: PLAN.pickup });
    expect(await status()).toMatchObject({ lastKnownLocation: PLAN.pickup });
    drone = new AppError('not_found', 'none');
  });

  test('the count is of the account and the month, for the account only', async () => {
    const owner = { userId: 'user-1', accountId: 'counted' };
    await Promise.all([1, 2, 3].map((each) => deliveries.put(`counted-${each}`, { owner })));
    const count = (as = customer('counted'), month = '11') =>
      harness.request(contract.summarizeDeliveries, {
        as,
        query: { ownerId: 'counted', year: '2026', month },
      });
    expect((await count()).body).toEqual({ count: 3 });
    expect((await count(customer('counted'), '10')).body).toEqual({ count: 0 });
    expect((await count(customer('contoso'))).status).toBe(404);
    expect((await count(operator)).body).toEqual({ count: 3 });
  });
});

test('the last known location of a completed delivery is where it was completed (W25)', async () => {
  const place = { latitude: 47.6101, longitude: -122.3399, altitude: 0 };
  for (const [position, expected] of [
    [undefined, PLAN.dropoff],
    [place, place],
  ]) {
    const deliveryId = await deliveries.create();
    await deliveries.move(deliveryId, 'HeadedToPickup');
    await deliveries.move(deliveryId, 'HeadedToDropoff', 'e', { position: PLAN.pickup });
    await deliveries.move(deliveryId, 'Completed', 'f', position ? { position } : {});
    const answer = await harness.request(contract.getDeliveryStatus, {
      as: operator,
      params: { deliveryId },
    });
    expect(answer.body?.['lastKnownLocation']).toEqual(expected);
  }
});

describe('a share link', () => {
  const share = async (deliveryId: string, hours = 1) => {
    const as = customer('contoso');
    const { body } = await harness.request(contract.createShareLink, {
      as,
      params: { deliveryId },
      body: { hours },
    });
    return body as { linkId: string; token: string; url: string };
  };
  const open = (token: string) => harness.request(contract.getPublicDelivery, { params: { token } });

  test('shows the delivery to everyone who has it, and neither owner nor drone nor pickup', async () => {
    const deliveryId = await deliveries.create();
    const { token, url } = await share(deliveryId);
    expect(url).toContain(token);
    const answer = await open(token);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
      body: { stage: 'Created', dropoff: PLAN.dropoff },
    });
    expect(Object.keys(answer.body ?? {}).toSorted()).toEqual([
      'deliveryEta',
      'dropoff',
      'stage',
      'updatedAt',
    ]);
  });

  test('works for every id that a delivery may have', async () => {
    await deliveries.put('a.b~c-d_e');
    expect((await open((await share('a.b~c-d_e')).token)).status).toBe(200);
  });

  test('expires, is revoked, and is no other’s: then it is 404', async () => {
    const deliveryId = await deliveries.create();
    const [first, second, third] = [
      await share(deliveryId),
      await share(deliveryId),
      await share(deliveryId, 9),
    ];
    const revoke = (as = customer('contoso')) =>
      harness.request(contract.revokeShareLink, { as, params: { deliveryId, linkId: second.linkId } });
    expect((await revoke(customer('fabrikam'))).status).toBe(404);
    expect((await open(second.token)).status).toBe(200);
    expect((await revoke()).status).toBe(204);
    expect((await revoke()).status).toBe(404);
    expect((await open(second.token)).status).toBe(404);
    expect((await open(first.token)).status).toBe(200);
    harness.clock.advance(3600);
    expect((await open(first.token)).status).toBe(404);
    expect((await open(third.token)).status).toBe(200);
  });

  test('that was tampered with is 404 (L3)', async () => {
    const deliveryId = await deliveries.create();
    const { token } = await share(deliveryId);
    const text = Buffer.from(token, 'base64url').toString();
    const other = await share(await deliveries.create());
    const secretOfOther = Buffer.from(other.token, 'base64url').toString().split('.').at(-1);
    const forged = [
      text.slice(0, -4),
      text.replace(/[^.]+$/, String(secretOfOther)),
      `${text}x`,
      'x'.repeat(40),
      "a' OR 1=1.b.cccccccccccccccc",
    ].map((each) => Buffer.from(each).toString('base64url'));
    for (const each of [...forged, `${token}==`, `${token}=`, ` ${token}`, `${token}!`, 'abc.def', 'x']) {
      expect(await open(each)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect((await open(token)).status).toBe(200);
  });

  test('is made for one’s own delivery only, for a quarter of an hour to a week', async () => {
    const deliveryId = await deliveries.create();
    const create = (hours: number, as = customer('contoso')) =>
      harness.request(contract.createShareLink, { as, params: { deliveryId }, body: { hours } });
    expect((await create(1, customer('fabrikam'))).status).toBe(404);
    for (const hours of [0, 1e-9, -1, 0.24, 168.1]) expect((await create(hours)).status).toBe(400);
    for (const hours of [0.25, 168]) expect((await create(hours)).status).toBe(201);
    await deliveries.move(deliveryId, 'Cancelled');
    expect(await create(1)).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  test('is one of a limited number (L2), of which those that expired or were revoked do not count', async () => {
    const deliveryId = await deliveries.create();
    const as = customer('contoso');
    const create = (hours: number) =>
      harness.request(contract.createShareLink, { as, params: { deliveryId }, body: { hours } });
    const list = async () => {
      const { body } = await harness.request(contract.listShareLinks, { as, params: { deliveryId } });
      return body?.['links'] as { linkId: string; expiresAt: string; createdBy: string }[];
    };
    const answers = await Promise.all(Array.from({ length: 25 }, () => create(1)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(8);
    expect(answers.find(({ status }) => status !== 201)).toMatchObject({
      status: 409,
      body: { code: 'limit_reached' },
    });
    const [first] = await list();
    expect(await list()).toHaveLength(8);
    expect(Object.keys(first ?? {}).toSorted()).toEqual(['createdAt', 'createdBy', 'expiresAt', 'linkId']);
    const params = { deliveryId, linkId: first?.linkId ?? '' };
    expect((await harness.request(contract.revokeShareLink, { as, params })).status).toBe(204);
    expect((await create(2)).status).toBe(201);
    expect((await create(2)).status).toBe(409);
    harness.clock.advance(3600);
    expect(await list()).toHaveLength(1);
    const others = { as: customer('fabrikam'), params: { deliveryId } };
    expect((await harness.request(contract.listShareLinks, others)).status).toBe(404);
  });

  test('shows where the parcel is from the pickup on, and not before', async () => {
    const deliveryId = await deliveries.create();
    const { token } = await share(deliveryId);
    drone = {};
    const shown = async () => (await open(token)).body;
    expect(await shown()).not.toHaveProperty('lastKnownLocation');
    await deliveries.move(deliveryId, 'HeadedToPickup');
    expect(await shown()).not.toHaveProperty('lastKnownLocation');
    await deliveries.move(deliveryId, 'HeadedToDropoff');
    expect(await shown()).toHaveProperty('lastKnownLocation');
    drone = new AppError('not_found', 'none');
  });
});
