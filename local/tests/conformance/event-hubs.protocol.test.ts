/** What Microsoft's clients never do, by a client that is not theirs, and by sockets that speak as they like. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodiesOf, failureOf, type Harness, ONCE, ROOT, startHarness } from '../support/event-hubs.ts';
import {
  ask,
  connectRaw,
  detachment,
  type RawConnection,
  type RawMessage,
  rhea,
} from '../support/raw-amqp-client.ts';

let harness: Harness;
const BATCH_FORMAT = 0x80013700;
const RECEIVER = 'hub/ConsumerGroups/$Default/Partitions/0';

beforeAll(async () => {
  harness = await startHarness({
    hub: { partitions: 2 },
    raw: { partitions: 1 },
    drained: { partitions: 1 },
    producers: { partitions: 1 },
  });
});

afterAll(async () => {
  await harness.close();
  // One that was started again does not remove what it found.
  await rm(harness.dataDir, { recursive: true, force: true });
});

const signedIn = () => connectRaw(harness.server.port, { username: ROOT.name, password: ROOT.key });

/** Outcome of one message on a link of its own. */
async function sendRaw(connection: RawConnection, address: string, message: unknown, format?: number) {
  const sender = connection.open_sender({ target: { address } });
  await once(sender, 'sendable');
  sender.send(message, undefined, format);
  const outcome = await Promise.race(
    ['accepted', 'rejected'].map(async (event) => {
      const [{ delivery }] = (await once(sender, event)) as [
        { delivery: { remote_state?: { error?: { condition: string } } } },
      ];
      return event === 'accepted' ? event : delivery.remote_state?.error?.condition;
    }),
  );
  sender.close();
  return outcome;
}

describe('event-hubs: links without the right address', () => {
  test.each([
    ['nowhere', 'amqp:not-found'],
    ['hub/Other/0', 'amqp:not-found'],
    ['hub/Partitions/0/more', 'amqp:not-found'],
    ['hub/Partitions/', 'com.microsoft:argument-out-of-range'],
    ['hub/Partitions/00', 'com.microsoft:argument-out-of-range'],
    ['hub/Partitions/2', 'com.microsoft:argument-out-of-range'],
  ])('a sender to %s is refused with %s', async (address, condition) => {
    const connection = await signedIn();
    expect(await detachment(connection.open_sender({ target: { address } }))).toMatchObject({ condition });
    connection.close();
  });

  test.each([
    ['nowhere/ConsumerGroups/$Default/Partitions/0', 'amqp:not-found'],
    ['hub', 'amqp:not-found'],
    ['hub/ConsumerGroups/none/Partitions/0', 'amqp:not-found'],
    ['hub/ConsumerGroups/$Default/Partitions/2', 'com.microsoft:argument-out-of-range'],
  ])('a receiver from %s is refused with %s', async (address, condition) => {
    const connection = await signedIn();
    expect(await detachment(connection.open_receiver({ source: { address } }))).toMatchObject({ condition });
    connection.close();
  });
});

describe('event-hubs: links without a token', () => {
  test.each<[string, (connection: RawConnection) => ReturnType<RawConnection['open_sender']>]>([
    ['sender', (connection) => connection.open_sender({ target: { address: 'hub' } })],
    ['receiver', (connection) => connection.open_receiver({ source: { address: RECEIVER } })],
  ])('a %s is refused', async (_, open) => {
    const connection = await connectRaw(harness.server.port);
    expect(await detachment(open(connection))).toMatchObject({ condition: 'amqp:unauthorized-access' });
    connection.close();
  });

  test.each(['com.microsoft:eventhub', 'com.microsoft:partition'])(
    '$management says nothing about a %s',
    async (type) => {
      const connection = await connectRaw(harness.server.port);
      const { application_properties: properties, body } = await ask(connection, '$management', {
        message_id: 'one',
        application_properties: { operation: 'READ', name: 'hub', type, partition: '0' },
      });
      expect(properties).toMatchObject({ 'status-code': 401, 'error-condition': 'amqp:unauthorized-access' });
      expect(body).toBeNull();
      connection.close();
    },
  );
});

describe('event-hubs: management requests', () => {
  const request = async (properties: Record<string, string>): Promise<RawMessage> => {
    const connection = await signedIn();
    const reply = await ask(connection, '$management', {
      message_id: 'one',
      application_properties: {
        operation: 'READ',
        name: 'hub',
        type: 'com.microsoft:eventhub',
        ...properties,
      },
    });
    connection.close();
    return reply;
  };

  test.each<[string, Record<string, string>, number, string]>([
    ['an unknown operation', { operation: 'DELETE' }, 501, 'amqp:not-implemented'],
    ['an unknown type', { type: 'com.microsoft:topic' }, 400, 'com.microsoft:argument-error'],
    ['an unknown hub', { name: 'nowhere' }, 404, 'amqp:not-found'],
    [
      'an unknown partition',
      { type: 'com.microsoft:partition', partition: '9' },
      400,
      'com.microsoft:argument-out-of-range',
    ],
  ])('%s is answered with its status', async (_, properties, status, condition) => {
    expect((await request(properties)).application_properties).toMatchObject({
      'status-code': status,
      'error-condition': condition,
    });
  });

  test('the answer carries the request’s message id as its correlation id', async () => {
    expect((await request({})).correlation_id).toBe('one');
  });
});

describe('event-hubs: messages', () => {
  test('a plain message, not a batch, is one event', async () => {
    const connection = await signedIn();
    const message = {
      body: rhea.message.data_section(Buffer.from('"plain"')),
      application_properties: { a: 1 },
    };
    expect(await sendRaw(connection, 'raw', message)).toBe('accepted');
    const [event] = await harness.read('raw', 1);
    expect(event).toMatchObject({ body: 'plain', properties: { a: 1 } });
    connection.close();
  });

  test('what a sender says of sequence number and offset is not believed', async () => {
    const connection = await signedIn();
    const annotations = { 'x-opt-sequence-number': 77, 'x-opt-offset': '77', 'x-opt-kept': 'yes' };
    const { lastEnqueuedSequenceNumber: last } = await harness.producer('raw').getPartitionProperties('0');
    await sendRaw(connection, 'raw', {
      body: rhea.message.data_section(Buffer.from('1')),
      message_annotations: annotations,
    });
    const [event] = await harness.read('raw', 1, { from: { sequenceNumber: last } });
    expect(event).toMatchObject({ sequenceNumber: last + 1, offset: String(last + 1) });
    expect(event?.systemProperties).toEqual({ 'x-opt-kept': 'yes' });
    connection.close();
  });

  const sections = (...bytes: Buffer[]) => rhea.message.encode({ body: rhea.message.data_sections(bytes) });
  const good = () => rhea.message.encode({ body: rhea.message.data_section(Buffer.from('1')) });

  test.each<[string, () => Buffer]>([
    ['of nothing', () => Buffer.alloc(0)],
    ['of noise', () => Buffer.from('noise')],
    ['of a message of noise', () => sections(Buffer.from('noise'))],
    ['of an empty message', () => sections(Buffer.alloc(0))],
    ['of a good message and one cut short', () => sections(good(), good().subarray(0, 4))],
    ['of a message of descriptors of descriptors', () => sections(Buffer.alloc(10_000))],
    [
      'of a message whose annotations are a list',
      () => sections(Buffer.from([0, 0x53, 0x72, 0x45, 0, 0x53, 0x75, 0xa0, 0])),
    ],
    [
      'of a message with sections out of order',
      () => sections(Buffer.from([0, 0x53, 0x75, 0xa0, 0, 0, 0x53, 0x70, 0x45])),
    ],
  ])('a batch %s is rejected whole with amqp:decode-error', async (_, bytes) => {
    const connection = await signedIn();
    const before = await harness.producer('raw').getPartitionProperties('0');
    expect(await sendRaw(connection, 'raw', bytes(), BATCH_FORMAT)).toBe('amqp:decode-error');
    const after = await harness.producer('raw').getPartitionProperties('0');
    expect(after.lastEnqueuedSequenceNumber).toBe(before.lastEnqueuedSequenceNumber);
    connection.close();
  });

  test('a key on a link of one partition is refused', async () => {
    const connection = await signedIn();
    const message = { body: '', message_annotations: { 'x-opt-partition-key': 'k' } };
    const outcome = await sendRaw(connection, 'raw/Partitions/0', message);
    expect(outcome).toBe('com.microsoft:argument-error');
    connection.close();
  });
});

describe('event-hubs: credit', () => {
  test('a receiver gets as many events as it gave credit for', async () => {
    await harness.send('drained', [0, 1, 2, 3, 4]);
    const connection = await signedIn();
    const address = 'drained/ConsumerGroups/$Default/Partitions/0';
    const receiver = connection.open_receiver({ source: { address }, credit_window: 0 });
    let count = 0;
    receiver.on('message', () => {
      count += 1;
    });
    await once(receiver, 'receiver_open');
    receiver.add_credit(2);
    await expect.poll(() => count).toBe(2);
    await ask(connection, '$management', { application_properties: { operation: 'READ', name: 'drained' } });
    expect(count).toBe(2);
    connection.close();
  });

  test('credit that is to be drained is given back when there is nothing left', async () => {
    const connection = await signedIn();
    const address = 'drained/ConsumerGroups/$Default/Partitions/0';
    const receiver = connection.open_receiver({ source: { address }, credit_window: 0 });
    let count = 0;
    receiver.on('message', () => {
      count += 1;
    });
    await once(receiver, 'receiver_open');
    const drained = once(receiver, 'receiver_drained');
    receiver.add_credit(100);
    receiver.drain_credit();
    await drained;
    expect(count).toBe(5);
    connection.close();
  });

  test('a sender is told the limit of 1 MiB and given credit', async () => {
    const connection = await signedIn();
    const sender = connection.open_sender({ target: { address: 'hub' } });
    await once(sender, 'sendable');
    expect([sender.max_message_size, sender.credit]).toEqual([1024 * 1024, 1000]);
    connection.close();
  });
});

describe('event-hubs: numbered producers', () => {
  const producing = (id: number, epoch: number, sequence: number) => ({
    body: rhea.message.data_section(Buffer.from(String(sequence))),
    message_annotations: {
      'com.microsoft:producer-id': rhea.types.wrap_long(id),
      'com.microsoft:producer-epoch': rhea.types.wrap_short(epoch),
      'com.microsoft:producer-sequence-number': rhea.types.wrap_int(sequence),
    },
  });
  const open = (connection: RawConnection, id: number, epoch: number) =>
    connection.open_sender({
      target: { address: 'producers/Partitions/0' },
      desired_capabilities: 'com.microsoft:idempotent-producer',
      properties: {
        'com.microsoft:producer-id': rhea.types.wrap_long(id),
        'com.microsoft:producer-epoch': rhea.types.wrap_short(epoch),
        'com.microsoft:producer-sequence-number': rhea.types.wrap_int(0),
      },
    });
  const last = async () =>
    (await harness.producer('producers').getPartitionProperties('0')).lastEnqueuedSequenceNumber;

  test('a repeated number is accepted and not stored, a gap is refused', async () => {
    const connection = await signedIn();
    const sender = open(connection, 1, 0);
    await once(sender, 'sendable');
    const before = await last();
    const send = (sequence: number) =>
      sendRaw(connection, 'producers/Partitions/0', producing(1, 0, sequence));
    expect([
      await send(1),
      await send(2),
      await send(2),
      await send(1),
      await send(4),
      await send(3),
    ]).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'accepted',
      'com.microsoft:out-of-order-sequence',
      'accepted',
    ]);
    expect(await last()).toBe(before + 3);
    connection.close();
  });

  test('a producer without properties is given an id, an epoch and a number', async () => {
    const connection = await signedIn();
    const sender = connection.open_sender({
      target: { address: 'producers/Partitions/0' },
      desired_capabilities: 'com.microsoft:idempotent-producer',
    });
    await once(sender, 'sendable');
    expect(sender.properties).toMatchObject({
      'com.microsoft:producer-id': expect.any(Number) as unknown,
      'com.microsoft:producer-epoch': 0,
      'com.microsoft:producer-sequence-number': 0,
    });
    connection.close();
  });

  test('a higher epoch detaches the producer of a lower one, which is refused from then on', async () => {
    const connection = await signedIn();
    const low = open(connection, 2, 1);
    await once(low, 'sendable');
    const stolen = detachment(low);
    await once(open(connection, 2, 2), 'sendable');
    const condition = 'com.microsoft:producer-epoch-stolen';
    expect(await stolen).toMatchObject({ condition });
    expect(await detachment(open(connection, 2, 1))).toMatchObject({ condition });
    expect(await sendRaw(connection, 'producers/Partitions/0', producing(2, 1, 1))).toBe(condition);
    connection.close();
  });

  test('after a restart, what a producer stored before is known', async () => {
    const { dataDir } = harness;
    const connection = await signedIn();
    await once(open(connection, 3, 0), 'sendable');
    expect(await sendRaw(connection, 'producers/Partitions/0', producing(3, 0, 1))).toBe('accepted');
    connection.close();
    const hubs = {
      hub: { partitions: 2 },
      raw: { partitions: 1 },
      drained: { partitions: 1 },
      producers: { partitions: 1 },
    };
    const before = await last();
    await harness.server.close();
    harness = await startHarness(hubs, { dataDir });
    const again = await signedIn();
    await once(open(again, 3, 0), 'sendable');
    expect(await sendRaw(again, 'producers/Partitions/0', producing(3, 0, 1))).toBe('accepted');
    expect(await sendRaw(again, 'producers/Partitions/0', producing(3, 0, 2))).toBe('accepted');
    expect(await last()).toBe(before + 1);
    again.close();
  });
});

/** Everything that the broker says to these bytes until it ends the connection. */
async function answerTo(bytes: Buffer): Promise<Buffer> {
  const socket: Socket = connect(harness.server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

const AMQP = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const OPEN = Buffer.from([0, 0, 0, 16, 2, 0, 0, 0, 0, 0x53, 0x10, 0xc0, 3, 1, 0xa1, 0]);

describe('event-hubs: other protocols and broken frames', () => {
  test.each([
    ['HTTP that is no GET', 'POST / HTTP/1.1\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01'],
    ['AMQP 0-9-1', 'AMQP\0\0\x09\x01'],
    ['AMQP over TLS', 'AMQP\x02\x01\0\0'],
  ])('%s is told what is spoken here, and the connection ends', async (_, text) => {
    const said = await answerTo(Buffer.from(text, 'latin1'));
    expect(said.toString('latin1')).toBe('AMQP\x03\x01\0\0');
  });

  test.each<[string, string, Buffer]>([
    ['a frame of 4 GiB', 'amqp:connection:framing-error', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame of 0 bytes', 'amqp:connection:framing-error', Buffer.from([0, 0, 0, 0])],
    ['a second open', 'amqp:illegal-state', OPEN],
    [
      'a frame on a channel without a session',
      'amqp:not-allowed',
      Buffer.from([0, 0, 0, 12, 2, 0, 0, 9, 0, 0x53, 0x12, 0x45]),
    ],
    [
      'a performative that is none',
      'amqp:decode-error',
      Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x11, 0x45]),
    ],
    [
      'a list that claims four billion items',
      'amqp:decode-error',
      Buffer.from([0, 0, 0, 20, 2, 0, 0, 0, 0, 0x53, 0x11, 0xd0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]),
    ],
  ])('%s ends the connection with %s', async (_, condition, bytes) => {
    const said = await answerTo(Buffer.concat([AMQP, OPEN, bytes]));
    expect(said.toString('latin1')).toContain(condition);
  });

  test('a disposition over four billion deliveries costs nothing', async () => {
    const begin = [
      0, 0, 0, 26, 2, 0, 0, 0, 0, 0x53, 0x11, 0xc0, 13, 4, 0x40, 0x43, 0x70, 0, 0, 8, 0, 0x70, 0, 0, 8, 0,
    ];
    const range = [
      0, 0, 0, 22, 2, 0, 0, 0, 0, 0x53, 0x15, 0xc0, 9, 4, 0x41, 0x43, 0x70, 0xff, 0xff, 0xff, 0xff, 0x41,
    ];
    const close = [0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x18, 0x45];
    const before = process.cpuUsage();
    const said = await answerTo(Buffer.concat([AMQP, OPEN, Buffer.from([...begin, ...range, ...close])]));
    expect(said.toString('latin1')).not.toContain('amqp:');
    // Of this process, which the server runs in: what other processes take does not count.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
  });

  test('what ends one connection leaves the others alone', async () => {
    const client = harness.producer('hub', ONCE);
    await client.sendBatch([{ body: 'before' }], { partitionId: '1' });
    await answerTo(Buffer.concat([AMQP, OPEN, Buffer.from([0xff, 0xff, 0xff, 0xff])]));
    await client.sendBatch([{ body: 'after' }], { partitionId: '1' });
    expect(bodiesOf(await harness.read('hub', 2, { partition: '1' }))).toEqual(['before', 'after']);
  });

  test('closed connections leave no connection and no link behind', async () => {
    const client = new EventHubProducerClient(harness.connection(), 'hub', { retryOptions: ONCE });
    await client.sendBatch([{ body: 1 }]);
    const { connections } = harness.server.counts();
    await client.close();
    await expect.poll(() => harness.server.counts().connections).toBeLessThan(connections);
  });
});

describe('event-hubs: what there is not', () => {
  test('not supported: hubs and groups are not made through the protocol', async () => {
    const connection = await signedIn();
    const { application_properties: properties } = await ask(connection, '$management', {
      application_properties: { operation: 'CREATE', name: 'new', type: 'com.microsoft:eventhub' },
    });
    expect(properties).toMatchObject({ 'status-code': 501, 'error-condition': 'amqp:not-implemented' });
    expect((await failureOf(harness.producer('new', ONCE).getPartitionIds())).code).toBe(
      'MessagingEntityNotFoundError',
    );
    connection.close();
  });
});
