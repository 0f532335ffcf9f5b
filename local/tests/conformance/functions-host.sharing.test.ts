import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Container, CosmosClient } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';
import { type EventHubsServer, startEventHubs } from '../../event-hubs/server.ts';
import { type StorageServer, startStorage } from '../../storage/server.ts';
import { type Hosted, host, writeApp } from '../support/functions-host.ts';

const MAIN = `
const { appendFileSync } = require('node:fs');
const { app } = require('@azure/functions');
const note = (name, key) => appendFileSync(process.env.RECORD, name + ' ' + key + ' ' + process.pid + '\\n');
const retry = { strategy: 'fixedDelay', maxRetryCount: -1, delayInterval: { milliseconds: 50 } };
app.eventHub('events', { connection: 'HUBS', eventHubName: 'shared', cardinality: 'many', retry,
  handler: async (events) => { for (const { id } of events) note('event', id); await new Promise((r) => setTimeout(r, 5)); } });
app.cosmosDB('feed', { connection: 'COSMOS', databaseName: 'test', containerName: 'items', createLeaseContainerIfNotExists: true,
  feedPollDelay: 50, startFromBeginning: true, retry, handler: (documents) => { for (const { id } of documents) note('change', id); } });
app.timer('tick', { schedule: '*/1 * * * * *', handler: () => note('tick', Math.round(Date.now() / 1000)) });
app.http('hello', { handler: () => ({ body: 'hello' }) });
`;
const PARTITIONS = 4;
const PATIENCE = { timeout: 60_000, interval: 50 };

let dir: string;
let files: ReturnType<typeof writeApp>;
let hubs: EventHubsServer;
let cosmos: CosmosServer;
let storage: StorageServer;
let client: CosmosClient;
let items: Container;
let record: string;
let producer: EventHubProducerClient;
const hosts: Hosted[] = [];
let sent = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sharing-'));
  files = writeApp({ 'main.cjs': MAIN });
  record = join(dir, 'record');
  const keys = [{ name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const }];
  hubs = await startEventHubs({
    port: 0,
    dataDir: join(dir, 'hubs'),
    hubs: { shared: { partitions: PARTITIONS } },
    keys,
  });
  cosmos = await startCosmos({ port: 0, dataDir: join(dir, 'cosmos') });
  storage = await startStorage({ port: 0, dataDir: join(dir, 'storage') });
  client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: 'test' });
  const made = await database.containers.createIfNotExists({ id: 'items', partitionKey: { paths: ['/id'] } });
  items = made.container;
  producer = new EventHubProducerClient(hubs.connectionString(), 'shared');
});

beforeEach(() => writeFileSync(record, ''));

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((each) => each.stop()));
});

afterAll(async () => {
  await producer.close();
  client.dispose();
  await hubs.close();
  await cosmos.close();
  await storage.close();
  files.remove();
  rmSync(dir, { recursive: true });
});

async function open(): Promise<Hosted> {
  const hosted = await host(files.dir, {
    dataDir: join(dir, 'host'),
    keys: null,
    env: {
      HUBS: hubs.connectionString(),
      COSMOS: cosmos.connectionString,
      AzureWebJobsStorage: storage.connectionString,
      RECORD: record,
    },
  });
  hosts.push(hosted);
  return hosted;
}

interface Noted {
  readonly key: string;
  readonly pid: number;
}
function noted(name: string): Noted[] {
  return readFileSync(record, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([of]) => of === name)
    .map(([, key = '', pid]) => ({ key, pid: Number(pid) }));
}
const keysOf = (name: string) => noted(name).map(({ key }) => key);
const readersOf = (name: string) => new Set(noted(name).map(({ pid }) => pid));

/** One event in each partition. */
async function sendRound(): Promise<string[]> {
  const ids: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const id = `e${++sent}`;
    ids.push(id);
    await producer.sendBatch([{ body: { id } }], { partitionId: String(partition) });
  }
  return ids;
}
/** Sends until both have handled some; all ids that were sent. */
async function untilShared(a: Hosted, b: Hosted): Promise<string[]> {
  const ids: string[] = [];
  await expect
    .poll(async () => {
      ids.push(...(await sendRound()));
      return readersOf('event');
    }, PATIENCE)
    .toEqual(new Set([a.child.pid, b.child.pid]));
  return ids;
}

describe('functions-host: several hosts', () => {
  test('a host that joins gets its share of the partitions; no event is lost, none handled twice', async () => {
    const a = await open();
    const ids = await sendRound();
    await expect.poll(() => keysOf('event').toSorted(), PATIENCE).toEqual(ids.toSorted());
    const b = await open();
    ids.push(...(await untilShared(a, b)));
    await expect.poll(() => keysOf('event').toSorted(), PATIENCE).toEqual(ids.toSorted());
  });

  test('a host that leaves gives its partitions back at once; no event is lost, none handled twice', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    const ids = await untilShared(a, b);
    await b.stop();
    ids.push(...(await sendRound()));
    await expect.poll(() => keysOf('event').toSorted(), PATIENCE).toEqual(ids.toSorted());
  });

  test('the partitions of a host that was killed are taken over; no event is lost', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    const ids = await untilShared(a, b);
    b.child.kill('SIGKILL');
    await once(b.child, 'exit');
    ids.push(...(await sendRound()));
    await expect.poll(() => new Set(keysOf('event')), PATIENCE).toEqual(new Set(ids));
    const doubled = noted('event').filter(
      ({ key }, index, all) => all.findIndex((each) => each.key === key) < index,
    );
    for (const { pid } of doubled) expect(pid).toBe(a.child.pid);
  });

  test('a change feed range is followed by one host, and by the other once that one is gone', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    await items.items.create({ id: 'c1' });
    await expect.poll(() => keysOf('change'), PATIENCE).toEqual(['c1']);
    const [follower] = [a, b].filter(({ child }) => child.pid === noted('change')[0]?.pid) as [Hosted];
    follower.child.kill('SIGKILL');
    await once(follower.child, 'exit');
    await items.items.create({ id: 'c2' });
    // What the killed one had handled, and not yet noted in its lease, comes again: at least once.
    await expect.poll(() => [...new Set(keysOf('change'))], PATIENCE).toEqual(['c1', 'c2']);
  });

  test('a timer is run by one host, and by the other once that one is gone', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    await expect.poll(() => keysOf('tick').length, PATIENCE).toBeGreaterThan(1);
    expect(new Set(keysOf('tick')).size).toBe(keysOf('tick').length);
    const [first] = [...readersOf('tick')];
    const [runner] = [a, b].filter(({ child }) => child.pid === first) as [Hosted];
    expect(readersOf('tick').size).toBe(1);
    runner.child.kill('SIGKILL');
    await once(runner.child, 'exit');
    await expect.poll(() => readersOf('tick').size, PATIENCE).toBe(2);
  });

  test('hosts on one data folder share their keys', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    const { host: key } = JSON.parse(readFileSync(join(dir, 'host', 'keys.json'), 'utf8')) as {
      host: string;
    };
    for (const each of [a, b])
      expect((await each.call('GET', `/admin/host/status?code=${key}`)).status).toBe(403);
  });
});
