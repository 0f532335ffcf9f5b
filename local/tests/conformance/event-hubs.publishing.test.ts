import { createRequire } from 'node:module';
import type { AmqpAnnotatedMessage } from '@azure/core-amqp';
import type { EventData, OnSendEventsSuccessContext } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodiesOf, failureOf, type Harness, ONCE, range, startHarness } from '../support/event-hubs.ts';

let harness: Harness;
const KEYED = [1, 2, 3, 4, 7, 32];

beforeAll(async () => {
  harness = await startHarness({
    events: { partitions: 4 },
    turns: { partitions: 3 },
    limits: { partitions: 2 },
    buffered: { partitions: 2 },
    idempotent: { partitions: 2 },
    keys: { partitions: 32 },
    ...Object.fromEntries(KEYED.map((partitions) => [`keyed${partitions}`, { partitions }])),
  });
});

afterAll(() => harness.close());

/** The newest event of a partition, sent alone just now. */
async function roundTrip(event: EventData) {
  const client = harness.producer('events');
  await client.sendBatch([event], { partitionId: '0' });
  const { lastEnqueuedSequenceNumber: last } = await client.getPartitionProperties('0');
  await client.close();
  const [received] = await harness.read('events', 1, {
    from: { sequenceNumber: last, isInclusive: true },
  });
  if (!received) throw new Error('nothing was received');
  return received;
}

describe('event-hubs: publishing', () => {
  test.each<[string, unknown]>([
    ['a text', 'drone'],
    ['an empty text', ''],
    ['a text of many scripts', 'Drohne ドローン 🚁'],
    ['an object', { id: 'd1', position: { lat: 47.6, lon: -122.3 } }],
    ['a list', [1, 'two', null]],
    ['a number', 42.5],
    ['a truth value', false],
    ['null', null],
  ])('the body %s comes back as it was sent', async (_, body) => {
    expect((await roundTrip({ body })).body).toEqual(body);
  });

  test('a body of bytes comes back byte for byte', async () => {
    const body = Buffer.from(range(256));
    expect(Buffer.from((await roundTrip({ body })).body as Uint8Array).equals(body)).toBe(true);
  });

  test('a footer comes back, of a message alone and in a batch', async () => {
    const message: AmqpAnnotatedMessage = { body: 'x', bodyType: 'data', footer: { checked: true } };
    const client = harness.producer('events');
    const batch = await client.createBatch({ partitionId: '0' });
    expect([batch.tryAdd(message), batch.tryAdd({ body: 'plain' }), batch.tryAdd(message)]).toEqual([
      true,
      true,
      true,
    ]);
    const { lastEnqueuedSequenceNumber: last } = await client.getPartitionProperties('0');
    await client.sendBatch(batch);
    await client.sendBatch([message], { partitionId: '0' });
    await client.close();
    const from = { sequenceNumber: last, isInclusive: false };
    const received = await harness.read('events', 4, { from });
    expect(received.map((event) => event.getRawAmqpMessage().footer)).toEqual([
      { checked: true },
      undefined,
      { checked: true },
      { checked: true },
    ]);
    expect(received.map(({ body }) => body as unknown)).toEqual(['x', 'plain', 'x', 'x']);
  });

  test.each<[string, unknown]>([
    ['text', 'x'],
    ['number', 7],
    ['fraction', 2.5],
    ['negative number', -1],
    ['truth value', true],
  ])('an application property of type %s is kept', async (_, value) => {
    const { properties } = await roundTrip({ body: 'p', properties: { value } });
    expect(properties).toEqual({ value });
  });

  test('an application property that is a date arrives as a timestamp', async () => {
    const { getRawAmqpMessage } = await roundTrip({
      body: 'p',
      properties: { at: new Date(1_700_000_000_000) },
    });
    expect(getRawAmqpMessage().applicationProperties).toEqual({ at: new Date(1_700_000_000_000) });
  });

  test('contentType, correlationId and messageId are kept', async () => {
    const event = { body: 'x', contentType: 'application/json', correlationId: 'c-1', messageId: 'm-1' };
    expect(await roundTrip(event)).toMatchObject(event);
  });

  test('a message id that is a number is kept', async () => {
    expect((await roundTrip({ body: 'x', messageId: 12 })).messageId).toBe(12);
  });

  test('an event gets its sequence number, offset and enqueued time from the broker', async () => {
    const before = Date.now() - 1;
    const event = await roundTrip({ body: 'x' });
    expect(event.sequenceNumber).toBeGreaterThanOrEqual(0);
    expect(typeof event.offset).toBe('string');
    expect(event.enqueuedTimeUtc.getTime()).toBeGreaterThan(before);
    expect(event.enqueuedTimeUtc.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('a received event that is sent on gets a sequence number of its own', async () => {
    const first = await roundTrip({ body: 'x' });
    const second = await roundTrip({ ...first, systemProperties: undefined } as EventData);
    expect(second.sequenceNumber).toBe(first.sequenceNumber + 1);
  });

  test('a raw AMQP message with annotations of its own keeps them', async () => {
    const { getRawAmqpMessage } = await roundTrip({ body: 'x' });
    const raw = getRawAmqpMessage();
    const event = await roundTrip({
      ...raw,
      messageAnnotations: { 'x-own': 'kept' },
    } as unknown as EventData);
    expect(event.systemProperties).toMatchObject({ 'x-own': 'kept' });
  });

  test('the events of one batch stay together and in order', async () => {
    const client = harness.producer('turns');
    const batch = await client.createBatch({ partitionId: '1' });
    for (const body of range(50)) expect(batch.tryAdd({ body })).toBe(true);
    await client.sendBatch(batch);
    const events = await harness.read('turns', 50, { partition: '1' });
    expect(bodiesOf(events)).toEqual(range(50));
    expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(range(50));
  });

  test('batches without key or partition take the partitions in turn', async () => {
    const counts = async () =>
      Promise.all(
        ['0', '1', '2'].map(
          async (id) =>
            (await harness.producer('turns').getPartitionProperties(id)).lastEnqueuedSequenceNumber,
        ),
      );
    const before = await counts();
    for (const body of range(6)) await harness.send('turns', [body]);
    const after = await counts();
    expect(after.map((last, index) => last - (before[index] ?? 0))).toEqual([2, 2, 2]);
  });

  test('many sends at once are all stored, each once', async () => {
    const client = harness.producer('turns');
    const before = (await client.getPartitionProperties('2')).lastEnqueuedSequenceNumber;
    await Promise.all(range(200).map((body) => client.sendBatch([{ body }], { partitionId: '2' })));
    const events = await harness.read('turns', 200, { partition: '2', from: { sequenceNumber: before } });
    expect((bodiesOf(events) as number[]).toSorted((a, b) => a - b)).toEqual(range(200));
  });
});

describe('event-hubs: limits of a message', () => {
  test('a batch may have 1 MiB, and says so', async () => {
    const batch = await harness.producer('limits').createBatch();
    expect(batch.maxSizeInBytes).toBe(1024 * 1024);
    expect(batch.tryAdd({ body: Buffer.alloc(1024 * 1024) })).toBe(false);
  });

  test('a full batch of 1 MiB is taken and read', async () => {
    const client = harness.producer('limits');
    const batch = await client.createBatch({ partitionId: '0' });
    while (batch.tryAdd({ body: 'x'.repeat(1000) }));
    expect(batch.sizeInBytes).toBeGreaterThan(1_000_000);
    await client.sendBatch(batch);
    expect(await harness.read('limits', batch.count)).toHaveLength(batch.count);
  });

  test('one event of nearly 1 MiB is taken and read', async () => {
    const body = Buffer.alloc(1_048_000, 7);
    await harness.producer('limits').sendBatch([{ body }], { partitionId: '1' });
    const [event] = await harness.read('limits', 1, { partition: '1' });
    expect(body.equals(event?.body as Buffer)).toBe(true);
  });

  test('more than 1 MiB is MessageTooLargeError, and the next send is taken', async () => {
    const client = harness.producer('limits', ONCE);
    const failure = await failureOf(client.sendBatch([{ body: Buffer.alloc(1024 * 1024 + 1) }]));
    expect(failure).toMatchObject({ code: 'MessageTooLargeError', retryable: false });
    await client.sendBatch([{ body: 'small' }]);
  });

  test('many times 1 MiB is refused without being kept', async () => {
    const client = harness.producer('limits', ONCE);
    const failure = await failureOf(client.sendBatch([{ body: Buffer.alloc(12 * 1024 * 1024) }]));
    expect(failure.code).toBe('MessageTooLargeError');
  });

  test('a partition key may have 128 characters', async () => {
    const client = harness.producer('limits', ONCE);
    await client.sendBatch([{ body: 1 }], { partitionKey: 'k'.repeat(128) });
    const failure = await failureOf(client.sendBatch([{ body: 1 }], { partitionKey: 'k'.repeat(129) }));
    expect(failure).toMatchObject({ code: 'ArgumentError', retryable: false });
  });
});

/** The mapper that the buffered producer uses: it knows where the service puts a key. */
const { mapPartitionKeyToId } = createRequire(import.meta.url)(
  createRequire(import.meta.url)
    .resolve('@azure/event-hubs')
    .replace(/index\.js$/, 'impl/partitionKeyToIdMapper.js'),
) as { mapPartitionKeyToId(key: string, count: number): number };

describe('event-hubs: partition keys', () => {
  test.each(KEYED)('in a hub of %i partitions, keys land where the service puts them', async (count) => {
    const keys = range(40).map((n) => `drone-${n * 37}`);
    const client = harness.producer(`keyed${count}`);
    await Promise.all(
      keys.map((partitionKey) => client.sendBatch([{ body: partitionKey }], { partitionKey })),
    );
    const expected = Map.groupBy(keys, (key) => mapPartitionKeyToId(key, count));
    for (const [partition, those] of expected) {
      const events = await harness.read(`keyed${count}`, those.length, { partition: String(partition) });
      expect(new Set(bodiesOf(events))).toEqual(new Set(those));
      expect(events.every(({ body, partitionKey }) => body === partitionKey)).toBe(true);
    }
  });

  test.each<[string, string]>([
    ['of one letter', 'a'],
    ['of 12 bytes', 'abcdefghijkl'],
    ['of 13 bytes', 'abcdefghijklm'],
    ['of 24 bytes', 'abcdefghijklabcdefghijkl'],
    ['of 128 characters', 'k'.repeat(128)],
    ['with spaces and signs', ' a/b?c=d&e '],
    ['in other scripts', 'ドローン'],
    ['of a surrogate pair', '🚁'],
  ])('a key %s lands where the service puts it', async (_, partitionKey) => {
    const client = harness.producer('keys');
    await client.sendBatch([{ body: 'here' }], { partitionKey });
    const partition = String(mapPartitionKeyToId(partitionKey, 32));
    const { lastEnqueuedSequenceNumber: last } = await client.getPartitionProperties(partition);
    const [event] = await harness.read('keys', 1, {
      partition,
      from: { sequenceNumber: last, isInclusive: true },
    });
    expect(event).toMatchObject({ body: 'here', partitionKey });
  });

  test('a batch with a key puts all of its events in the key’s partition, in order', async () => {
    const client = harness.producer('keys');
    const batch = await client.createBatch({ partitionKey: 'one-batch' });
    for (const body of range(30)) batch.tryAdd({ body });
    const partition = String(mapPartitionKeyToId('one-batch', 32));
    const { lastEnqueuedSequenceNumber: before } = await client.getPartitionProperties(partition);
    await client.sendBatch(batch);
    const events = await harness.read('keys', 30, { partition, from: { sequenceNumber: before } });
    expect(bodiesOf(events)).toEqual(range(30));
  });
});

describe('event-hubs: buffered producers', () => {
  test('what is enqueued is sent after the wait, by itself', async () => {
    const { promise, resolve } = Promise.withResolvers<OnSendEventsSuccessContext>();
    const client = harness.buffered('buffered', {
      onSendEventsSuccessHandler: resolve,
    });
    await client.enqueueEvent({ body: 'alone' }, { partitionId: '0' });
    const { events, partitionId } = await promise;
    expect([events.length, partitionId]).toEqual([1, '0']);
    expect(bodiesOf(await harness.read('buffered', 1))).toEqual(['alone']);
  });

  test('flush sends everything, close too', async () => {
    const client = harness.buffered('buffered', { maxWaitTimeInMs: 200 });
    const { lastEnqueuedSequenceNumber: before } = await client.getPartitionProperties('1');
    await client.enqueueEvents(
      range(500).map((body) => ({ body })),
      { partitionId: '1' },
    );
    await client.flush();
    await client.enqueueEvent({ body: 500 }, { partitionId: '1' });
    await client.close();
    const events = await harness.read('buffered', 501, { partition: '1', from: { sequenceNumber: before } });
    expect(bodiesOf(events)).toEqual(range(501));
  });

  test('a key goes to the same partition as with the plain producer', async () => {
    const client = harness.buffered('buffered', {});
    const partition = String(mapPartitionKeyToId('same', 2));
    const { lastEnqueuedSequenceNumber: before } = await client.getPartitionProperties(partition);
    await client.enqueueEvent({ body: 'buffered' }, { partitionKey: 'same' });
    await client.flush();
    await harness.producer('buffered').sendBatch([{ body: 'plain' }], { partitionKey: 'same' });
    const events = await harness.read('buffered', 2, { partition, from: { sequenceNumber: before } });
    expect(bodiesOf(events)).toEqual(['buffered', 'plain']);
  });

  test('what is refused is handed to the error handler with its events', async () => {
    const { promise, resolve } = Promise.withResolvers<{ error: Error; events: readonly unknown[] }>();
    const client = harness.buffered('buffered', {
      retryOptions: ONCE,
      onSendEventsErrorHandler: resolve,
    });
    harness.server.faults.add({
      kind: 'reject',
      hub: 'buffered',
      condition: 'amqp:resource-limit-exceeded',
      count: 1,
    });
    await client.enqueueEvent({ body: 'refused' }, { partitionId: '0' });
    const { error, events } = await promise;
    expect(error).toMatchObject({ code: 'QuotaExceededError' });
    expect(events).toHaveLength(1);
  });
});

describe('event-hubs: idempotent producers', () => {
  const count = async (partition: string) =>
    (await harness.producer('idempotent').getPartitionProperties(partition)).lastEnqueuedSequenceNumber + 1;

  test('batch after batch is taken, in order', async () => {
    const client = harness.buffered('idempotent', { enableIdempotentRetries: true });
    const before = await count('0');
    for (const n of range(5)) {
      await client.enqueueEvents(
        range(10, n * 10).map((body) => ({ body })),
        { partitionId: '0' },
      );
      await client.flush();
    }
    const events = await harness.read('idempotent', 50, { from: { sequenceNumber: before - 1 } });
    expect(bodiesOf(events)).toEqual(range(50));
    expect(await count('0')).toBe(before + 50);
  });

  test('a batch whose acknowledgement was lost is stored once', async () => {
    const client = harness.buffered('idempotent', {
      enableIdempotentRetries: true,
      retryOptions: { maxRetries: 5, retryDelayInMs: 20, timeoutInMs: 500 },
    });
    const before = await count('1');
    await client.enqueueEvent({ body: 'first' }, { partitionId: '1' });
    await client.flush();
    harness.server.faults.add({ kind: 'dropAck', hub: 'idempotent', count: 1 });
    await client.enqueueEvents(
      range(10).map((body) => ({ body })),
      { partitionId: '1' },
    );
    await client.flush();
    await client.enqueueEvent({ body: 'last' }, { partitionId: '1' });
    await client.flush();
    const events = await harness.read('idempotent', 12, {
      partition: '1',
      from: { sequenceNumber: before - 1 },
    });
    expect(bodiesOf(events)).toEqual(['first', ...range(10), 'last']);
    expect(await count('1')).toBe(before + 12);
  });

  test('without idempotence, a lost acknowledgement stores the batch twice', async () => {
    const client = harness.producer('idempotent', { maxRetries: 5, retryDelayInMs: 20, timeoutInMs: 500 });
    const before = await count('0');
    harness.server.faults.add({ kind: 'dropAck', hub: 'idempotent', count: 1 });
    await client.sendBatch([{ body: 'twice' }], { partitionId: '0' });
    expect(await count('0')).toBe(before + 2);
  });
});
