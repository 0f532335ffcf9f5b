import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CosmosClient, type Database } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openAuthority } from '../../certificates.ts';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';
import { createTokenVerifier } from '../../cosmos/tokens.ts';
import { type EventHubsServer, startEventHubs } from '../../event-hubs/server.ts';
import { type IdentityServer, startIdentity } from '../../identity/server.ts';
import { type StorageServer, startStorage } from '../../storage/server.ts';
import { freePort } from '../support/free-port.ts';
import { HOST, writeApp } from '../support/functions-host.ts';

const WAIT = { timeout: 60_000, interval: 30 };
const MAIN = `
const { appendFileSync } = require('node:fs');
const { app } = require('@azure/functions');
app.eventHub('keeps', {
  connection: 'HUBS', eventHubName: 'orders', cardinality: 'many',
  handler: (events) => appendFileSync(process.env.RECORD, events.join(',') + ','),
});
app.cosmosDB('follows', {
  connection: 'ORDERS', databaseName: 'shop', containerName: 'orders', feedPollDelay: 50, startFromBeginning: true,
  handler: (documents) => appendFileSync(process.env.FOLLOWED, documents.map(({ id }) => id).join(',') + ','),
});
`;

let folder: string;
let identity: IdentityServer;
let cosmos: CosmosServer;
let storage: StorageServer;
let hubs: EventHubsServer;
let app: ReturnType<typeof writeApp>;
let running: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'host-identity-'));
  app = writeApp({ 'main.cjs': MAIN });
  const cosmosPort = await freePort();
  const cosmosAudience = `https://localhost:${cosmosPort}`;
  identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: ['https://storage.azure.com', cosmosAudience],
    principals: ['app', 'reader', 'follower'].map((id) => ({ id, name: id, roles: ['service'] })),
    managedIdentity: { header: 'header' },
  });
  storage = await startStorage({
    port: 0,
    dataDir: join(folder, 'storage'),
    tokens: {
      tls: openAuthority(join(folder, 'tls')).issue(),
      issuer: identity.issuer,
      roles: { app: { '*': 'blobContributor' }, reader: { '*': 'blobReader' } },
    },
  });
  cosmos = await startCosmos({
    port: 0,
    dataDir: join(folder, 'cosmos'),
    tls: { ...openAuthority(join(folder, 'tls')).issue(), port: cosmosPort },
    verifyToken: createTokenVerifier({
      issuer: identity.issuer,
      audience: cosmosAudience,
      roles: { follower: { orders: 'read', leases: 'write' } },
    }),
  });
  await withOwner(async (database) => {
    for (const [id, path] of [
      ['orders', '/pk'],
      ['leases', '/id'],
    ] as const)
      await database.containers.create({ id, partitionKey: { paths: [path] } });
  });
  hubs = await startEventHubs({
    port: 0,
    dataDir: join(folder, 'hubs'),
    hubs: { orders: { partitions: 1 } },
    keys: [{ name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] }],
  });
});

afterEach(stopHost);

afterAll(async () => {
  app.remove();
  await hubs.close();
  await cosmos.close();
  await storage.close();
  await identity.close();
  await rm(folder, { recursive: true });
});

/** What the host writes; it need not become ready. */
function startHost(clientId: string): () => string {
  let output = '';
  running = fork(HOST, ['--app', app.dir, '--port', '0', '--data', join(folder, 'host')], {
    silent: true,
    env: {
      ...process.env,
      HUBS: hubs.connectionString(),
      AzureWebJobsStorage__blobServiceUri: storage.tokenEndpoints.blob,
      AzureWebJobsStorage__credential: 'managedidentity',
      AzureWebJobsStorage__clientId: clientId,
      IDENTITY_ENDPOINT: identity.managedIdentityEndpoint,
      IDENTITY_HEADER: 'header',
      NODE_EXTRA_CA_CERTS: openAuthority(join(folder, 'tls')).file,
      ORDERS__accountEndpoint: `https://localhost:${cosmos.tlsPort}`,
      ORDERS__credential: 'managedidentity',
      ORDERS__clientId: 'follower',
      RECORD: join(folder, 'record'),
      FOLLOWED: join(folder, 'followed'),
    },
  });
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  return () => output;
}

async function stopHost(): Promise<void> {
  if (!running) return;
  const exited = once(running, 'exit');
  running.kill('SIGTERM');
  await exited;
  running = undefined;
}

async function send(body: string): Promise<void> {
  const producer = new EventHubProducerClient(hubs.connectionString(), 'orders');
  await producer.sendBatch([{ body }]);
  await producer.close();
}

async function withOwner<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key });
  try {
    return await work((await client.databases.createIfNotExists({ id: 'shop' })).database);
  } finally {
    client.dispose();
  }
}

const record = () => readFile(join(folder, 'record'), 'utf8').catch(() => '');

describe('functions-host: host storage with an identity', () => {
  test('AzureWebJobsStorage__blobServiceUri and __clientId: an identity without a role that writes is refused, the log says so, and no event is handled', async () => {
    await send('one');
    const output = startHost('reader');
    await vi.waitFor(() => expect(output()).toContain('not authorized to perform this operation'), WAIT);
    expect(output()).toContain('keeps');
    expect(await record()).toBe('');
  });

  test('with the role checkpoints are kept in Blob storage by tokens over TLS, and the next host goes on there', async () => {
    startHost('app');
    await vi.waitFor(async () => expect(await record()).toBe('one,'), WAIT);
    const client = BlobServiceClient.fromConnectionString(storage.connectionString);
    const checkpoint = client
      .getContainerClient('azure-webjobs-eventhub')
      .getBlobClient(`127.0.0.1/orders/$default/checkpoint/0`);
    await vi.waitFor(async () => {
      expect((await checkpoint.getProperties()).metadata).toMatchObject({ sequencenumber: '0' });
    }, WAIT);
    await stopHost();
    startHost('app');
    await send('two');
    await vi.waitFor(async () => expect(await record()).toBe('one,two,'), WAIT);
  });
});

describe('functions-host: a connection with an identity', () => {
  test('__clientId of a Cosmos DB trigger’s connection names the identity that reads the feed and keeps the leases', async () => {
    await withOwner((database) => database.container('orders').items.create({ id: 'first', pk: 'p' }));
    startHost('app');
    const followed = () => readFile(join(folder, 'followed'), 'utf8').catch(() => '');
    await vi.waitFor(async () => expect(await followed()).toBe('first,'), WAIT);
  });
});
