import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { type StorageServer, startStorage } from 'azure-local/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/deliveries.ts';
import { putInboxEvent } from '../../shared/contracts/workflows.ts';
import { customer, type Harness, startHarness } from '../../tests/harness/service.ts';
import { type Deliveries, deliveriesOf, PLAN } from './delivery.fixture.ts';
import { deliveryService } from './delivery.functions.ts';
import { createDeliveryRepository } from './repository.ts';

let dataDir: string;
let storage: StorageServer;
let harness: Harness;
let deliveries: Deliveries;
let told: { deliveryId: string; eventId: string }[];

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
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await storage.close();
  await rm(dataDir, { recursive: true, force: true });
});

const PICTURE = Buffer.from('a picture of a parcel').toString('base64');
const confirm = (deliveryId: string, more: object = {}, as = customer('contoso')) =>
  harness.request(contract.confirmDelivery, {
    as,
    params: { deliveryId },
    body: { geoCoordinates: PLAN.dropoff, confirmationType: 'Picture', confirmationBlob: PICTURE, ...more },
  });
async function arrived(confirmationRequired: string): Promise<string> {
  const deliveryId = await deliveries.create({ confirmationRequired });
  for (const event of ['HeadedToPickup', 'HeadedToDropoff']) await deliveries.move(deliveryId, event);
  return deliveryId;
}
const blob = async (name: string) => {
  const container = BlobServiceClient.fromConnectionString(storage.connectionString).getContainerClient(
    'proofs',
  );
  return (await container.getBlobClient(name).downloadToBuffer()).toString();
};

describe('a proof of delivery', () => {
  test('is kept, with its kind, time and place; the workflow is told', async () => {
    const deliveryId = await arrived('Picture');
    const dateTime = { dateTimeValue: '2026-11-23T14:00:00+02:00' };
    expect(await confirm(deliveryId, { dateTime })).toMatchObject({ status: 200, body: { confirmed: true } });
    expect(await blob(`${deliveryId}/picture`)).toBe('a picture of a parcel');
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: true });
    expect((await createDeliveryRepository(harness.database).find(deliveryId))?.item.proof).toEqual({
      type: 'Picture',
      at: '2026-11-23T12:00:00.000Z',
      position: PLAN.dropoff,
      by: 'user-1',
      blob: `${deliveryId}/picture`,
    });
    expect(told).toContainEqual({ deliveryId, eventId: `${deliveryId}-confirmed` });
  });

  test('that comes again, or at the same moment as the next event, changes nothing', async () => {
    const deliveryId = await arrived('Picture');
    const answers = await Promise.all([
      confirm(deliveryId),
      confirm(deliveryId, { confirmationBlob: PICTURE }),
      deliveries.move(deliveryId, 'Completed'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const other = Buffer.from('another').toString('base64');
    expect((await confirm(deliveryId, { confirmationBlob: other })).status).toBe(200);
    expect(await blob(`${deliveryId}/picture`)).toBe('a picture of a parcel');
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ stage: 'Completed', confirmed: true });
  });

  test.each([
    ['of another kind', { confirmationType: 'Voice' }, 'body.confirmationType'],
    ['of a kind given as another number', { confirmationType: 3 }, 'body.confirmationType'],
    ['without the thing itself', { confirmationBlob: undefined }, 'body.confirmationBlob'],
    ['that is no base64', { confirmationBlob: '***' }, 'body.confirmationBlob'],
    [
      'from off the globe',
      { geoCoordinates: { latitude: 91, longitude: 0 } },
      'body.geoCoordinates.latitude',
    ],
  ])('%s is refused', async (_, more, path) => {
    const deliveryId = await arrived('Picture');
    expect(await confirm(deliveryId, more)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
    expect((await deliveries.get(deliveryId)).body).toMatchObject({ confirmed: false });
  });

  test('that nobody asked for may be anything; before the arrival there is nothing to confirm', async () => {
    const deliveryId = await arrived('None');
    const nothing = { confirmationType: 'None', confirmationBlob: undefined };
    expect((await confirm(deliveryId, nothing)).status).toBe(200);
    const early = await deliveries.create({ confirmationRequired: 'Picture' });
    expect(await confirm(early)).toMatchObject({ status: 409, body: { code: 'conflict' } });
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
