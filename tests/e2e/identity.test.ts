/** `npm start -- --identity`: a delivery with no connection string in the services; rights are those of the roles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CosmosClient } from '@azure/cosmos';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { png } from '../../functions/delivery/proof.fixture.ts';
import { AMQPS_PORT } from '../../platform/options.ts';
import { confirmDelivery, listConfirmations } from '../../shared/contracts/routes.gen.ts';
import { customer } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { isFree, startPlatform, type TestPlatform, until } from '../harness/platform.ts';

let platform: TestPlatform;

beforeAll(async () => {
  await until(async () => (await isFree(AMQPS_PORT)) || undefined, `port ${AMQPS_PORT} is free`, 90_000);
  platform = await startPlatform({ speed: 30, drones: 3, args: ['--identity'] });
  setDefaultCACertificates([
    ...getCACertificates('default'),
    readFileSync(join(platform.dataDir, 'authority/ca.crt'), 'utf8'),
  ]);
}, 180_000);

afterAll(() => platform?.stop());

/** As the managed-identity endpoint gives it to a process of this name. */
async function tokenOf(clientId: string, resource: string): Promise<string> {
  const { identityHeader } = JSON.parse(readFileSync(join(platform.dataDir, 'secrets.json'), 'utf8')) as {
    identityHeader: string;
  };
  const query = new URLSearchParams({ 'api-version': '2019-08-01', resource, client_id: clientId });
  const response = await fetch(`${platform.endpoints.identity.issuer}/managed-identity/token?${query}`, {
    headers: { 'x-identity-header': identityHeader },
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

const credentialOf = (clientId: string, resource: string) => ({
  getToken: async () => ({
    token: await tokenOf(clientId, resource),
    expiresOnTimestamp: Date.now() + 3_600_000,
  }),
});

const tlsOrigin = (above: number) =>
  `https://localhost:${Number(new URL(platform.endpoints.gateway).port) + above}`;

function cosmosAs(clientId: string): CosmosClient {
  const endpoint = tlsOrigin(12);
  return new CosmosClient({ endpoint, aadCredentials: credentialOf(clientId, endpoint) });
}

function storageAs(clientId: string): BlobServiceClient {
  const credential = credentialOf(clientId, 'https://storage.azure.com');
  return new BlobServiceClient(`${tlsOrigin(13)}/devstoreaccount1`, credential);
}

test('a delivery is flown to its end, by tokens over TLS', async () => {
  const alice = customer(platform.endpoints);
  const deliveryId = await alice.submit();
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  expect(await alice.history(deliveryId)).toMatchObject({ stage: 'Completed' });
  expect(await lastingBreaches(platform.endpoints)).toEqual([]);
});

test('the app’s identity reads its containers, that of tracking has no right there', async () => {
  const read = async (clientId: string) => {
    const client = cosmosAs(clientId);
    const container = client.database(platform.endpoints.cosmos.database).container('deliveries');
    return container.items
      .readAll()
      .fetchAll()
      .finally(() => client.dispose());
  };
  expect((await read('functions')).resources.length).toBeGreaterThan(0);
  await expect(read('tracking')).rejects.toMatchObject({ code: 403 });
});

test('the app’s identity keeps checkpoints and a proof of delivery in storage, that of tracking has no right there', async () => {
  const alice = customer(platform.endpoints);
  const deliveryId = await alice.submit({ confirmationRequired: 'Picture' });
  const picture = png(64, 64);
  const body = {
    geoCoordinates: (await alice.status(deliveryId)).request.dropOffLocation,
    confirmationType: 'Picture' as const,
    confirmationBlob: picture.toString('base64'),
  };
  const statuses = new Set<number>();
  await until(async () => {
    const { status } = await alice.call(confirmDelivery, { params: { deliveryId }, body });
    statuses.add(status);
    return status === 200 || undefined;
  }, 'the proof is taken at the dropoff');
  expect(statuses).toContain(409);
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  const { body: listed } = await alice.call(listConfirmations, { params: { deliveryId } });
  const { proofId } = (listed as { confirmations: { proofId: string }[] }).confirmations[0] as {
    proofId: string;
  };
  const proof = (clientId: string) =>
    storageAs(clientId).getContainerClient('proofs').getBlobClient(`${deliveryId}/${proofId}`);
  expect(await proof('functions').downloadToBuffer()).toEqual(picture);
  const checkpoints: string[] = [];
  for await (const { name } of storageAs('functions')
    .getContainerClient('azure-webjobs-eventhub')
    .listBlobsFlat({ prefix: 'localhost/' }))
    checkpoints.push(name);
  expect(checkpoints.join('\n')).toMatch(/^localhost\/delivery-requests\/scheduler\/checkpoint\/\d$/m);
  await expect(proof('tracking').download()).rejects.toMatchObject({
    statusCode: 403,
    code: 'AuthorizationPermissionMismatch',
  });
});

test.runIf(process.platform === 'linux')(
  'no key of Cosmos DB, Event Hubs or storage is in the services’ environment',
  () => {
    for (const part of ['functions', 'tracking']) {
      const environment = readFileSync(`/proc/${platform.endpoints.parts[part]?.pid}/environ`, 'utf8');
      expect(environment).toContain('EVENTHUBS__fullyQualifiedNamespace=localhost');
      expect(environment).not.toMatch(/SharedAccessKey=|AccountEndpoint=|AccountKey=/);
    }
  },
);
