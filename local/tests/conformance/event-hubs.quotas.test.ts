/** What a namespace has of everything: throughput, room, connections, links, receivers; and its publishers. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partitionOf } from '../../event-hubs/hash.ts';
import {
  BEGINNING,
  bodiesOf,
  failureOf,
  type Harness,
  ONCE,
  ROOT,
  range,
  startHarness,
} from '../support/event-hubs.ts';
import { connectRaw, detachment } from '../support/raw-amqp-client.ts';

describe('event-hubs: throttling and quotas', () => {
  test('a namespace of one throughput unit takes 1,000 events a second, then throttles', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } }, { throughputUnits: 1 });
    const client = small.producer('hub', ONCE);
    const events = range(600).map((body) => ({ body }));
    await client.sendBatch(events);
    await client.sendBatch(events);
    const failure = await failureOf(client.sendBatch([{ body: 1 }]));
    expect(failure).toMatchObject({ code: 'ServerBusyError', retryable: true });
    small.advance(1_000);
    await client.sendBatch([{ body: 1 }]);
  });

  test('a namespace of one throughput unit takes 1 MiB a second, then throttles', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } }, { throughputUnits: 1 });
    const client = small.producer('hub', ONCE);
    const large = [{ body: Buffer.alloc(600_000) }];
    await client.sendBatch(large);
    await client.sendBatch(large);
    expect(await failureOf(client.sendBatch(large))).toMatchObject({ code: 'ServerBusyError' });
  });

  test('a throttled producer that retries gets through', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } }, { throughputUnits: 1 });
    await small.producer('hub').sendBatch(range(1_100).map((body) => ({ body })));
    const retrying = small.producer('hub', { maxRetries: 10, retryDelayInMs: 50, timeoutInMs: 3_000 });
    await retrying.sendBatch([{ body: 'later' }]);
    expect((await retrying.getPartitionProperties('0')).lastEnqueuedSequenceNumber).toBe(1_100);
  });

  test('a hub that has reached its quota is QuotaExceededError, and is still read', async () => {
    await using small = await startHarness({ hub: { partitions: 1, quotaBytes: 100_000 } });
    const client = small.producer('hub', ONCE);
    await client.sendBatch([{ body: Buffer.alloc(100_000) }]);
    const failure = await failureOf(client.sendBatch([{ body: 1 }]));
    expect(failure).toMatchObject({ code: 'QuotaExceededError', retryable: false });
    expect(await small.read('hub', 1)).toHaveLength(1);
  });

  /** What a reader of a namespace of one throughput unit sees, whose clock stands still. */
  const egressOf = async (events: readonly { body: unknown }[], perBatch: number) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'event-hubs-egress-'));
    const hubs = { hub: { partitions: 1 } };
    {
      await using unlimited = await startHarness(hubs, { dataDir });
      const client = unlimited.producer('hub');
      for (let at = 0; at < events.length; at += perBatch)
        await client.sendBatch(events.slice(at, at + perBatch));
    }
    let now = Date.now();
    const limited = await startHarness(hubs, { dataDir, throughputUnits: 1, now: () => now });
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    let silence = () => undefined as void;
    const subscription = limited.consumer('hub').subscribe(
      '0',
      {
        processEvents: async (batch) => {
          seen.push(...bodiesOf(batch));
          if (batch.length === 0) silence();
        },
        processError: async (error) => {
          errors.push(error);
        },
      },
      { maxBatchSize: 100, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
    );
    return {
      seen,
      errors,
      /** A second in which nothing came. */
      silent: () =>
        new Promise<void>((resolve) => {
          silence = resolve;
        }),
      aSecondLater: () => {
        now += 1_000;
      },
      close: async () => {
        await subscription.close();
        await limited.close();
        await rm(dataDir, { recursive: true });
      },
    };
  };

  test('a namespace of one throughput unit gives out 4,096 events a second; the rest waits, without an error', async () => {
    const bodies = range(6_000);
    const reading = await egressOf(
      bodies.map((body) => ({ body })),
      2_000,
    );
    await expect.poll(() => reading.seen.length).toBeGreaterThanOrEqual(4_096);
    await reading.silent();
    expect(reading.seen.length).toBeLessThan(4_096 + 250);
    reading.aSecondLater();
    await expect.poll(() => reading.seen).toEqual(bodies);
    expect(reading.errors).toEqual([]);
    await reading.close();
  });

  test('a namespace of one throughput unit gives out 2 MiB a second', async () => {
    const reading = await egressOf(
      range(35).map((n) => ({ body: `${n} `.padEnd(100_000, 'x') })),
      10,
    );
    await expect.poll(() => reading.seen.length).toBeGreaterThanOrEqual(21);
    await reading.silent();
    expect(reading.seen.length).toBeLessThan(27);
    reading.aSecondLater();
    await expect.poll(() => reading.seen.length).toBe(35);
    expect(reading.errors).toEqual([]);
    await reading.close();
  });

  test('one connection more than the namespace has is QuotaExceededError, until another is closed', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } }, { maxConnections: 1 });
    const [first, second] = [small.producer('hub', ONCE), small.producer('hub', ONCE)];
    await first.sendBatch([{ body: 'first' }]);
    const failure = await failureOf(second.sendBatch([{ body: 'refused' }]));
    expect(failure).toMatchObject({ code: 'QuotaExceededError', retryable: false });
    expect(failure.message).toContain('ConnectionsQuotaExceeded for namespace');
    await first.sendBatch([{ body: 'still' }]);
    await first.close();
    await second.sendBatch([{ body: 'second' }]);
    expect((await second.getPartitionProperties('0')).lastEnqueuedSequenceNumber).toBe(2);
  });

  test('a session has 256 links, one more ends its connection', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } });
    const options = { username: ROOT.name, password: ROOT.key };
    const connection = await connectRaw(small.server.port, options);
    const senders = range(256).map(() => connection.open_sender({ target: { address: 'hub' } }));
    await Promise.all(senders.map((sender) => once(sender, 'sendable')));
    expect(small.server.counts().links).toBe(256);
    const closed = once(connection, 'connection_error') as Promise<[{ connection: { error: unknown } }]>;
    connection.open_sender({ target: { address: 'hub' } });
    const [context] = await closed;
    expect(context.connection.error).toMatchObject({ condition: 'amqp:connection:framing-error' });
    await expect.poll(() => small.server.counts()).toEqual({ connections: 0, links: 0 });
  });

  test('the sixth receiver without epoch is told who the five are', async () => {
    await using small = await startHarness({ hub: { partitions: 1 } });
    const connection = await connectRaw(small.server.port, { username: ROOT.name, password: ROOT.key });
    const address = 'hub/ConsumerGroups/$Default/Partitions/0';
    const receiver = (n: number) =>
      connection.open_receiver({
        name: `link ${n}`,
        source: { address },
        properties: n > 0 ? { 'com.microsoft:receiver-name': `reader ${n}` } : {},
      });
    await Promise.all(range(5).map((n) => once(receiver(n), 'receiver_open')));
    expect(await detachment(receiver(6))).toMatchObject({
      condition: 'amqp:resource-limit-exceeded',
      description:
        'Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5. List of connected receivers - link 0, reader 1, reader 2, reader 3, reader 4.',
    });
    connection.close();
  });
});

describe('event-hubs: publishers', () => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ hub: { partitions: 4 } });
  });

  afterAll(() => harness.close());

  const partition = String(partitionOf('device-7', 4));

  test('hub/Publishers/name sends: the events name their publisher, and lie in his key’s partition', async () => {
    await harness.producer('hub/Publishers/device-7').sendBatch([{ body: 1 }, { body: 2 }]);
    const events = await harness.read('hub', 2, { partition });
    for (const event of events) {
      expect(event.partitionKey).toBe('device-7');
      expect(event.getRawAmqpMessage().messageAnnotations).toMatchObject({ 'x-opt-publisher': 'device-7' });
    }
    expect(bodiesOf(events)).toEqual([1, 2]);
  });

  test('his own name as the key is taken, another is ArgumentError', async () => {
    const client = harness.producer('hub/Publishers/device-7', ONCE);
    await client.sendBatch([{ body: 'own' }], { partitionKey: 'device-7' });
    const failure = await failureOf(client.sendBatch([{ body: 'other' }], { partitionKey: 'device-8' }));
    expect(failure).toMatchObject({ code: 'ArgumentError', retryable: false });
  });

  test('a publisher cannot name himself otherwise', async () => {
    const message = { body: 'pretends', messageAnnotations: { 'x-opt-publisher': 'device-8', other: 1 } };
    await harness.producer('hub/Publishers/device-7').sendBatch([{ ...message, bodyType: 'data' as const }]);
    const events = await harness.read('hub', 4, { partition });
    expect(events[3]?.getRawAmqpMessage().messageAnnotations).toMatchObject({
      'x-opt-publisher': 'device-7',
      other: 1,
    });
  });

  test('a signature for one publisher sends as him only', async () => {
    const sr = encodeURIComponent(`sb://127.0.0.1:${harness.server.port}/hub/Publishers/device-7`);
    const se = Math.floor(Date.now() / 1000) + 60;
    const sig = createHmac('sha256', ROOT.key).update(`${sr}\n${se}`).digest('base64');
    const signature = `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}&skn=${ROOT.name}`;
    const connection = `Endpoint=sb://127.0.0.1:${harness.server.port};SharedAccessSignature=${signature};UseDevelopmentEmulator=true`;
    const send = (address: string) => harness.producer(address, ONCE, connection).sendBatch([{ body: 5 }]);
    await send('hub/Publishers/device-7');
    for (const address of ['hub/Publishers/device-8', 'hub'])
      expect(await failureOf(send(address))).toMatchObject({ code: 'UnauthorizedError' });
  });

  test.each([
    ['no name', 'hub/Publishers/', 'amqp:not-found'],
    ['more than a name', 'hub/Publishers/a/b', 'amqp:not-found'],
    ['a name above 128 characters', `hub/Publishers/${'x'.repeat(129)}`, 'com.microsoft:argument-error'],
  ])('a publisher with %s is refused', async (_, address, condition) => {
    const connection = await connectRaw(harness.server.port, { username: ROOT.name, password: ROOT.key });
    expect(await detachment(connection.open_sender({ target: { address } }))).toMatchObject({ condition });
    connection.close();
  });
});
