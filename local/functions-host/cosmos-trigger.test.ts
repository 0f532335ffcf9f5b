/** C1 and C2, with a server in this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Container, CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CosmosServer, startCosmos } from '../cosmos/server.ts';
import type { FunctionApp, FunctionDefinition } from './contract.ts';
import { startCosmosTrigger } from './cosmos-trigger.ts';
import type { Trigger } from './event-hub-trigger.ts';

const dir = mkdtempSync(join(tmpdir(), 'cosmos-trigger-'));
const TRIGGER = {
  name: 'documents',
  type: 'cosmosDBTrigger',
  direction: 'in',
  connection: 'TRIGGER_TEST_COSMOS',
  databaseName: 'test',
  containerName: 'items',
  createLeaseContainerIfNotExists: true,
  startFromBeginning: true,
  feedPollDelay: 20,
} as const;
const definition: FunctionDefinition = { name: 'follows', trigger: TRIGGER, bindings: [TRIGGER] };

let server: CosmosServer;
let client: CosmosClient;
let items: Container;
let seen: string[] = [];
const failing = new Set<string>();

beforeAll(async () => {
  server = await startCosmos({ port: 0, dataDir: dir });
  vi.stubEnv('TRIGGER_TEST_COSMOS', server.connectionString);
  client = new CosmosClient({
    endpoint: server.endpoint,
    key: server.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: 'test' });
  items = (await database.containers.createIfNotExists({ id: 'items', partitionKey: { paths: ['/id'] } }))
    .container;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  client.dispose();
  await server.close();
  rmSync(dir, { recursive: true });
});

async function started(): Promise<Trigger> {
  seen = [];
  const app: FunctionApp = {
    functions: new Map(),
    invoke: async (_, { inputs }) => {
      const [input] = inputs as unknown as [{ data: { json: string } }];
      const documents = JSON.parse(input.data.json) as { id: string }[];
      seen.push(...documents.map(({ id }) => id));
      return documents.some(({ id }) => failing.has(id))
        ? { ok: false, error: new Error('refused') }
        : { ok: true, returnValue: undefined, outputs: [] };
    },
  };
  const context = {
    app,
    config: {},
    log: () => undefined,
    extraInputs: () => [],
    dataDir: dir,
    now: Date.now,
  };
  const trigger = startCosmosTrigger(definition, context);
  await trigger.ready;
  return trigger;
}

test('documents are handed over once, in every range, and a restart goes on behind its leases', async () => {
  const ids = Array.from({ length: 10 }, (_, n) => `first-${n}`);
  for (const id of ids) await items.items.create({ id });
  const first = await started();
  await expect.poll(() => seen.toSorted()).toEqual(ids);
  await items.items.create({ id: 'while it runs' });
  await expect.poll(() => seen).toContain('while it runs');
  await first.stop();
  await items.items.create({ id: 'while it is away' });
  const second = await started();
  await expect.poll(() => seen).toEqual(['while it is away']);
  await second.stop();
});

test('C2 a batch that fails without a retry policy moves the lease all the same', async () => {
  failing.add('fails');
  const first = await started();
  await items.items.create({ id: 'fails' });
  await expect.poll(() => seen).toEqual(['fails']);
  await first.stop();
  await items.items.create({ id: 'after the failure' });
  const second = await started();
  await expect.poll(() => seen).toEqual(['after the failure']);
  await second.stop();
});
