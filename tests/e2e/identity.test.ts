/** `npm start -- --identity`: a delivery with no connection string in the services but storage's; rights are those of the roles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AMQPS_PORT } from '../../local/platform/options.ts';
import { customer } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { isFree, startPlatform, type TestPlatform, until } from '../harness/platform.ts';

let platform: TestPlatform;

beforeAll(async () => {
  await until(async () => (await isFree(AMQPS_PORT)) || undefined, `port ${AMQPS_PORT} is free`, 90_000);
  platform = await startPlatform({ speed: 30, drones: 3, args: ['--identity'] });
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

function cosmosAs(clientId: string): CosmosClient {
  const port = Number(new URL(platform.endpoints.gateway).port) + 12;
  const endpoint = `https://localhost:${port}`;
  return new CosmosClient({
    endpoint,
    aadCredentials: {
      getToken: async () => ({
        token: await tokenOf(clientId, endpoint),
        expiresOnTimestamp: Date.now() + 3_600_000,
      }),
    },
  });
}

test('a delivery is flown to its end, by tokens over TLS', async () => {
  const alice = customer(platform.endpoints);
  const deliveryId = await alice.submit();
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  expect(await alice.history(deliveryId)).toMatchObject({ stage: 'Completed' });
  expect(await lastingBreaches(platform.endpoints)).toEqual([]);
});

test('the app’s identity reads its containers, that of tracking has no right there', async () => {
  setDefaultCACertificates([
    ...getCACertificates('default'),
    readFileSync(join(platform.dataDir, 'authority/ca.crt'), 'utf8'),
  ]);
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

test.runIf(process.platform === 'linux')(
  'no key of Cosmos DB or Event Hubs is in the services’ environment',
  () => {
    for (const part of ['functions', 'tracking']) {
      const environment = readFileSync(`/proc/${platform.endpoints.parts[part]?.pid}/environ`, 'utf8');
      expect(environment).toContain('EVENTHUBS__fullyQualifiedNamespace=localhost');
      expect(environment).not.toMatch(/SharedAccessKey=|AccountEndpoint=/);
    }
  },
);
