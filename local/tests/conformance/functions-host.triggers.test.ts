import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Container, CosmosClient } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';
import { type EventHubsServer, startEventHubs } from '../../event-hubs/server.ts';
import { type StorageServer, startStorage } from '../../storage/server.ts';

interface Line {
  readonly name: string;
  readonly ids: readonly string[];
  readonly failed: boolean;
  readonly attempt: number;
  readonly exception?: string;
  readonly system: readonly string[];
  readonly events: readonly unknown[];
}

const HOST = join(import.meta.dirname, '../../functions-host/main.ts');
const APP = join(import.meta.dirname, 'functions-host-app');
const WAIT = { timeout: 60_000, interval: 30 };
const HUB_KEY = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const };
const KEYS = {
  master: 'the-master-key',
  host: 'the-host-key',
  system: { durabletask_extension: 'the-system-key' },
  functions: { guarded: 'the-function-key' },
};

let dir: string;
let hubs: EventHubsServer;
let hubsPort = 0;
let cosmos: CosmosServer;
let storage: StorageServer;
let client: CosmosClient;
let items: Container;
let host: ChildProcess | undefined;
let port: number;
/** What the host wrote since its start. */
let output = '';

const startHubs = () =>
  startEventHubs({
    port: hubsPort,
    dataDir: join(dir, 'hubs'),
    hubs: {
      telemetry: { partitions: 1, consumerGroups: ['keeps', 'loses'] },
      kinds: { partitions: 1, consumerGroups: ['one', 'bytes', 'many'] },
      texts: { partitions: 1 },
    },
    keys: [HUB_KEY],
  });

async function startHost(): Promise<void> {
  const environment = {
    HUBS: hubs.connectionString(),
    COSMOS: cosmos.connectionString,
    AzureWebJobsStorage: storage.connectionString,
    RECORD: join(dir, 'record'),
    BROKEN: join(dir, 'broken'),
  };
  host = fork(
    HOST,
    ['--app', APP, '--port', '0', '--data', join(dir, 'host'), '--keys', join(dir, 'keys.json')],
    { silent: true, env: { ...process.env, ...environment } },
  );
  output = '';
  for (const stream of [host.stdout, host.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const [message] = (await once(host, 'message')) as [{ port: number }];
  port = message.port;
}

async function stopHost(): Promise<void> {
  if (host === undefined || host.exitCode !== null || host.signalCode !== null) return;
  host.kill('SIGTERM');
  await once(host, 'exit');
}

async function lines(name: string): Promise<Line[]> {
  const text = await readFile(join(dir, 'record'), 'utf8');
  const all = text.split('\n').filter(Boolean);
  return all.map((line) => JSON.parse(line) as Line).filter((line) => line.name === name);
}

async function send(
  events: readonly { body: unknown; properties?: Record<string, unknown> }[],
  hub = 'telemetry',
  options: object = {},
): Promise<void> {
  const producer = new EventHubProducerClient(hubs.connectionString(), hub, {
    retryOptions: { maxRetries: 5, retryDelayInMs: 50, timeoutInMs: 2_000 },
  });
  await producer.sendBatch([...events], options);
  await producer.close();
}

const seen = async (name: string) => (await lines(name)).flatMap(({ ids }) => ids);
const handled = async (name: string) =>
  (await lines(name)).filter(({ failed }) => !failed).flatMap(({ ids }) => ids);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'triggers-'));
  await writeFile(join(dir, 'keys.json'), JSON.stringify(KEYS));
  hubs = await startHubs();
  hubsPort = hubs.port;
  cosmos = await startCosmos({ port: 0, dataDir: join(dir, 'cosmos') });
  storage = await startStorage({ port: 0, dataDir: join(dir, 'storage') });
  client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: 'test' });
  items = (await database.containers.createIfNotExists({ id: 'items', partitionKey: { paths: ['/id'] } }))
    .container;
});

beforeEach(async () => {
  await writeFile(join(dir, 'record'), '');
  if (host === undefined || host.exitCode !== null || host.signalCode !== null) await startHost();
});

afterEach(async () => {
  await rm(join(dir, 'broken'), { force: true });
});

afterAll(async () => {
  await stopHost();
  client.dispose();
  await hubs.close();
  await cosmos.close();
  await storage.close();
  await rm(dir, { recursive: true });
});

describe('functions-host: Event Hubs triggers', () => {
  test('an Event Hubs batch that fails is lost without a retry policy and handled again with one', async () => {
    await send([{ body: { id: 'a', poison: true } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toEqual(['a']), WAIT);
    await send([{ body: { id: 'b' } }]);
    await vi.waitFor(async () => expect(await handled('loses')).toContain('b'), WAIT);
    expect(await handled('loses')).toEqual(['b']);
    const [first, second] = await lines('keeps');
    expect(first).toMatchObject({ attempt: 0, failed: true });
    expect(second).toMatchObject({ attempt: 1, exception: 'poisoned' });
  });

  test('an event carries SequenceNumber, Offset, PartitionKey and EnqueuedTimeUtc in its system properties', async () => {
    await send([{ body: { id: 'system' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('system'), WAIT);
    const [line] = await lines('keeps');
    expect(line?.system).toEqual(expect.arrayContaining(['sequenceNumber', 'offset', 'enqueuedTimeUtc']));
  });

  test('bodies of events arrive as they were sent: JSON parsed, other text as it is', async () => {
    await send(
      [{ body: { n: 1 } }, { body: Buffer.from('not JSON') }, { body: Buffer.from('{ "n": 1.0 }') }],
      'texts',
    );
    await vi.waitFor(async () => {
      const events = (await lines('texts')).flatMap((line) => line.events);
      expect(events).toEqual([{ n: 1 }, 'not JSON', { n: 1 }]);
    }, WAIT);
  });

  test('after a restart the host goes on at its checkpoint: what was handled does not come again', async () => {
    await send([{ body: { id: 'before' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('before'), WAIT);
    await stopHost();
    await writeFile(join(dir, 'record'), '');
    await send([{ body: { id: 'while down' } }]);
    await startHost();
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('while down'), WAIT);
    expect(await seen('keeps')).toEqual(['while down']);
  });

  test('a batch that was still failing when the host stopped comes again', async () => {
    await writeFile(join(dir, 'broken'), '');
    await send([{ body: { id: 'stuck' } }]);
    await vi.waitFor(async () => expect(await seen('keeps')).toContain('stuck'), WAIT);
    await stopHost();
    await rm(join(dir, 'broken'));
    await writeFile(join(dir, 'record'), '');
    await startHost();
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('stuck'), WAIT);
  });

  test('after the broker restarted, events arrive within seconds', async () => {
    await hubs.close();
    hubs = await startHubs();
    const restarted = Date.now();
    await send([{ body: { id: 'back' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('back'), WAIT);
    console.log(`recovered in ${Date.now() - restarted} ms`);
  });

  test('a broker that restarts while a batch is being retried does not make a second retry run beside the first', async () => {
    await writeFile(join(dir, 'broken'), '');
    await send([{ body: { id: 'one at a time' } }]);
    await vi.waitFor(async () => expect(await seen('keeps')).toContain('one at a time'), WAIT);
    await hubs.close();
    hubs = await startHubs();
    const before = (await lines('keeps')).length;
    await vi.waitFor(async () => expect((await lines('keeps')).length).toBeGreaterThan(before + 30), WAIT);
    const starts = (await lines('keeps')).filter(({ attempt }) => attempt === 0);
    expect(starts).toHaveLength(1);
  });

  test('a host that starts before its storage consumes once the storage is there', async () => {
    await stopHost();
    const { port: storagePort } = storage;
    await storage.close();
    const starting = startHost();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    storage = await startStorage({ port: storagePort, dataDir: join(dir, 'storage') });
    await starting;
    await send([{ body: { id: 'storage came late' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('storage came late'), WAIT);
  });

  test.each(['is empty', 'has begun again'])(
    'a checkpoint beyond the end of a hub that has lost its events is reported once and repaired: the hub %s',
    async (state) => {
      await send([{ body: { id: `lost ${state}` } }]);
      await vi.waitFor(async () => expect(await handled('keeps')).toContain(`lost ${state}`), WAIT);
      await stopHost();
      await hubs.close();
      await rm(join(dir, 'hubs'), { recursive: true });
      hubs = await startHubs();
      if (state !== 'is empty') await send([{ body: { id: 'began again' } }]);
      await startHost();
      const reports = () =>
        output.split('\n').filter((line) => /"keeps: .* lies beyond the last event/.test(line));
      await vi.waitFor(() => expect(reports()).toHaveLength(1), WAIT);
      await send([{ body: { id: 'behind it' } }]);
      await vi.waitFor(async () => expect(await handled('keeps')).toContain('behind it'), WAIT);
      expect(reports()).toHaveLength(1);
      await stopHost();
      await startHost();
      await send([{ body: { id: 'after a restart' } }]);
      await vi.waitFor(async () => expect(await handled('keeps')).toContain('after a restart'), WAIT);
      expect(output).not.toContain('beyond the last event');
      expect((await handled('keeps')).filter((id) => id === 'behind it')).toHaveLength(1);
    },
  );

  test('a repaired checkpoint of an empty hub is not found beyond its end at the next start', async () => {
    await send([{ body: { id: 'lost again' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('lost again'), WAIT);
    await stopHost();
    await hubs.close();
    await rm(join(dir, 'hubs'), { recursive: true });
    hubs = await startHubs();
    await startHost();
    await vi.waitFor(() => expect(output).toMatch(/keeps: .* lies beyond the last event/), WAIT);
    await stopHost();
    await startHost();
    await send([{ body: { id: 'at last' } }]);
    await vi.waitFor(async () => expect(await handled('keeps')).toContain('at last'), WAIT);
    expect(output).not.toMatch(/keeps: .* lies beyond the last event/);
  });

  test('with cardinality one each event is an invocation of its own, with the names of its metadata in the singular', async () => {
    await send([{ body: { n: 1 } }, { body: { n: 2 } }], 'kinds', { partitionKey: 'k' });
    await vi.waitFor(
      async () => expect((await lines('one')).map(({ events }) => events)).toEqual([{ n: 1 }, { n: 2 }]),
      WAIT,
    );
    const [line] = (await lines('one')) as unknown as { metadata: Record<string, unknown> }[];
    expect(line?.metadata).toMatchObject({
      partitionKey: 'k',
      // Sent as a text; the library reads every text that is JSON.
      offset: expect.any(Number),
      sequenceNumber: expect.any(Number),
      enqueuedTimeUtc: expect.any(String),
      partitionContext: {
        eventHubName: 'kinds',
        consumerGroup: 'one',
        partitionId: '0',
        isCheckpointingAfterInvocation: true,
      },
    });
  });

  test('with dataType binary the bytes arrive as they were sent', async () => {
    await send([{ body: Buffer.from([0, 255, 1]) }], 'kinds');
    await vi.waitFor(
      async () => expect((await lines('bytes')).flatMap(({ events }) => events)).toContain('00ff01'),
      WAIT,
    );
  });

  test('batches have up to maxEventBatchSize events, in order, and their metadata in arrays beside them', async () => {
    await send(
      Array.from({ length: 25 }, (_, i) => ({ body: { i }, properties: { Kind: `k${i}` } })),
      'kinds',
    );
    const many = async () =>
      (
        (await lines('many')) as unknown as {
          events: { i?: number }[];
          metadata: Record<string, unknown[]>;
        }[]
      ).filter(({ events }) => events.some(({ i }) => i !== undefined));
    await vi.waitFor(
      async () => expect((await many()).flatMap(({ events }) => events)).toHaveLength(25),
      WAIT,
    );
    const all = await many();
    expect(all.flatMap(({ events }) => events.map(({ i }) => i))).toEqual(
      Array.from({ length: 25 }, (_, i) => i),
    );
    for (const { events, metadata } of all) {
      expect(events.length).toBeLessThanOrEqual(10);
      expect(metadata['sequenceNumberArray']).toHaveLength(events.length);
      expect(metadata['propertiesArray']).toEqual(events.map(({ i }) => ({ kind: `k${i}` })));
    }
  });
});

describe('functions-host: Cosmos DB triggers', () => {
  test('a Cosmos batch that fails is handled again with a retry policy, and the feed goes on behind it', async () => {
    await items.items.create({ id: 'c1', poison: true });
    await vi.waitFor(async () => expect(await handled('feed')).toContain('c1'), WAIT);
    await items.items.create({ id: 'c2' });
    await vi.waitFor(async () => expect(await handled('feed')).toContain('c2'), WAIT);
  });

  test('a Cosmos feed that begins now loses nothing that changes while the host is down', async () => {
    await items.items.create({ id: 'seen by all' });
    await vi.waitFor(async () => expect(await handled('feed')).toContain('seen by all'), WAIT);
    await stopHost();
    const { database } = items;
    await database.container('leases').item('later-items-0', 'later-items-0').delete();
    await startHost();
    await stopHost();
    await items.items.create({ id: 'changed while down' });
    await startHost();
    await vi.waitFor(async () => expect(await handled('later')).toContain('changed while down'), WAIT);
  });

  test('a Cosmos batch has at most maxItemsPerInvocation documents, each as it is in the container', async () => {
    for (let i = 0; i < 7; i++) await items.items.create({ id: `few${i}`, nested: { n: i } });
    const few = async () =>
      ((await lines('few')) as unknown as { documents: { id: string; nested?: unknown; _etag?: string }[] }[])
        .map(({ documents }) => documents.filter(({ id }) => id.startsWith('few')))
        .filter((documents) => documents.length > 0);
    await vi.waitFor(async () => expect((await few()).flat()).toHaveLength(7), WAIT);
    for (const documents of await few()) expect(documents.length).toBeLessThanOrEqual(3);
    expect((await few()).flat().find(({ id }) => id === 'few3')).toMatchObject({
      id: 'few3',
      nested: { n: 3 },
      _etag: expect.any(String),
    });
  });

  test('a Cosmos batch that fails without a retry policy is lost, and the feed goes on behind it', async () => {
    await items.items.create({ id: 'lost', poison: true });
    await vi.waitFor(async () => expect(await seen('fragile')).toContain('lost'), WAIT);
    await items.items.create({ id: 'after it' });
    await vi.waitFor(async () => expect(await handled('fragile')).toContain('after it'), WAIT);
    expect(await handled('fragile')).not.toContain('lost');
  });
});

describe('functions-host: stopping and keys', () => {
  test('a request that runs when the host is stopped is answered, then the app’s appTerminate hook runs', async () => {
    const answer = fetch(`http://127.0.0.1:${port}/api/slow`);
    await vi.waitFor(async () => expect(await lines('slow')).toHaveLength(1), WAIT);
    await stopHost();
    expect(await (await answer).text()).toBe('done');
    expect(await lines('terminated')).toHaveLength(1);
    expect(host?.exitCode).toBe(0);
  });

  test('a function of level function opens to its own key, the host key and the master key, in the header and as ?code=', async () => {
    const cases: readonly [string | undefined, number][] = [
      [undefined, 401],
      ['wrong', 401],
      [KEYS.system.durabletask_extension, 401],
      [KEYS.functions.guarded, 200],
      [KEYS.host, 200],
      [KEYS.master, 200],
    ];
    for (const [key, status] of cases) {
      const url = `http://127.0.0.1:${port}/api/guarded`;
      const headers = key === undefined ? {} : { 'x-functions-key': key };
      const inHeader = await fetch(url, { headers });
      const inQuery = await fetch(key === undefined ? url : `${url}?code=${key}`);
      expect([key, inHeader.status, inQuery.status]).toEqual([key, status, status]);
    }
  });
});
