import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EventHubConsumerClient,
  EventHubProducerClient,
  latestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partitionOf } from './hash.ts';
import { type EventHubsServer, startEventHubs } from './server.ts';

const KEY = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const };
const retryOptions = { maxRetries: 2, retryDelayInMs: 50, timeoutInMs: 2_000 };
const HUBS = { telemetry: { partitions: 4, consumerGroups: ['second'] }, other: { partitions: 2 } };

let dataDir: string;
let server: EventHubsServer;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hubs-'));
  server = await startEventHubs({
    port: 0,
    dataDir,
    hubs: HUBS,
    keys: [KEY, { name: 'sender', key: 'eA==', rights: ['Send'] }],
  });
});

afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true });
});

const producer = (hub = 'telemetry', connection = server.connectionString()) =>
  new EventHubProducerClient(connection, hub, { retryOptions });

async function receive(
  count: number,
  options: {
    hub?: string;
    group?: string;
    partition?: string;
    from?: { sequenceNumber: number };
    connection?: string;
  } = {},
): Promise<ReceivedEventData[]> {
  const {
    hub = 'telemetry',
    group = '$Default',
    partition,
    from,
    connection = server.connectionString(),
  } = options;
  const client = new EventHubConsumerClient(group, connection, hub, { retryOptions });
  const events: ReceivedEventData[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const handlers = {
    processEvents: async (batch: ReceivedEventData[]) => {
      events.push(...batch);
      if (events.length >= count) resolve();
    },
    processError: async (error: Error) => reject(error),
  };
  const settings = {
    maxBatchSize: 100,
    maxWaitTimeInSeconds: 1,
    startPosition: from ?? { offset: '-1' },
  };
  const subscription =
    partition === undefined
      ? client.subscribe(handlers, settings)
      : client.subscribe(partition, handlers, settings);
  try {
    await promise;
  } finally {
    await subscription.close();
    await client.close();
  }
  return events;
}

test('events of one key land in one partition, in order, with the service’s annotations', async () => {
  const client = producer();
  const batch = await client.createBatch({ partitionKey: 'drone-7' });
  for (let n = 0; n < 50; n++) batch.tryAdd({ body: { n }, properties: { operation: 'delivery' } });
  await client.sendBatch(batch);
  await client.close();
  const partition = String(partitionOf('drone-7', 4));
  const events = await receive(50, { partition });
  expect(events.map(({ body }) => (body as { n: number }).n)).toEqual(
    Array.from({ length: 50 }, (_, n) => n),
  );
  expect(events[0]).toMatchObject({
    partitionKey: 'drone-7',
    sequenceNumber: 0,
    properties: { operation: 'delivery' },
  });
  expect(events[49]?.offset).toBe('49');
});

test('the hub tells its partitions and their ends', async () => {
  const client = producer('other');
  expect(await client.getPartitionIds()).toEqual(['0', '1']);
  await client.sendBatch([{ body: 'x' }], { partitionId: '1' });
  expect(await client.getPartitionProperties('1')).toMatchObject({
    lastEnqueuedSequenceNumber: 0,
    isEmpty: false,
  });
  expect(await client.getPartitionProperties('0')).toMatchObject({
    lastEnqueuedSequenceNumber: -1,
    isEmpty: true,
  });
  await client.close();
});

test('a second consumer group reads for itself, from a position', async () => {
  const partition = String(partitionOf('drone-7', 4));
  const events = await receive(20, { group: 'second', partition, from: { sequenceNumber: 29 } });
  expect(events[0]?.sequenceNumber).toBe(30);
});

describe('refusals are clear errors', () => {
  test('an unknown hub', async () => {
    const client = producer('nowhere');
    await expect(client.getPartitionIds()).rejects.toMatchObject({ code: 'MessagingEntityNotFoundError' });
    await client.close();
  });

  test('a wrong key', async () => {
    const wrong = server.connectionString().replace(KEY.key, 'bm9wZQ==');
    const client = new EventHubProducerClient(wrong, 'telemetry', {
      retryOptions: { maxRetries: 0, timeoutInMs: 1_000 },
    });
    await expect(client.sendBatch([{ body: 1 }])).rejects.toMatchObject({ code: 'UnauthorizedError' });
    await client.close();
  });

  test('a key that may only send cannot listen', async () => {
    const connection = server.connectionString().replace('=root', '=sender').replace(KEY.key, 'eA==');
    const client = new EventHubProducerClient(connection, 'telemetry', { retryOptions });
    await client.sendBatch([{ body: 1 }], { partitionId: '0' });
    await client.close();
    const error: unknown = await receive(1, { connection, partition: '0' }).catch(
      (thrown: unknown) => thrown,
    );
    const [cause = error] = (error as Partial<AggregateError>).errors ?? [];
    expect(String(cause)).toMatch(/unauthorized/i);
  });

  test('a throttled send is repeated by the SDK', async () => {
    server.faults.add({ kind: 'reject', hub: 'telemetry', count: 1 });
    const client = producer();
    await client.sendBatch([{ body: 'again' }], { partitionId: '3' });
    await client.close();
    expect(server.faults.has('reject', 'telemetry')).toBe(false);
  });
});

test('a receiver continues after its connection was cut', async () => {
  const client = new EventHubConsumerClient('$Default', server.connectionString(), 'other', {
    retryOptions: { ...retryOptions, maxRetries: 50 },
  });
  const seen: unknown[] = [];
  const subscription = client.subscribe(
    '0',
    {
      processEvents: async (events) => {
        seen.push(...events.map(({ body }) => body as unknown));
      },
      processError: async () => undefined,
    },
    { maxBatchSize: 10, maxWaitTimeInSeconds: 1, startPosition: latestEventPosition },
  );
  const sender = producer('other');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await sender.sendBatch([{ body: 'before' }], { partitionId: '0' });
  server.faults.dropConnections();
  await sender.sendBatch([{ body: 'after' }], { partitionId: '0' });
  await expect.poll(() => seen, { timeout: 10_000 }).toContain('after');
  expect(seen).toContain('before');
  await subscription.close();
  await client.close();
  await sender.close();
});

test('what was acknowledged is there after SIGKILL, in order and without gaps', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hubs-kill-'));
  const config = join(dir, 'config.json');
  await writeFile(config, JSON.stringify({ hubs: HUBS, keys: [KEY] }));
  const start = async () => {
    const child = fork(
      new URL('main.ts', import.meta.url),
      ['--port', '0', '--data', join(dir, 'data'), '--config', config],
      { silent: true },
    );
    const [message] = (await once(child, 'message')) as [{ port: number }];
    return { child, connection: server.connectionString().replace(`:${server.port};`, `:${message.port};`) };
  };
  const first = await start();
  const sender = new EventHubProducerClient(first.connection, 'telemetry', {
    retryOptions: { maxRetries: 0, timeoutInMs: 1_000 },
  });
  let acknowledged = 0;
  setTimeout(() => first.child.kill('SIGKILL'), 400);
  for (;;) {
    try {
      await sender.sendBatch([{ body: acknowledged }], { partitionId: '2' });
      acknowledged += 1;
    } catch {
      break;
    }
  }
  await sender.close().catch(() => undefined);
  const second = await start();
  const events = await receive(acknowledged, { connection: second.connection, partition: '2' });
  expect(acknowledged).toBeGreaterThan(10);
  expect(events.slice(0, acknowledged).map(({ body }) => body as number)).toEqual(
    Array.from({ length: acknowledged }, (_, n) => n),
  );
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
  await rm(dir, { recursive: true });
});
