import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, connectRaw, detachment } from './raw-client.ts';
import { type EventHubsServer, startEventHubs } from './server.ts';

const KEY = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const };
let dataDir: string;
let server: EventHubsServer;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hubs-refusals-'));
  server = await startEventHubs({ port: 0, dataDir, hubs: { telemetry: { partitions: 2 } }, keys: [KEY] });
});

afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true });
});

test.each(['com.microsoft:eventhub', 'com.microsoft:partition'])(
  '$management answers nothing about a %s without a token',
  async (type) => {
    const connection = await connectRaw(server.port);
    const { application_properties: properties, body } = await ask(connection, '$management', {
      message_id: 'one',
      application_properties: { operation: 'READ', name: 'telemetry', type, partition: '0' },
      body: [],
    });
    expect(properties).toMatchObject({
      'status-code': 401,
      'error-condition': 'amqp:unauthorized-access',
    });
    expect(body).toBeNull();
    connection.close();
  },
);

test('a sender without a token is refused', async () => {
  const connection = await connectRaw(server.port);
  const sender = connection.open_sender({ target: { address: 'telemetry' } });
  expect(await detachment(sender)).toMatchObject({ condition: 'amqp:unauthorized-access' });
  connection.close();
});

test('a receiver without a token is refused', async () => {
  const connection = await connectRaw(server.port);
  const address = 'telemetry/ConsumerGroups/$Default/Partitions/0';
  const receiver = connection.open_receiver({ source: { address } });
  expect(await detachment(receiver)).toMatchObject({ condition: 'amqp:unauthorized-access' });
  connection.close();
});

test('there is nothing in a hub but its partitions to send to', async () => {
  const connection = await connectRaw(server.port);
  const sender = connection.open_sender({ target: { address: 'telemetry/Other/0' } });
  expect(await detachment(sender)).toMatchObject({ condition: 'amqp:not-found' });
  connection.close();
});

test.each(['telemetry/Partitions/', 'telemetry/Partitions/00', 'telemetry/Partitions/2'])(
  'there is no partition %s',
  async (address) => {
    const connection = await connectRaw(server.port);
    const sender = connection.open_sender({ target: { address } });
    expect(await detachment(sender)).toMatchObject({
      condition: 'com.microsoft:argument-out-of-range',
    });
    connection.close();
  },
);
