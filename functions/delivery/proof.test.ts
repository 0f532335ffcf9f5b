import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StorageServer, startStorage } from 'azure-local/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/deliveries.ts';
import { getDroneDelivery } from '../../shared/contracts/drones.ts';
import type { FlightLeg } from '../../shared/contracts/flight.ts';
import { getWorkflow, PROOF_STEP, putInboxEvent } from '../../shared/contracts/workflows.ts';
import { customer, type Harness, operator, startHarness } from '../../tests/harness/service.ts';
import { type Deliveries, deliveriesOf, PLAN } from './delivery.fixture.ts';
import { deliveryService } from './delivery.functions.ts';
import { png } from './proof.fixture.ts';

let dataDir: string;
let storage: StorageServer;
let harness: Harness;
let deliveries: Deliveries;
let told: { deliveryId: string; eventId: string }[];
/** Deliveries whose workflow waits for the proof. */
const waiting = new Set<string>();
/** Of every drone that is asked for. */
let leg: FlightLeg = 'ToDropoff';
const TEXT = Buffer.from('this is not a picture at all, although it is longer than the shortest one');

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'proof-'));
  storage = await startStorage({ port: 0, dataDir });
  harness = await startHarness({
    containers: ['deliveries'],
    settings: { AzureWebJobsStorage: storage.connectionString },
  });
  harness.add('delivery', deliveryService);
  deliveries = deliveriesOf(harness);
  told = [];
  harness.answer(putInboxEvent, async ({ params }) => {
    told.push(params);
    return { status: 202 as const, body: { deliveryId: params.deliveryId } };
  });
  harness.answer(getWorkflow, async ({ params: { deliveryId } }) => ({
    status: 200 as const,
    body: {
      deliveryId,
      owner: PLAN.owner,
      state: 'Processing' as const,
      step: waiting.has(deliveryId) ? PROOF_STEP : 'arrive',
      attempts: 1,
      generation: 1,
      pastPivot: true,
      deliveryCreated: true,
      plan: { pickup: PLAN.pickup, dropoff: PLAN.dropoff },
      audit: [],
      updatedAt: harness.clock.now.toISOString(),
    },
  }));
  harness.answer(getDroneDelivery, async ({ params: { deliveryId } }) => ({
    status: 200 as const,
    body: {
      deliveryId,
      droneId: 'drone-1',
      missionId: 'm',
      fence: 1,
      status: 'Accepted' as const,
      state: {
        time: harness.clock.now.toISOString(),
        position: PLAN.dropoff,
        heading: 0,
        battery: 1,
        flightMode: 'Inflight' as const,
        leg,
        loaded: true,
        deliveryId,
      },
    },
  }));
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await storage.close();
  await rm(dataDir, { recursive: true, force: true });
});

const PICTURE = png(640, 480);
const confirm = (deliveryId: string, more: object = {}, as = customer('contoso')) =>
  harness.request(contract.confirmDelivery, {
    as,
    params: { deliveryId },
    body: {
      geoCoordinates: PLAN.dropoff,
      confirmationType: 'Picture',
      confirmationBlob: PICTURE.toString('base64'),
      ...more,
    },
  });
const list = async (deliveryId: string, as = customer('contoso')) =>
  (await harness.request(contract.listConfirmations, { as, params: { deliveryId } })).body?.[
    'confirmations'
  ] as Record<string, unknown>[];
const get = (deliveryId: string, proofId: string, as = customer('contoso')) =>
  harness.request(contract.getConfirmation, { as, params: { deliveryId, proofId } });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** On its way to the dropoff. */
async function underWay(confirmationRequired: string): Promise<string> {
  const deliveryId = await deliveries.create({ confirmationRequired });
  for (const event of ['HeadedToPickup', 'HeadedToDropoff']) await deliveries.move(deliveryId, event);
  return deliveryId;
}
/** Its workflow waits for the proof. */
async function arrived(confirmationRequired: string): Promise<string> {
  const deliveryId = await underWay(confirmationRequired);
  waiting.add(deliveryId);
  return deliveryId;
}

describe('a proof of delivery', () => {
  test('is kept with its hash, time and place, and can be read by its account; the workflow is told', async () => {
    const deliveryId = await arrived('Picture');
    harness.clock.advance(600);
    const dateTime = { dateTimeValue: '2026-11-23T14:05:00+02:00' };
    expect(await confirm(deliveryId, { dateTime })).toMatchObject({ status: 200, body: { confirmed: true } });
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: true });
    expect(told).toContainEqual({ deliveryId, eventId: `${deliveryId}-confirmed` });
    const proofId = sha256(PICTURE).slice(0, 32);
    expect(await list(deliveryId)).toEqual([
      {
        proofId,
        confirmationType: 'Picture',
        at: '2026-11-23T12:05:00.000Z',
        receivedAt: '2026-11-23T12:10:00.000Z',
        position: PLAN.dropoff,
        by: 'user-1',
        contentType: 'image/png',
        width: 640,
        height: 480,
        size: PICTURE.length,
        sha256: sha256(PICTURE),
      },
    ]);
    const kept = await get(deliveryId, proofId);
    expect(kept.status).toBe(200);
    expect(kept.headers).toMatchObject({
      'content-type': 'image/png',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(Buffer.from(kept.bytes ?? [])).toEqual(PICTURE);
    expect((await get(deliveryId, proofId, operator)).status).toBe(200);
    expect((await get(deliveryId, proofId, customer('fabrikam'))).status).toBe(404);
    expect((await get(deliveryId, 'another')).status).toBe(404);
    expect(await list(await underWay('Picture'))).toEqual([]);
  });

  test('that comes later, or at the same moment, changes nothing (P3)', async () => {
    const deliveryId = await arrived('Picture');
    const pictures = [png(100, 100), png(200, 200)];
    const answers = await Promise.all([
      ...pictures.map((each) => confirm(deliveryId, { confirmationBlob: each.toString('base64') })),
      deliveries.move(deliveryId, 'Completed'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const first = await list(deliveryId);
    harness.clock.advance(60);
    expect((await confirm(deliveryId, { confirmationBlob: png(300, 300).toString('base64') })).status).toBe(
      200,
    );
    expect(await list(deliveryId)).toEqual(first);
    const { proofId, sha256: hash } = first[0] as { proofId: string; sha256: string };
    expect(pictures.map(sha256)).toContain(hash);
    expect(sha256((await get(deliveryId, proofId)).bytes ?? new Uint8Array())).toBe(hash);
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ stage: 'Completed', confirmed: true });
  });

  test('is refused before the arrival, and accepted once the drone stands at the dropoff (P1)', async () => {
    const early = await deliveries.create({ confirmationRequired: 'Picture' });
    expect(await confirm(early)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const deliveryId = await underWay('Picture');
    leg = 'ToDropoff';
    expect(await confirm(deliveryId)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: false });
    leg = 'AtDropoff';
    expect(await confirm(deliveryId)).toMatchObject({ status: 200 });
  });

  test.each([
    ['of another kind', { confirmationType: 'Voice' }, 'body.confirmationType'],
    ['of a kind given as another number', { confirmationType: 3 }, 'body.confirmationType'],
    ['without its content', { confirmationBlob: undefined }, 'body.confirmationBlob'],
    ['that is not base64', { confirmationBlob: '***' }, 'body.confirmationBlob'],
    ['that is text', { confirmationBlob: TEXT.toString('base64') }, 'body.confirmationBlob'],
    [
      'from off the globe',
      { geoCoordinates: { latitude: 91, longitude: 0 } },
      'body.geoCoordinates.latitude',
    ],
    ['from Sydney', { geoCoordinates: { latitude: -33.8, longitude: 151.2 } }, 'body.geoCoordinates'],
    ['from before the pickup', { dateTime: '2026-11-23T11:00:00Z' }, 'body.dateTime'],
    ['from the future', { dateTime: '2999-01-01T00:00:00Z' }, 'body.dateTime'],
  ])('%s is refused (P1, P2)', async (_, more, path) => {
    const deliveryId = await arrived('Picture');
    const answer = await confirm(deliveryId, more);
    expect(answer.status).toBe(400);
    expect(answer.body?.['errors']).toContainEqual(expect.objectContaining({ path }));
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: false });
  });

  test('may be of any kind where none was required, and is still checked', async () => {
    const deliveryId = await arrived('None');
    expect((await confirm(deliveryId, { confirmationBlob: TEXT.toString('base64') })).status).toBe(400);
    const nothing = { confirmationType: 'None', confirmationBlob: undefined };
    expect((await confirm(deliveryId, nothing)).status).toBe(200);
    expect(await list(deliveryId)).toMatchObject([{ proofId: 'none', confirmationType: 'None' }]);
    expect((await confirm(deliveryId, {}, customer('fabrikam'))).status).toBe(404);
  });

  test('is not taken while storage is away: 503, and nothing is confirmed', async () => {
    const deliveryId = await arrived('Picture');
    const away =
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Yg==;BlobEndpoint=http://127.0.0.1:1/a;';
    const deps = harness.deps('delivery');
    harness.add('delivery', () =>
      deliveryService({ ...deps, settings: { ...deps.settings, AzureWebJobsStorage: away } }),
    );
    const answer = await confirm(deliveryId);
    harness.add('delivery', deliveryService);
    expect(answer).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: false });
  });
});
