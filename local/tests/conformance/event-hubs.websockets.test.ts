/** AMQP in WebSockets, as clients behind a firewall speak it: on the port that AMQP has, too. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates, connect as tlsConnect } from 'node:tls';
import {
  EventHubConsumerClient,
  EventHubProducerClient,
  type TokenCredential,
  type WebSocketImpl,
} from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openAuthority } from '../../certificates.ts';
import { createConnectionListener } from '../../event-hubs/connection-listener.ts';
import { createTokenVerifier } from '../../event-hubs/tokens.ts';
import { type IdentityServer, startIdentity } from '../../identity/server.ts';
import {
  BEGINNING,
  bodiesOf,
  failureOf,
  type Harness,
  LISTENER,
  ONCE,
  ROOT,
  range,
  startHarness,
} from '../support/event-hubs.ts';
import { rhea } from '../support/raw-amqp-client.ts';

const AUDIENCE = 'https://eventhubs.azure.net';
/** Less than a connection that says nothing is given, ms. */
const WAITED_MS = 15_000;
const PATH = '/$servicebus/websocket';
const PROTOCOL = 'AMQPWSB10';
const AMQP = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const SASL = Buffer.from('AMQP\x03\x01\0\0', 'latin1');

let folder: string;
let identity: IdentityServer;
let harness: Harness;
/** Of the SDK: what it opens WebSockets with. */
const webSocketOptions = { webSocket: WebSocket as unknown as WebSocketImpl };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'event-hubs-websockets-'));
  const authority = openAuthority(join(folder, 'tls'));
  setDefaultCACertificates([...getCACertificates('default'), authority.certificate]);
  identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: [AUDIENCE],
    principals: [{ id: 'sends', name: 'sends', roles: [] }],
  });
  harness = await startHarness(
    { hub: { partitions: 2 }, large: { partitions: 1 }, cut: { partitions: 1 }, tokens: { partitions: 1 } },
    {
      tls: authority.issue(),
      verifyToken: createTokenVerifier({
        issuer: identity.issuer,
        audience: AUDIENCE,
        roles: { sends: { tokens: 'sender' } },
      }),
    },
  );
});

afterAll(async () => {
  await harness.close();
  await identity.close();
  await rm(folder, { recursive: true });
});

const connectionString = (key = ROOT) =>
  `Endpoint=sb://localhost:${harness.server.tlsPort};SharedAccessKeyName=${key.name};SharedAccessKey=${key.key}`;
const options = { retryOptions: ONCE, webSocketOptions };
const producer = (hub: string, key = ROOT, rest: object = {}) =>
  new EventHubProducerClient(connectionString(key), hub, { ...options, ...rest });

/** Bodies of the first `count` events of a partition. */
async function read(hub: string, count: number, retryOptions = ONCE): Promise<unknown[]> {
  const client = new EventHubConsumerClient('$Default', connectionString(), hub, {
    ...options,
    retryOptions,
  });
  const found: unknown[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const subscription = client.subscribe(
    '0',
    {
      processEvents: async (events) => {
        found.push(...bodiesOf(events));
        if (found.length >= count) resolve();
      },
      processError: async (error) => reject(error),
    },
    {
      maxBatchSize: 100,
      maxWaitTimeInSeconds: 1,
      startPosition: BEGINNING,
    },
  );
  try {
    await promise;
  } finally {
    await subscription.close();
    await client.close();
  }
  return found;
}

describe('event-hubs: AMQP over WebSockets', () => {
  test('a client with webSocketOptions sends, and another receives', async () => {
    const client = producer('hub');
    await client.sendBatch([{ body: 'one' }, { body: 'two' }], { partitionId: '0' });
    await client.close();
    expect(await read('hub', 2)).toEqual(['one', 'two']);
  });

  test('the properties of hub and partition are read', async () => {
    const client = producer('hub');
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
    expect(await client.getPartitionProperties('1')).toMatchObject({ isEmpty: true });
    await client.close();
  });

  test('the same port takes AMQP without a WebSocket', async () => {
    const client = producer('hub', ROOT, { webSocketOptions: undefined });
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
    await client.close();
  });

  test('the WebSocket that Node has is taken, too', async () => {
    const webSocket = globalThis.WebSocket as unknown as WebSocketImpl;
    const client = producer('hub', ROOT, { webSocketOptions: { webSocket } });
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
    await client.close();
  });

  test('batches of 1 MiB and five thousand events come through in order', async () => {
    const client = producer('large');
    await client.sendBatch([{ body: Buffer.alloc(1_000_000, 1) }]);
    for (const first of range(10)) await client.sendBatch(range(500, first * 500).map((body) => ({ body })));
    await client.close();
    const [blob, ...numbers] = await read('large', 5_001);
    expect((blob as Buffer).equals(Buffer.alloc(1_000_000, 1))).toBe(true);
    expect(numbers).toEqual(range(5_000));
  });

  test('a message above 1 MiB is MessageTooLargeError', async () => {
    const client = producer('large');
    const failure = await failureOf(client.sendBatch([{ body: Buffer.alloc(1_100_000) }]));
    expect(failure.code).toBe('MessageTooLargeError');
    await client.close();
  });

  test('a key without the right is UnauthorizedError', async () => {
    const client = producer('hub', LISTENER);
    expect(await failureOf(client.sendBatch([{ body: 1 }]))).toMatchObject({ code: 'UnauthorizedError' });
    await client.close();
  });

  test('a wrong key is UnauthorizedError', async () => {
    const client = producer('hub', { ...ROOT, key: 'd3Jvbmc=' });
    expect(await failureOf(client.getPartitionIds())).toMatchObject({ code: 'UnauthorizedError' });
    await client.close();
  });

  test('an Entra token is taken, with its rights', async () => {
    const credential: TokenCredential = {
      getToken: async () => ({
        token: await identity.tokenFor('sends', { audience: AUDIENCE }),
        expiresOnTimestamp: Date.now() + 3_600_000,
      }),
    };
    const customEndpointAddress = `sb://localhost:${harness.server.tlsPort}`;
    const withToken = (hub: string) =>
      new EventHubProducerClient('namespace.test', hub, credential, { ...options, customEndpointAddress });
    const [allowed, denied] = [withToken('tokens'), withToken('hub')];
    await allowed.sendBatch([{ body: 'by token' }]);
    expect(await failureOf(denied.sendBatch([{ body: 1 }]))).toMatchObject({ code: 'UnauthorizedError' });
    await Promise.all([allowed.close(), denied.close()]);
    expect(await read('tokens', 1)).toEqual(['by token']);
  });

  test('cut connections: producer and consumer go on by themselves', async () => {
    const retryOptions = { maxRetries: 5, retryDelayInMs: 20, timeoutInMs: 1_000 };
    const client = producer('cut', ROOT, { retryOptions });
    await client.sendBatch([{ body: 'before' }]);
    const { links } = harness.server.counts();
    const reading = read('cut', 2, retryOptions);
    await expect.poll(() => harness.server.counts().links).toBe(links + 1);
    harness.server.faults.dropConnections();
    await client.sendBatch([{ body: 'after' }]);
    expect(await reading).toEqual(['before', 'after']);
    await client.close();
  });

  test('a closed client leaves no connection and no link behind', async () => {
    const before = harness.server.counts();
    const client = producer('hub');
    await client.sendBatch([{ body: 1 }], { partitionId: '1' });
    expect(harness.server.counts().connections).toBe(before.connections + 1);
    await client.close();
    await expect.poll(() => harness.server.counts()).toEqual(before);
  });

  test('without TLS it is served as well, for what connects there', async () => {
    const details = rhea.create_container().websocket_connect(WebSocket)(
      `ws://127.0.0.1:${harness.server.port}${PATH}`,
      [PROTOCOL],
    );
    const connection = rhea
      .create_container()
      .connect({ connection_details: details, reconnect: false, username: ROOT.name, password: ROOT.key });
    await once(connection, 'connection_open');
    const sender = connection.open_sender({ target: { address: 'hub' } });
    await once(sender, 'sendable');
    connection.close();
    await once(connection, 'connection_close');
  });
});

/** A WebSocket of its own, over TLS. */
async function open(path = PATH, protocols: string | string[] = PROTOCOL) {
  const socket = new WebSocket(`wss://localhost:${harness.server.tlsPort}${path}`, protocols);
  const chunks: Buffer[] = [];
  socket.on('message', (data: Buffer) => chunks.push(data));
  socket.on('error', () => undefined);
  const refused = once(socket, 'unexpected-response') as Promise<[unknown, { statusCode: number }]>;
  const [outcome] = await Promise.race([
    once(socket, 'open').then(() => [undefined]),
    refused.then(([, response]) => [response.statusCode]),
  ]);
  return { socket, status: outcome, heard: () => Buffer.concat(chunks) };
}

/** Everything that is answered to these bytes on the port until it is closed. */
async function answerTo(text: string | Buffer): Promise<string> {
  const port = harness.server.tlsPort as number;
  const socket = tlsConnect({ host: '127.0.0.1', servername: 'localhost', port });
  socket.on('error', () => undefined);
  let said = '';
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
  });
  socket.write(text);
  await once(socket, 'close');
  return said;
}

describe('event-hubs: WebSockets that are odd', () => {
  test.each([
    [PROTOCOL, ['other', PROTOCOL]],
    ['amqp', ['amqp']],
  ])('the protocol %s is agreed on', async (expected, protocols) => {
    const { socket } = await open(PATH, protocols);
    expect(socket.protocol).toBe(expected);
    socket.terminate();
  });

  test.each([`${PATH}/`, '/%24servicebus/websocket', `${PATH}?api-version=1`])(
    'the path may be written %s',
    async (path) => {
      const { socket, status } = await open(path);
      expect(status).toBe(undefined);
      expect(socket.protocol).toBe(PROTOCOL);
      socket.terminate();
    },
  );

  test.each([
    ['another path is 404', '/', PROTOCOL, 404],
    ['a path below it is 404', `${PATH}/more`, PROTOCOL, 404],
    ['another protocol is 400', PATH, 'mqtt', 400],
    ['no protocol is 400', PATH, [], 400],
  ])('%s', async (_, path, protocols, expected) => {
    const { socket, status } = await open(path, protocols);
    expect(status).toBe(expected);
    socket.terminate();
  });

  test.each([
    ['a request that is none is 400', 'GET\r\n\r\n', 400],
    ['a request without a WebSocket is 426', `GET ${PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 426],
    ['a request for something else is 404', 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n', 404],
    [
      'an upgrade without a key is 400',
      `GET ${PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: ${PROTOCOL}\r\n\r\n`,
      400,
    ],
  ])('%s, and the connection ends', async (_, text, expected) => {
    expect(await answerTo(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${expected} `));
  });

  test('frames of AMQP that are cut across messages and fragments are put together', async () => {
    const { socket, heard } = await open();
    for (const byte of SASL.subarray(0, 5)) socket.send(Buffer.of(byte));
    socket.send(SASL.subarray(5, 6), { fin: false });
    socket.send(SASL.subarray(6, 7), { fin: false });
    socket.send(SASL.subarray(7));
    await expect.poll(() => heard().includes('ANONYMOUS')).toBe(true);
    expect(heard().subarray(0, 8)).toEqual(SASL);
    socket.terminate();
  });

  test('several frames in one message are taken one by one', async () => {
    const { socket, heard } = await open();
    const opened = Buffer.from([0, 0, 0, 16, 2, 0, 0, 0, 0, 0x53, 0x10, 0xc0, 3, 1, 0xa1, 0]);
    const closed = Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x18, 0x45]);
    socket.send(Buffer.concat([AMQP, opened, closed]));
    await once(socket, 'close');
    expect(heard().subarray(0, 8)).toEqual(AMQP);
    expect(heard().includes('local-event-hubs')).toBe(true);
    expect(heard().includes('amqp:')).toBe(false);
  });

  test('a text is no AMQP: the connection ends', async () => {
    const { socket } = await open();
    socket.send('AMQP');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1003);
  });

  test.each([
    ['garbage in a WebSocket', (socket: WebSocket) => socket.send(randomBytes(500))],
    ['a frame of 4 GiB', (socket: WebSocket) => socket.send(Buffer.concat([AMQP, Buffer.alloc(4, 0xff)]))],
    ['a message above 16 MiB', (socket: WebSocket) => socket.send(Buffer.alloc(17 * 1024 * 1024))],
    ['a client that is gone at once', (socket: WebSocket) => socket.terminate()],
  ])('%s ends its own connection, and leaves nothing behind', async (_, disturb) => {
    const before = harness.server.counts();
    const client = producer('hub');
    await client.getPartitionIds();
    const { socket } = await open();
    disturb(socket);
    await once(socket, 'close');
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
    await client.close();
    await expect.poll(() => harness.server.counts()).toEqual(before);
  });

  test('who begins a WebSocket and does not go on is ended after a while', async () => {
    const { createServer } = await import('node:net');
    const entered: unknown[] = [];
    const listener = createConnectionListener((stream) => entered.push(stream), 80);
    const server = createServer(listener.accept);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    for (const words of ['', 'GET /$servicebus', `GET ${PATH} HTTP/1.1\r\nhost: localhost\r\n`]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      if (words) socket.write(words);
      await once(socket, 'close');
    }
    expect(entered).toEqual([]);
    server.close();
    await once(server, 'close');
  });

  test('an orderly end of the broker waits for nobody who has not said anything', async () => {
    await using other = await startHarness({ hub: { partitions: 1 } });
    const silent = connect(other.server.port, '127.0.0.1');
    silent.on('error', () => undefined).resume();
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    const waited = setTimeout(WAITED_MS, 'it waits', { ref: false });
    expect(await Promise.race([other.server.close().then(() => 'closed'), waited])).toBe('closed');
    await closed;
  });
});
