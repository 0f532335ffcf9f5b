import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Container, CosmosClient } from '@azure/cosmos';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WAIT } from '../../change-feed-wait.ts';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';
import { type StorageServer, startStorage } from '../../storage/server.ts';
import { type Hosted, host, writeApp } from '../support/functions-host.ts';

const POLL_MS = 1_000;
const SLOW_MS = 150;
const MAIN = `
const { appendFileSync } = require('node:fs');
const { app } = require('@azure/functions');
const feed = (name, handler) => app.cosmosDB(name, { connection: 'COSMOS', databaseName: 'test', containerName: 'items',
  leaseContainerPrefix: name + '-', createLeaseContainerIfNotExists: true, feedPollDelay: ${POLL_MS}, startFromBeginning: true, handler });
const note = (name) => (documents) => { for (const { id } of documents) appendFileSync(process.env.RECORD, name + ' ' + id + '\\n'); };
feed('quick', note('quick'));
feed('slow', async (documents) => { await new Promise((r) => setTimeout(r, ${SLOW_MS})); note('slow')(documents); });
`;
const PATIENCE = { timeout: 60_000, interval: 20 };

let dir: string;
let files: ReturnType<typeof writeApp>;
let cosmos: CosmosServer;
let storage: StorageServer;
let client: CosmosClient;
let items: Container;
let record: string;
const hosts: Hosted[] = [];
let next = 0;

const start = (port = 0) => startCosmos({ port, dataDir: join(dir, 'cosmos') });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'change-feed-'));
  files = writeApp({ 'main.cjs': MAIN });
  record = join(dir, 'record');
  cosmos = await start();
  storage = await startStorage({ port: 0, dataDir: join(dir, 'storage') });
  client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: 'test' });
  const made = await database.containers.createIfNotExists({ id: 'items', partitionKey: { paths: ['/id'] } });
  items = made.container;
});

beforeEach(() => writeFileSync(record, ''));

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((each) => each.stop()));
});

afterAll(async () => {
  client.dispose();
  await cosmos.close();
  await storage.close();
  files.remove();
  rmSync(dir, { recursive: true });
});

async function open(connection = cosmos.connectionString): Promise<Hosted> {
  const hosted = await host(files.dir, {
    dataDir: join(dir, 'host'),
    keys: null,
    env: { COSMOS: connection, AzureWebJobsStorage: storage.connectionString, RECORD: record },
  });
  hosts.push(hosted);
  return hosted;
}

const noted = (name: string) =>
  readFileSync(record, 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
const feedReads = () => cosmos.requests()['items']?.['feed'] ?? 0;

async function write(count = 1): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `item-${++next}`);
  await Promise.all(ids.map((id) => items.items.create({ id })));
  return ids;
}
async function arrived(ids: readonly string[], name = 'quick'): Promise<void> {
  const wanted = new Set(ids);
  const seen = () => noted(name).filter((id) => wanted.has(id));
  await expect.poll(() => seen().toSorted(), PATIENCE).toEqual(ids.toSorted());
}

describe('functions-host: Cosmos DB triggers', () => {
  test('a Cosmos feed of the local server is not polled: idle it costs next to nothing, and a change comes at once', async () => {
    await open();
    await arrived(await write());
    await pause(500);
    const before = feedReads();
    await pause(2_000);
    // Two triggers with two ranges each would be polled 8 times.
    expect(feedReads() - before).toBeLessThanOrEqual(2);
    const begun = Date.now();
    await arrived(await write());
    expect(Date.now() - begun).toBeLessThan(POLL_MS);
  });

  test('a Cosmos feed of a server that cannot wait is polled', async () => {
    await using proxy = await withoutWaiting(cosmos.port);
    await open(cosmos.connectionString.replace(String(cosmos.port), String(proxy.port)));
    await arrived(await write());
    const before = feedReads();
    await pause(2_000);
    const reads = feedReads() - before;
    expect(reads).toBeGreaterThan((4 * 2_000) / POLL_MS / 2);
    expect(reads).toBeLessThanOrEqual((4 * 2_000) / POLL_MS + 8);
    await arrived(await write());
  });

  test('a Cosmos feed goes on after the server was started again, with what was written meanwhile', async () => {
    await open();
    await arrived(await write());
    const { port } = cosmos;
    for (let restart = 0; restart < 3; restart++) {
      await cosmos.close();
      await pause(100);
      cosmos = await start(port);
      await arrived(await write());
    }
  });

  test('a Cosmos feed with many writers and a slow function loses nothing and repeats nothing', async () => {
    await open();
    const ids = (await Promise.all(Array.from({ length: 20 }, () => write(20)))).flat();
    await arrived(ids, 'slow');
    await arrived(ids);
    expect(noted('slow').filter((id) => ids.includes(id))).toHaveLength(ids.length);
  });

  test('a host stops at once, though its requests of the feed are being held', async () => {
    const hosted = await open();
    await arrived(await write());
    const begun = Date.now();
    await hosted.stop();
    expect(Date.now() - begun).toBeLessThan(3_000);
  });
});

/** In front of the server, and removes the header that asks to wait, as for a server that does not know it. */
async function withoutWaiting(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer((incoming, response) => {
    const { [WAIT]: _wait, ...headers } = incoming.headers;
    const { method, url: path } = incoming;
    const passed = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(hosts.splice(0).map((each) => each.stop()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
