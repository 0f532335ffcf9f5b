import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AmqpConnection, type Service } from './connection.ts';
import type { Delivery, Link } from './link.ts';
import { CODE, frame, HEARTBEAT, performative } from './performatives.ts';
import { boolean, described, list, string, ubyte, uint } from './values.ts';

const HANDSHAKE_MS = 80;
const AMQP = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const SASL = Buffer.from('AMQP\x03\x01\0\0', 'latin1');

let server: Server;
let sockets: Socket[];
let links: Link[];
let deliveries: Delivery[];
let closed: number;

const service: Service = {
  containerId: 'test',
  attached: (link) => {
    links.push(link);
    link.onMessage = (delivery) => deliveries.push(delivery);
    link.accept({ maxMessageSize: 1000 });
  },
  signIn: () => false,
  closed: () => {
    closed += 1;
  },
};

beforeEach(async () => {
  [links, deliveries, sockets, closed] = [[], [], [], 0];
  server = createServer((socket) => {
    sockets.push(socket);
    return new AmqpConnection(socket, service, false, HANDSHAKE_MS);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  const ended = once(server, 'close');
  for (const socket of sockets) socket.destroy();
  server.close();
  await ended;
});

interface Peer {
  readonly socket: Socket;
  readonly heard: () => Buffer;
}

async function dial(): Promise<Peer> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, heard: () => Buffer.concat(chunks) };
}

const open = (idle?: number) =>
  frame(
    0,
    performative(
      CODE.open,
      string('peer'),
      undefined,
      undefined,
      undefined,
      idle === undefined ? undefined : uint(idle),
    ),
  );
const begin = frame(0, performative(CODE.begin, undefined, uint(0), uint(2048), uint(2048)));
const TARGET = described(0x29, list(string('there')));
const attach = (role: boolean, handle = 0) =>
  frame(
    0,
    performative(
      CODE.attach,
      string(`link ${handle}`),
      uint(handle),
      boolean(role),
      ubyte(2),
      ubyte(0),
      described(0x28, list(string('here'))),
      TARGET,
      undefined,
      undefined,
      uint(0),
    ),
  );
const transfer = (id: number, more: boolean, payload: Buffer) => {
  const head = list(uint(0), uint(id), Buffer.from([0xa0, 1, id]), uint(0), boolean(false), boolean(more));
  return frame(0, Buffer.concat([described(CODE.transfer, head), payload]));
};

describe('a connection', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', AMQP.subarray(0, 4)],
    ['a header', AMQP],
    ['a header for SASL', SASL],
    ['half a frame', Buffer.concat([AMQP, open().subarray(0, 10)])],
  ])('that says %s is ended after a while', async (_, bytes) => {
    const { socket } = await dial();
    if (bytes.length > 0) socket.write(bytes);
    await once(socket, 'close');
    await expect.poll(() => closed).toBe(1);
  });

  test('that is open stays', async () => {
    const { socket, heard } = await dial();
    socket.write(Buffer.concat([AMQP, open(100)]));
    await expect.poll(() => heard().includes('test')).toBe(true);
    await expect.poll(() => heard().subarray(-8).equals(HEARTBEAT)).toBe(true);
    const { length } = heard();
    await expect.poll(() => heard().length).toBeGreaterThanOrEqual(length + 3 * HEARTBEAT.length);
    expect(closed).toBe(0);
    socket.destroy();
    await expect.poll(() => closed).toBe(1);
  });

  test('is understood byte by byte', async () => {
    const { socket, heard } = await dial();
    socket.setNoDelay(true);
    for (const byte of Buffer.concat([AMQP, open(), begin, attach(false)])) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => links.length).toBe(1);
    expect(links[0]?.attach.target.address).toBe('there');
    expect(heard().includes('test')).toBe(true);
    socket.destroy();
  });
});

describe('numbers of a connection', () => {
  const on = (channel: number, bytes: Buffer) => {
    const moved = Buffer.from(bytes);
    moved.writeUInt16BE(channel, 6);
    return moved;
  };

  test('go up to channel 4,999 and handle 255', async () => {
    const { socket } = await dial();
    socket.write(Buffer.concat([AMQP, open(), on(4_999, begin), on(4_999, attach(false, 255))]));
    await expect.poll(() => links.length).toBe(1);
    socket.destroy();
  });

  test.each([
    ['channel 5,000', () => on(5_000, begin)],
    ['handle 256', () => Buffer.concat([begin, attach(false, 256)])],
  ])('above it, %s, end it', async (_, bytes) => {
    const { socket, heard } = await dial();
    socket.write(Buffer.concat([AMQP, open(), bytes()]));
    await once(socket, 'close');
    expect(heard().includes('amqp:connection:framing-error')).toBe(true);
    expect(links).toEqual([]);
  });
});

describe('a link that takes messages', () => {
  const sending = async (...frames: Buffer[]) => {
    const peer = await dial();
    peer.socket.write(Buffer.concat([AMQP, open(), begin, attach(false), ...frames]));
    return peer;
  };

  test('puts a message of several frames together', async () => {
    const { socket } = await sending(
      transfer(0, true, Buffer.from('one ')),
      transfer(0, true, Buffer.from('two ')),
      transfer(0, false, Buffer.from('three')),
    );
    await expect.poll(() => deliveries.length).toBe(1);
    expect(deliveries[0]?.message?.toString()).toBe('one two three');
    socket.destroy();
  });

  test('keeps nothing of one that is too large, and takes the next', async () => {
    const { socket } = await sending(
      transfer(0, true, Buffer.alloc(900)),
      transfer(0, false, Buffer.alloc(900)),
      transfer(1, false, Buffer.from('small')),
    );
    await expect.poll(() => deliveries.length).toBe(2);
    expect(deliveries.map(({ message }) => message?.toString())).toEqual([undefined, 'small']);
    socket.destroy();
  });

  test('says in one frame what it accepts in a row', async () => {
    const { socket, heard } = await sending(
      ...[0, 1, 2, 3].map((id) => transfer(id, false, Buffer.from('x'))),
    );
    await expect.poll(() => deliveries.length).toBe(4);
    const { length } = heard();
    for (const delivery of deliveries) delivery.accept();
    await expect.poll(() => heard().length).toBeGreaterThan(length);
    const accepted = [boolean(true), uint(0), uint(3), boolean(true), described(0x24, Buffer.of(0x45))];
    expect(heard().subarray(length)).toEqual(frame(0, performative(CODE.disposition, ...accepted)));
    socket.destroy();
  });

  test('answers each delivery once', async () => {
    const { socket, heard } = await sending(transfer(0, false, Buffer.from('x')));
    await expect.poll(() => deliveries.length).toBe(1);
    const { length } = heard();
    deliveries[0]?.accept();
    deliveries[0]?.reject({ condition: 'amqp:internal-error', description: 'late' });
    await expect.poll(() => heard().length).toBeGreaterThan(length);
    expect(heard().includes('late')).toBe(false);
    socket.destroy();
  });
});

test('a link that sends waits for credit, then sends what waited', async () => {
  const { socket, heard } = await dial();
  socket.write(Buffer.concat([AMQP, open(), begin, attach(true)]));
  await expect.poll(() => links.length).toBe(1);
  links[0]?.send(Buffer.from('waited'));
  expect(heard().includes('waited')).toBe(false);
  const flow = performative(CODE.flow, uint(0), uint(2048), uint(0), uint(2048), uint(0), uint(0), uint(10));
  socket.write(frame(0, flow));
  await expect.poll(() => heard().includes('waited')).toBe(true);
  expect(links[0]?.credit).toBe(9);
  socket.destroy();
});
