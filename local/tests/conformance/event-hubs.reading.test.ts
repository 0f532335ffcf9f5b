import {
  type CloseReason,
  type EventPosition,
  earliestEventPosition,
  latestEventPosition,
  type PartitionContext,
} from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BEGINNING,
  bodiesOf,
  failureOf,
  type Harness,
  ONCE,
  range,
  startHarness,
} from '../support/event-hubs.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness({
    positions: { partitions: 2 },
    times: { partitions: 1 },
    groups: { partitions: 1, consumerGroups: ['second', 'Third-Group'] },
    epochs: { partitions: 8 },
    metrics: { partitions: 3 },
    live: { partitions: 4 },
  });
  await harness.send('positions', range(10), { partitionId: '0' });
});

afterAll(() => harness.close());

describe('event-hubs: positions', () => {
  test.each<[string, EventPosition, number]>([
    ['earliest', earliestEventPosition, 0],
    ['the offset before everything', { offset: '-1' }, 0],
    ['an offset', { offset: '4' }, 5],
    ['an offset, inclusive', { offset: '4', isInclusive: true }, 4],
    ['a sequence number', { sequenceNumber: 6 }, 7],
    ['a sequence number, inclusive', { sequenceNumber: 6, isInclusive: true }, 6],
    ['the first sequence number, inclusive', { sequenceNumber: 0, isInclusive: true }, 0],
    ['sequence number -1', { sequenceNumber: -1 }, 0],
    ['a time long ago', { enqueuedOn: 1 }, 0],
  ])('%s begins where it says', async (_, from, first) => {
    const [event] = await harness.read('positions', 1, { from });
    expect(event?.body).toBe(first);
  });

  test('latest gives only what is sent later', async () => {
    await harness.send('positions', ['before'], { partitionId: '1' });
    const { links } = harness.server.counts();
    const next = harness.read('positions', 1, { partition: '1', from: latestEventPosition });
    await expect.poll(() => harness.server.counts().links).toBeGreaterThan(links);
    await harness.send('positions', ['after'], { partitionId: '1' });
    expect(bodiesOf(await next)).toEqual(['after']);
  });

  test('the last event’s own position waits for the next event', async () => {
    const next = harness.read('positions', 1, { from: { sequenceNumber: 9 } });
    await harness.send('positions', ['next'], { partitionId: '0' });
    expect(bodiesOf(await next)).toEqual(['next']);
  });

  test('a position beyond the end is ArgumentError, not silence', async () => {
    const failure = await harness.errorOf('positions', { from: { sequenceNumber: 10_000 } });
    expect(failure).toMatchObject({ code: 'ArgumentError', retryable: false });
  });

  test('an offset beyond the end is ArgumentError', async () => {
    expect((await harness.errorOf('positions', { from: { offset: '10000' } })).code).toBe('ArgumentError');
  });

  test.each<[string, string]>([
    ['a word', 'yesterday'],
    ['a fraction', '1.5'],
    ['nothing', ''],
  ])('an offset that is %s is refused', async (_, offset) => {
    expect((await harness.errorOf('positions', { from: { offset } })).code).toBe('ArgumentError');
  });

  test('a time gives what was enqueued after it', async () => {
    await harness.send('times', ['old']);
    harness.advance(60_000);
    const between = new Date(Date.now() + 30_000);
    await harness.send('times', ['new']);
    expect(bodiesOf(await harness.read('times', 1, { from: { enqueuedOn: between } }))).toEqual(['new']);
  });

  test('a time in the future gives what comes then', async () => {
    const { links } = harness.server.counts();
    const first = harness.read('times', 1, { from: { enqueuedOn: new Date(Date.now() + 600_000) } });
    await expect.poll(() => harness.server.counts().links).toBeGreaterThan(links);
    await harness.send('times', ['now']);
    expect(bodiesOf(await first)).toEqual(['now']);
  });

  test('each partition has a position of its own', async () => {
    await harness.send('live', ['a0', 'a1'], { partitionId: '2' });
    await harness.send('live', ['b0', 'b1'], { partitionId: '3' });
    const seen: unknown[] = [];
    const client = harness.consumer('live');
    const subscription = client.subscribe(
      {
        processEvents: async (events) => {
          seen.push(...bodiesOf(events));
        },
        processError: async () => undefined,
      },
      {
        maxBatchSize: 100,
        maxWaitTimeInSeconds: 1,
        startPosition: {
          '0': latestEventPosition,
          '1': latestEventPosition,
          '2': { sequenceNumber: 0 },
          '3': BEGINNING,
        },
      },
    );
    await expect.poll(() => seen.map(String).sort()).toEqual(['a1', 'b0', 'b1']);
    await subscription.close();
  });
});

describe('event-hubs: consumer groups', () => {
  test('each group reads everything for itself', async () => {
    await harness.send('groups', range(5));
    for (const group of ['$Default', 'second', 'Third-Group'])
      expect(bodiesOf(await harness.read('groups', 5, { group }))).toEqual(range(5));
  });

  test('a group’s name is compared without case', async () => {
    expect(await harness.read('groups', 1, { group: 'SECOND' })).toHaveLength(1);
  });

  test('a group that is not there is MessagingEntityNotFoundError', async () => {
    const failure = await harness.errorOf('groups', { group: 'nobody' });
    expect(failure).toMatchObject({ code: 'MessagingEntityNotFoundError', retryable: false });
  });

  test('five receivers without epoch share a partition, the sixth is QuotaExceededError', async () => {
    const reading = await Promise.all(
      range(5).map(async () => {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const subscription = harness.consumer('groups').subscribe(
          '0',
          {
            processEvents: async (events) => {
              if (events.length > 0) resolve();
            },
            processError: async (error) => reject(error),
          },
          { maxBatchSize: 1, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
        );
        await promise;
        return subscription;
      }),
    );
    expect(await harness.errorOf('groups')).toMatchObject({ code: 'QuotaExceededError', retryable: false });
    expect(await harness.read('groups', 1, { group: 'second' })).toHaveLength(1);
    await reading[0]?.close();
    await expect
      .poll(() =>
        harness.read('groups', 1).then(
          ({ length }) => length,
          () => 0,
        ),
      )
      .toBe(1);
    await Promise.all(reading.map((subscription) => subscription.close()));
  });
});

describe('event-hubs: epochs', () => {
  const epochReader = async (partition: string, ownerLevel: number | undefined) => {
    const reading = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<{ code?: string }>();
    const closed = Promise.withResolvers<CloseReason>();
    await harness.send('epochs', ['x'], { partitionId: partition });
    const subscription = harness.consumer('epochs', {}, ONCE).subscribe(
      partition,
      {
        processEvents: async (events) => {
          if (events.length > 0) reading.resolve();
        },
        processError: async (error: Error & { code?: string }) => failed.resolve(error),
        processClose: async (reason: CloseReason, _context: PartitionContext) => closed.resolve(reason),
      },
      {
        maxBatchSize: 10,
        maxWaitTimeInSeconds: 1,
        startPosition: BEGINNING,
        ...(ownerLevel === undefined ? {} : { ownerLevel }),
      },
    );
    const outcome = await Promise.race([
      reading.promise.then(() => 'reading' as const),
      failed.promise.then(({ code }) => code),
    ]);
    return { outcome, failed: failed.promise, closed: closed.promise, close: () => subscription.close() };
  };

  test('a higher epoch takes the partition from a lower one', async () => {
    const low = await epochReader('0', 1);
    const high = await epochReader('0', 2);
    expect([low.outcome, high.outcome]).toEqual(['reading', 'reading']);
    expect(await low.failed).toMatchObject({ code: 'ReceiverDisconnectedError' });
    expect(await low.closed).toBe('OwnershipLost');
    await Promise.all([low.close(), high.close()]);
  });

  test('the same epoch takes the partition, too', async () => {
    const first = await epochReader('1', 5);
    const second = await epochReader('1', 5);
    expect(second.outcome).toBe('reading');
    expect(await first.failed).toMatchObject({ code: 'ReceiverDisconnectedError' });
    await Promise.all([first.close(), second.close()]);
  });

  test('a lower epoch is refused with ReceiverDisconnectedError', async () => {
    const high = await epochReader('2', 3);
    const low = await epochReader('2', 2);
    expect(low.outcome).toBe('ReceiverDisconnectedError');
    await Promise.all([high.close(), low.close()]);
  });

  test('a receiver without epoch is refused while one with an epoch reads', async () => {
    const owner = await epochReader('3', 1);
    const other = await epochReader('3', undefined);
    expect(other.outcome).toBe('ReceiverDisconnectedError');
    await Promise.all([owner.close(), other.close()]);
  });

  test('an epoch detaches receivers without one', async () => {
    const plain = await epochReader('4', undefined);
    const owner = await epochReader('4', 1);
    expect(owner.outcome).toBe('reading');
    expect(await plain.failed).toMatchObject({ code: 'ReceiverDisconnectedError' });
    await Promise.all([plain.close(), owner.close()]);
  });

  test('an epoch ends with its receiver: a lower one may come then', async () => {
    const high = await epochReader('5', 9);
    await high.close();
    const low = await epochReader('5', 1);
    expect(low.outcome).toBe('reading');
    await low.close();
  });

  test('an epoch holds for its partition only', async () => {
    const high = await epochReader('6', 9);
    const low = await epochReader('7', 1);
    expect([high.outcome, low.outcome]).toEqual(['reading', 'reading']);
    await Promise.all([high.close(), low.close()]);
  });
});

describe('event-hubs: properties of hubs and partitions', () => {
  test('a hub tells its name, its birth and its partitions', async () => {
    const properties = await harness.producer('metrics').getEventHubProperties();
    expect(properties).toMatchObject({ name: 'metrics', partitionIds: ['0', '1', '2'] });
    expect(Math.abs(properties.createdOn.getTime() - Date.now())).toBeLessThan(600_000);
  });

  test('a consumer asks the same', async () => {
    const client = harness.consumer('metrics');
    expect(await client.getPartitionIds()).toEqual(['0', '1', '2']);
    expect((await client.getPartitionProperties('1')).isEmpty).toBe(true);
  });

  test('a partition without events is empty, with -1 for its numbers', async () => {
    expect(await harness.producer('metrics').getPartitionProperties('0')).toMatchObject({
      eventHubName: 'metrics',
      partitionId: '0',
      beginningSequenceNumber: -1,
      lastEnqueuedSequenceNumber: -1,
      lastEnqueuedOffset: '-1',
      isEmpty: true,
    });
  });

  test('a partition with events tells its ends', async () => {
    await harness.send('metrics', range(7), { partitionId: '2' });
    const [last] = await harness.read('metrics', 1, { partition: '2', from: { sequenceNumber: 5 } });
    expect(await harness.producer('metrics').getPartitionProperties('2')).toMatchObject({
      beginningSequenceNumber: 0,
      lastEnqueuedSequenceNumber: 6,
      lastEnqueuedOffset: last?.offset,
      lastEnqueuedOnUtc: last?.enqueuedTimeUtc,
      isEmpty: false,
    });
  });

  test.each(['3', '99', '-1', '01', 'x'])('the partition %j is ArgumentOutOfRangeError', async (id) => {
    const failure = await failureOf(harness.producer('metrics', ONCE).getPartitionProperties(id));
    expect(failure).toMatchObject({ code: 'ArgumentOutOfRangeError', retryable: false });
  });

  test('a hub’s name is compared without case', async () => {
    expect(await harness.producer('METRICS').getPartitionIds()).toEqual(['0', '1', '2']);
  });

  test('a receiver that asks for it is told the last event of its partition', async () => {
    await harness.send('metrics', range(3), { partitionId: '1' });
    const { promise, resolve } = Promise.withResolvers<PartitionContext>();
    const client = harness.consumer('metrics');
    const subscription = client.subscribe(
      '1',
      {
        processEvents: async (events, context) => {
          if (events.length > 0) resolve(context);
        },
        processError: async () => undefined,
      },
      {
        maxBatchSize: 1,
        maxWaitTimeInSeconds: 1,
        startPosition: BEGINNING,
        trackLastEnqueuedEventProperties: true,
      },
    );
    const { lastEnqueuedEventProperties: metric } = await promise;
    expect(metric).toMatchObject({ sequenceNumber: 2, offset: '2' });
    expect(metric?.enqueuedOn).toBeInstanceOf(Date);
    expect(metric?.retrievedOn).toBeInstanceOf(Date);
    await subscription.close();
  });

  test('a receiver that does not ask is told nothing', async () => {
    const [event] = await harness.read('metrics', 1, { partition: '1' });
    expect(event?.getRawAmqpMessage().deliveryAnnotations).toBeUndefined();
  });

  test('a hub that is not there is MessagingEntityNotFoundError', async () => {
    const failure = await failureOf(harness.producer('nowhere', ONCE).getEventHubProperties());
    expect(failure).toMatchObject({ code: 'MessagingEntityNotFoundError', retryable: false });
  });

  test('a hub that is not there takes nothing', async () => {
    const failure = await failureOf(harness.producer('nowhere', ONCE).sendBatch([{ body: 1 }]));
    expect(failure).toMatchObject({ code: 'MessagingEntityNotFoundError' });
  });

  test('a partition that is not there takes nothing', async () => {
    const sending = harness.producer('metrics', ONCE).sendBatch([{ body: 1 }], { partitionId: '3' });
    expect(await failureOf(sending)).toMatchObject({ code: 'ArgumentOutOfRangeError', retryable: false });
  });

  test('a partition that is not there gives nothing', async () => {
    const failure = await harness.errorOf('metrics', { partition: '3' });
    expect(failure).toMatchObject({ code: 'ArgumentOutOfRangeError', retryable: false });
  });
});

describe('event-hubs: delivery', () => {
  test('an event arrives at waiting receivers of all partitions', async () => {
    const seen = new Map<string, unknown>();
    const client = harness.consumer('live');
    const subscription = client.subscribe(
      {
        processEvents: async (events, { partitionId }) => {
          for (const { body } of events) seen.set(partitionId, body);
        },
        processError: async () => undefined,
      },
      { maxBatchSize: 10, maxWaitTimeInSeconds: 1, startPosition: BEGINNING },
    );
    for (const partitionId of ['0', '1', '2', '3'])
      await harness.send('live', [`to ${partitionId}`], { partitionId });
    await expect
      .poll(() => Object.fromEntries(seen))
      .toEqual({ '0': 'to 0', '1': 'to 1', '2': 'to 2', '3': 'to 3' });
    await subscription.close();
  });

  test('twenty thousand events of one partition arrive once each, in order', async () => {
    const client = harness.producer('live');
    const { lastEnqueuedSequenceNumber: before } = await client.getPartitionProperties('0');
    const bodies = range(20_000);
    for (let at = 0; at < bodies.length; at += 2_000)
      await client.sendBatch(
        bodies.slice(at, at + 2_000).map((body) => ({ body })),
        { partitionId: '0' },
      );
    const events = await harness.read('live', bodies.length, {
      from: { sequenceNumber: before },
      subscribe: { maxBatchSize: 1000 },
    });
    expect(bodiesOf(events)).toEqual(bodies);
  });

  test('two receivers without epoch get the same events', async () => {
    await harness.send('live', ['both'], { partitionId: '1' });
    const { lastEnqueuedSequenceNumber: last } = await harness.producer('live').getPartitionProperties('1');
    const from = { sequenceNumber: last, isInclusive: true };
    const both = await Promise.all([1, 2].map(() => harness.read('live', 1, { partition: '1', from })));
    expect(both.map(bodiesOf)).toEqual([['both'], ['both']]);
  });
});
