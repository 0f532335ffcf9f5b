import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CloseReason,
  EventHubConsumerClient,
  EventHubProducerClient,
  type PartitionContext,
  type ReceivedEventData,
  type Subscription,
} from '@azure/event-hubs';
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL_HEADERS } from '../../control.ts';
import { type StorageServer, startStorage } from '../../storage/server.ts';
import {
  BEGINNING,
  bodiesOf,
  failureOf,
  type Harness,
  ONCE,
  QUICK,
  ROOT,
  range,
  startHarness,
} from '../support/event-hubs.ts';

let folder: string;
let harness: Harness;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'event-hubs-operation-'));
  harness = await startHarness({
    faults: { partitions: 2 },
    other: { partitions: 1 },
    shared: { partitions: 4 },
    differs: { partitions: 1 },
  });
});

afterAll(async () => {
  await harness.close();
  await rm(folder, { recursive: true });
});

describe('event-hubs: retention', () => {
  test('by time: older events go, sequence numbers go on', async () => {
    const dataDir = join(folder, 'by-time');
    const hubs = { hub: { partitions: 1, retentionHours: 0.5 } };
    {
      await using first = await startHarness(hubs, { dataDir });
      await first.send('hub', range(5));
    }
    await using second = await startHarness(hubs, { dataDir, now: () => Date.now() + 2_400_000 });
    expect(await second.producer('hub').getPartitionProperties('0')).toMatchObject({
      beginningSequenceNumber: 5,
      lastEnqueuedSequenceNumber: 4,
      isEmpty: true,
    });
    await second.send('hub', ['new']);
    const [event] = await second.read('hub', 1);
    expect(event).toMatchObject({ body: 'new', sequenceNumber: 5 });
  });

  test('by size: the oldest events go, the newest stay', async () => {
    await using small = await startHarness({ hub: { partitions: 1, retentionBytes: 800_000 } });
    const client = small.producer('hub');
    for (const body of range(40))
      await client.sendBatch([{ body, properties: { fill: 'x'.repeat(50_000) } }]);
    const { beginningSequenceNumber: first, lastEnqueuedSequenceNumber: last } =
      await client.getPartitionProperties('0');
    expect(last).toBe(39);
    expect(first).toBeGreaterThan(20);
    expect(bodiesOf(await small.read('hub', 40 - first))).toEqual(range(40 - first, first));
  });

  test('a checkpoint that is older than what is kept goes on with the first event that is', async () => {
    await using small = await startHarness({ hub: { partitions: 1, retentionBytes: 80_000 } });
    for (const body of range(20)) await small.send('hub', [String(body).padEnd(10_000)]);
    const { beginningSequenceNumber: first } = await small.producer('hub').getPartitionProperties('0');
    const [event] = await small.read('hub', 1, { from: { offset: '0' } });
    expect(first).toBeGreaterThan(1);
    expect(event?.sequenceNumber).toBe(first);
  });
});

interface Running {
  readonly child: ChildProcess;
  readonly connection: string;
  readonly controlPort: number;
  readonly words: () => string;
}

const KEY = { ...ROOT };

async function startProcess(
  data: string,
  config: unknown = { hubs: { hub: { partitions: 2 } }, keys: [KEY] },
) {
  const file = join(folder, `config-${Math.random()}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = fork(
    new URL('../../event-hubs/main.ts', import.meta.url),
    ['--port', '0', '--data', data, '--config', file, '--control-port', '0'],
    { silent: true },
  );
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const ready = once(child, 'message') as Promise<[{ port: number; controlPort: number }]>;
  const [message] = await Promise.race([ready, once(child, 'exit').then(() => [])]);
  if (!message) throw new Error(words);
  const { name, key } =
    'keys' in Object(config) ? KEY : { name: 'RootManageSharedAccessKey', key: 'SAS_KEY_VALUE' };
  const running: Running = {
    child,
    connection: `Endpoint=sb://127.0.0.1:${message.port};SharedAccessKeyName=${name};SharedAccessKey=${key};UseDevelopmentEmulator=true`,
    controlPort: message.controlPort,
    words: () => words,
  };
  return running;
}

async function end({ child }: Running, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

async function readAll(connection: string, hub: string, count: number): Promise<ReceivedEventData[]> {
  return harness.read(hub, count, { connection });
}

describe('event-hubs: durability', () => {
  // One at a time is written in place, four at once in the thread pool.
  test.each([1, 4])(
    'kill -9 under load of %i at a time loses no acknowledged event, and leaves no gap',
    async (count) => {
      const data = join(folder, `killed-${count}`);
      const first = await startProcess(data);
      const client = new EventHubProducerClient(first.connection, 'hub', {
        retryOptions: { ...ONCE, timeoutInMs: 1_000 },
      });
      const acknowledged = new Set<string>();
      const writers = range(count).map(async (writer) => {
        for (let n = 0; ; n += 1) {
          const body = `${writer}-${n}`;
          try {
            await client.sendBatch([{ body }], { partitionId: '0' });
          } catch {
            // The broker is gone: this one has no answer.
            return;
          }
          acknowledged.add(body);
          if (acknowledged.size === 200) void end(first, 'SIGKILL');
        }
      });
      await Promise.all(writers);
      // Without a connection the SDK may take a minute for it.
      void client.close().catch(() => undefined);
      const second = await startProcess(data);
      const reader = new EventHubProducerClient(second.connection, 'hub', { retryOptions: QUICK });
      const { lastEnqueuedSequenceNumber: last } = await reader.getPartitionProperties('0');
      await reader.close();
      const events = await readAll(second.connection, 'hub', last + 1);
      const found = new Set(bodiesOf(events));
      expect(acknowledged.size).toBeGreaterThanOrEqual(200);
      expect([...acknowledged].filter((body) => !found.has(body))).toEqual([]);
      expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(range(last + 1));
      await end(second, 'SIGKILL');
    },
  );

  test('a second broker for the same data is refused in one line, and the first goes on', async () => {
    const data = join(folder, 'twice');
    const first = await startProcess(data);
    const client = new EventHubProducerClient(first.connection, 'hub', { retryOptions: QUICK });
    await client.sendBatch([{ body: 'before' }], { partitionId: '0' });
    const refused = startProcess(data);
    await client.sendBatch([{ body: 'meanwhile' }], { partitionId: '0' });
    await expect(refused).rejects.toThrow(/^event-hubs: .*another process uses it.*--data\n$/);
    await client.sendBatch([{ body: 'after' }], { partitionId: '0' });
    await client.close();
    await end(first, 'SIGKILL');
    const second = await startProcess(data);
    expect(bodiesOf(await readAll(second.connection, 'hub', 3))).toEqual(['before', 'meanwhile', 'after']);
    await end(second, 'SIGKILL');
  });

  test('a torn record is cut at start and said in one line; what was whole is there', async () => {
    const data = join(folder, 'torn');
    const first = await startProcess(data);
    const client = new EventHubProducerClient(first.connection, 'hub', { retryOptions: QUICK });
    await client.sendBatch(
      range(10).map((body) => ({ body })),
      { partitionId: '1' },
    );
    await client.close();
    await end(first, 'SIGKILL');
    const dir = join(data, 'hub', '1');
    const [name = ''] = await readdir(dir);
    const bytes = await readFile(join(dir, name));
    // Behind the records there are zeros, which the broker has written ahead.
    const behind = bytes.findLastIndex((byte) => byte !== 0) + 1;
    Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 10, 0, 0, 0, 0, 7]).copy(bytes, behind);
    await writeFile(join(dir, name), bytes);
    const second = await startProcess(data);
    expect(second.words().trim().split('\n')).toEqual([
      expect.stringMatching(/^event-hubs: .*\.log: a torn record was cut \(14 bytes, never acknowledged\)$/),
    ]);
    const again = new EventHubProducerClient(second.connection, 'hub', { retryOptions: QUICK });
    await again.sendBatch([{ body: 'next' }], { partitionId: '1' });
    await again.close();
    const events = await harness.read('hub', 11, { connection: second.connection, partition: '1' });
    expect(bodiesOf(events)).toEqual([...range(10), 'next']);
    await end(second, 'SIGKILL');
  });

  test('a log that has lost acknowledged events is not opened; with its file set aside no number is given again', async () => {
    const data = join(folder, 'damaged');
    const first = await startProcess(data);
    const client = new EventHubProducerClient(first.connection, 'hub', { retryOptions: QUICK });
    for (const body of range(3)) await client.sendBatch([{ body }], { partitionId: '0' });
    await client.close();
    await end(first, 'SIGTERM');
    const dir = join(data, 'hub', '0');
    const [name = ''] = await readdir(dir);
    await truncate(join(dir, name), 100);
    await expect(startProcess(data)).rejects.toThrow(
      /\.log is damaged: .*was acknowledged and cannot be read.*set it aside/,
    );
    await rename(join(dir, name), join(dir, `${name}.damaged`));
    const second = await startProcess(data);
    const again = new EventHubProducerClient(second.connection, 'hub', { retryOptions: QUICK });
    const { lastEnqueuedSequenceNumber: last } = await again.getPartitionProperties('0');
    await again.close();
    expect(last).toBe(2);
    await end(second, 'SIGKILL');
  });

  test('SIGTERM answers what was sent, ends with 0, and everything is there', async () => {
    const data = join(folder, 'orderly');
    const first = await startProcess(data);
    const client = new EventHubProducerClient(first.connection, 'hub', { retryOptions: ONCE });
    await client.sendBatch([{ body: 'before' }], { partitionId: '0' });
    expect(await end(first, 'SIGTERM')).toBe(0);
    await client.close().catch(() => undefined);
    const second = await startProcess(data);
    expect(bodiesOf(await readAll(second.connection, 'hub', 1))).toEqual(['before']);
    await end(second, 'SIGKILL');
  });

  test('a consumer goes on by itself after the broker was restarted', async () => {
    const data = join(folder, 'restarted');
    await mkdir(data);
    const first = await startHarness({ hub: { partitions: 1 } }, { dataDir: data });
    const client = first.consumer('hub', {}, { maxRetries: 100, retryDelayInMs: 50, timeoutInMs: 1_000 });
    const seen: unknown[] = [];
    const subscription = client.subscribe(
      '0',
      {
        processEvents: async (events) => {
          seen.push(...bodiesOf(events));
        },
        processError: async () => undefined,
      },
      { maxBatchSize: 10, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
    );
    await first.send('hub', ['before']);
    await expect.poll(() => seen).toEqual(['before']);
    const { port } = first.server;
    await first.server.close();
    await using second = await startHarness({ hub: { partitions: 1 } }, { dataDir: data, port });
    await second.send('hub', ['after']);
    await expect.poll(() => seen).toEqual(['before', 'after']);
    await subscription.close();
    await first.close();
  });
});

describe('event-hubs: configuration', () => {
  test('several hubs and groups come from one file', async () => {
    const running = await startProcess(join(folder, 'several'), {
      hubs: { one: { partitions: 1 }, two: { partitions: 3, consumerGroups: ['billing'] } },
      keys: [KEY],
    });
    const client = new EventHubConsumerClient('billing', running.connection, 'two', { retryOptions: QUICK });
    expect(await client.getPartitionIds()).toEqual(['0', '1', '2']);
    await client.close();
    await end(running, 'SIGTERM');
  });

  test('the configuration file of Microsoft’s emulator is understood, with its key', async () => {
    const running = await startProcess(join(folder, 'emulator'), {
      UserConfig: {
        NamespaceConfig: [
          {
            Type: 'EventHub',
            Name: 'emulatorNs1',
            Entities: [{ Name: 'eh1', PartitionCount: '2', ConsumerGroups: [{ Name: 'cg1' }] }],
          },
        ],
        LoggingConfig: { Type: 'File' },
      },
    });
    const client = new EventHubConsumerClient('cg1', running.connection, 'eh1', { retryOptions: QUICK });
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
    await client.close();
    await end(running, 'SIGTERM');
  });

  test.each<[string, unknown, RegExp]>([
    ['without hubs', {}, /the configuration has no hubs/],
    [
      'with a hub without partitions',
      { hubs: { a: {} } },
      /partitions of the hub a is not a number from 1 to 1024/,
    ],
    ['with a word that is not known', { hubs: {}, hubz: {} }, /unknown part: hubz/],
    [
      'with half a connection',
      { hubs: { a: { partitions: 1 } }, maxConnections: 0.5 },
      /maxConnections is not a whole number above 0/,
    ],
    ['with a name that is none', { hubs: { 'a/b': { partitions: 1 } } }, /a\/b is no name/],
  ])('a file %s is refused in one line', async (_, config, reason) => {
    await expect(startProcess(join(folder, 'refused'), config)).rejects.toThrow(reason);
  });

  test('faults are set, cleared and made over the control port', async () => {
    const running = await startProcess(join(folder, 'control'));
    const post = async (path: string, body?: unknown, method = 'POST') => {
      const url = `http://127.0.0.1:${running.controlPort}${path}`;
      const headers = CONTROL_HEADERS;
      const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
      return (await fetch(url, init)).status;
    };
    const client = new EventHubProducerClient(running.connection, 'hub', { retryOptions: ONCE });
    expect(await post('/faults', { kind: 'reject', hub: 'hub', condition: 'amqp:internal-error' })).toBe(204);
    expect(await failureOf(client.sendBatch([{ body: 1 }]))).toMatchObject({ code: 'InternalServerError' });
    expect(await post('/faults', undefined, 'DELETE')).toBe(204);
    await client.sendBatch([{ body: 1 }]);
    expect(await post('/faults', { kind: 'nonsense' })).toBe(400);
    expect(await post('/detach', { hub: 'hub' })).toBe(204);
    expect(await post('/drop')).toBe(204);
    await client.close();
    await end(running, 'SIGTERM');
  });
});

describe('event-hubs: faults on demand', () => {
  test.each([
    ['com.microsoft:server-busy', 'ServerBusyError', true],
    ['amqp:internal-error', 'InternalServerError', true],
    ['amqp:resource-limit-exceeded', 'QuotaExceededError', false],
    ['amqp:link:message-size-exceeded', 'MessageTooLargeError', false],
    ['com.microsoft:entity-disabled', 'MessagingEntityDisabledError', false],
  ])('a send refused with %s is %s', async (condition, code, retryable) => {
    harness.server.faults.add({ kind: 'reject', hub: 'faults', condition, count: 1 });
    const failure = await failureOf(harness.producer('faults', ONCE).sendBatch([{ body: 1 }]));
    expect(failure).toMatchObject({ code, retryable });
  });

  test('throttled twice, a producer that retries gets through', async () => {
    harness.server.faults.add({ kind: 'reject', hub: 'faults', count: 2 });
    await harness.producer('faults').sendBatch([{ body: 1 }]);
    expect(harness.server.faults.has('reject', 'faults')).toBe(false);
  });

  test('a fault of one partition leaves the others alone', async () => {
    harness.server.faults.add({ kind: 'reject', hub: 'faults', partition: 1 });
    await harness.send('faults', [1], { partitionId: '0' });
    const failure = await failureOf(
      harness.producer('faults', ONCE).sendBatch([{ body: 1 }], { partitionId: '1' }),
    );
    harness.server.faults.clear();
    expect(failure.code).toBe('ServerBusyError');
  });

  test('a delayed send takes its time and is stored', async () => {
    harness.server.faults.add({ kind: 'delay', hub: 'faults', delayMs: 300, count: 1 });
    const begin = performance.now();
    await harness.producer('faults').sendBatch([{ body: 1 }]);
    expect(performance.now() - begin).toBeGreaterThan(290);
  });

  test('a link that is refused is made at the next try', async () => {
    harness.server.faults.add({ kind: 'refuse', hub: 'faults', count: 1 });
    await harness.producer('faults').sendBatch([{ body: 1 }]);
    expect(harness.server.faults.has('refuse', 'faults')).toBe(false);
  });

  test('a token that is refused is UnauthorizedError, and taken at the next try', async () => {
    harness.server.faults.add({ kind: 'refuseCbs', hub: 'faults', count: 1 });
    const failure = await failureOf(harness.producer('faults', ONCE).getPartitionIds());
    expect(failure.code).toBe('UnauthorizedError');
    harness.server.faults.add({ kind: 'refuseCbs', hub: 'faults', count: 1 });
    expect(await harness.producer('faults').getPartitionIds()).toEqual(['0', '1']);
  });

  const continues = async (disturb: () => void) => {
    const seen: unknown[] = [];
    const client = harness.consumer('faults', {}, { maxRetries: 50, retryDelayInMs: 20, timeoutInMs: 2_000 });
    const subscription = client.subscribe(
      '0',
      {
        processEvents: async (events) => {
          seen.push(...bodiesOf(events));
        },
        processError: async () => undefined,
      },
      { maxBatchSize: 10, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
    );
    const sender = harness.producer('faults', { maxRetries: 5, retryDelayInMs: 20, timeoutInMs: 1_000 });
    await sender.sendBatch([{ body: 'before' }], { partitionId: '0' });
    await expect.poll(() => seen.at(-1)).toBe('before');
    disturb();
    await sender.sendBatch([{ body: 'after' }], { partitionId: '0' });
    await expect.poll(() => seen.at(-1)).toBe('after');
    expect(seen.filter((body) => body === 'before').length).toBeLessThan(3);
    await subscription.close();
  };

  test('cut connections: producer and consumer go on by themselves', () =>
    continues(() => harness.server.faults.dropConnections()));

  test('detached links: producer and consumer go on by themselves', () =>
    continues(() => harness.server.faults.detachLinks('faults')));

  test('a paused partition gives nothing until it goes on', async () => {
    harness.server.faults.add({ kind: 'pause', hub: 'other' });
    await harness.send('other', ['held']);
    let isRead = false;
    const reading = harness.read('other', 1).then((events) => {
      isRead = true;
      return events;
    });
    await expect.poll(() => harness.server.counts().links).toBeGreaterThan(0);
    expect(await harness.producer('other').getPartitionIds()).toEqual(['0']);
    expect(isRead).toBe(false);
    harness.server.faults.clear();
    expect(bodiesOf(await reading)).toEqual(['held']);
  });
});

describe('event-hubs: checkpoints in Blob storage', () => {
  let storage: StorageServer;

  beforeAll(async () => {
    storage = await startStorage({ port: 0, dataDir: join(folder, 'storage') });
  });

  afterAll(() => storage.close());

  const storeIn = async (name: string) => {
    const container = new ContainerClient(storage.connectionString, name);
    await container.createIfNotExists();
    return new BlobCheckpointStore(container);
  };

  interface Consumer {
    readonly seen: string[];
    readonly partitions: Set<string>;
    close(): Promise<void>;
  }

  const consume = (store: BlobCheckpointStore, hub = 'shared'): Consumer => {
    const client = new EventHubConsumerClient('$Default', harness.connection(), hub, store, {
      retryOptions: { maxRetries: 50, retryDelayInMs: 50, timeoutInMs: 2_000 },
      loadBalancingOptions: {
        strategy: 'greedy',
        updateIntervalInMs: 200,
        partitionOwnershipExpirationIntervalInMs: 2_000,
      },
    });
    const seen: string[] = [];
    const partitions = new Set<string>();
    const subscription: Subscription = client.subscribe(
      {
        processInitialize: async ({ partitionId }) => {
          partitions.add(partitionId);
        },
        processClose: async (_reason: CloseReason, { partitionId }) => {
          partitions.delete(partitionId);
        },
        processEvents: async (events, context: PartitionContext) => {
          const last = events.at(-1);
          if (!last) return;
          for (const { body } of events) seen.push(body as string);
          await context.updateCheckpoint(last);
        },
        processError: async () => undefined,
      },
      { maxBatchSize: 100, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
    );
    return {
      seen,
      partitions,
      close: async () => {
        await subscription.close();
        await client.close();
      },
    };
  };

  const sendToAll = async (label: string, hub = 'shared') => {
    for (const partitionId of ['0', '1', '2', '3'])
      await harness.send(
        hub,
        range(5).map((n) => `${label}-${partitionId}-${n}`),
        { partitionId },
      );
    return range(20).map((n) => `${label}-${Math.floor(n / 5)}-${n % 5}`);
  };

  test('two consumers share four partitions, and one takes over what the other leaves', async () => {
    const store = await storeIn('two');
    const first = consume(store);
    await expect.poll(() => first.partitions.size).toBe(4);
    const second = consume(store);
    await expect.poll(() => [first.partitions.size, second.partitions.size]).toEqual([2, 2]);
    expect(new Set([...first.partitions, ...second.partitions]).size).toBe(4);
    const sent = await sendToAll('both');
    await expect.poll(() => new Set([...first.seen, ...second.seen])).toEqual(new Set(sent));
    expect(Math.min(first.seen.length, second.seen.length)).toBeGreaterThan(0);
    await first.close();
    await expect.poll(() => second.partitions.size).toBe(4);
    const more = await sendToAll('left');
    await expect.poll(() => second.seen).toEqual(expect.arrayContaining(more));
    await second.close();
  });

  test('a consumer that starts again goes on at its checkpoint', async () => {
    const store = await storeIn('again');
    const first = consume(store);
    const before = await sendToAll('first');
    await expect.poll(() => first.seen).toEqual(expect.arrayContaining(before));
    await first.close();
    const checkpoints = await store.listCheckpoints('127.0.0.1', 'shared', '$Default');
    expect(checkpoints.map(({ partitionId }) => partitionId).sort()).toEqual(['0', '1', '2', '3']);
    const after = await sendToAll('second');
    const second = consume(store);
    await expect.poll(() => second.seen.length).toBe(20);
    expect(new Set(second.seen)).toEqual(new Set(after));
    await second.close();
  });
});

describe('event-hubs: differences', () => {
  test('differs: offsets count events (the service’s count bytes)', async () => {
    await harness.send('differs', range(3));
    const events = await harness.read('differs', 3);
    expect(events.map(({ offset }) => offset)).toEqual(['0', '1', '2']);
  });

  test('differs: names of hubs and groups come from a file (the service makes them by its management plane)', async () => {
    expect((await failureOf(harness.producer('made-later', ONCE).getPartitionIds())).code).toBe(
      'MessagingEntityNotFoundError',
    );
  });
});
