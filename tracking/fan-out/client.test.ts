import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { WatchFrame } from '../../shared/contracts/flight.ts';
import { until } from '../tracking.fixture.ts';
import { type Client, sseClient, webSocketClient } from './client.ts';
import { encode } from './encoded.ts';

/** The published bounds: latest wins above 64 KB, a heartbeat each 4 s, a cut after 10 s without movement. */
const FULL_BYTES = 65_536;
const HEARTBEAT_MS = 4_000;
const STUCK_MS = 10_000;

let time: number;
let server: Server;
let port: number;
let client: Client;
const made = new Set<{ destroy: () => void }>();
const now = () => time;

beforeEach(async () => {
  time = 1_000_000;
  const upgrades = new WebSocketServer({ noServer: true });
  server = createServer((_request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    client = sseClient(response, now);
  });
  server.on('upgrade', (request, socket, head) => {
    upgrades.handleUpgrade(request, socket, head, (ws) => {
      client = webSocketClient(ws, now);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  for (const each of made) each.destroy();
  made.clear();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

/** A raw SSE reader that can stop reading. */
async function openSse(): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(port, '127.0.0.1');
  made.add(socket);
  let text = '';
  socket.on('data', (data) => {
    text += data.toString();
  });
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => text.includes('\r\n\r\n'), 'the head');
  return { socket, text: () => text };
}

async function openWs(): Promise<{ socket: WebSocket; texts: string[] }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  made.add({ destroy: () => socket.terminate() });
  const texts: string[] = [];
  socket.on('message', (data: Buffer) => texts.push(data.toString()));
  await once(socket, 'open');
  return { socket, texts };
}

const big = (n: number): WatchFrame => ({ type: 'stage', stage: `p${n} ${'x'.repeat(50_000)}`, at: 't' });
const stage = (n: number): WatchFrame => ({ type: 'stage', stage: `s${n}`, at: 't' });

describe('a client that does not read', () => {
  test('W1 W2 SSE: positions are conflated to the newest, stages all come, memory stays flat', async () => {
    const { socket, text } = await openSse();
    socket.pause();
    let conflated = 0;
    for (let n = 0; n < 2_000; n += 1) {
      if (!client.sendLatest(encode(big(n)))) conflated += 1;
      if (n % 500 === 0) client.send(encode(stage(n), n));
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(conflated).toBeGreaterThan(1_500);
    socket.resume();
    await until(() => {
      client.tick();
      return text().includes('p1999 ');
    }, 'the newest position');
    for (const n of [0, 500, 1_000, 1_500]) expect(text()).toContain(`"s${n}"`);
    const seen = [...text().matchAll(/"p(\d+) /g)].map(([, n]) => Number(n));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.length).toBeLessThan(500);
  });

  test('W1 W2 WebSocket: the same', async () => {
    const { socket, texts } = await openWs();
    socket.pause();
    let conflated = 0;
    for (let n = 0; n < 2_000; n += 1) {
      if (!client.sendLatest(encode(big(n)))) conflated += 1;
      if (n % 500 === 0) client.send(encode(stage(n)));
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(conflated).toBeGreaterThan(1_500);
    socket.resume();
    await until(() => {
      client.tick();
      return texts.some((text) => text.includes('p1999 '));
    }, 'the newest position');
    expect(texts.filter((text) => /"s\d+"/.test(text))).toHaveLength(4);
  });

  test('W3 is cut after a while; one that reads is not', async () => {
    const { socket } = await openSse();
    socket.pause();
    for (let n = 0; n < 200; n += 1) client.sendLatest(encode(big(n)));
    for (let n = 0; n < 100; n += 1) client.send(encode(big(n)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    let closed = false;
    client.onClose(() => {
      closed = true;
    });
    client.tick();
    client.tick();
    time += STUCK_MS - 1;
    client.tick();
    expect(closed).toBe(false);
    time += 1;
    client.tick();
    await until(() => closed, 'the cut');

    const reader = await openSse();
    client.send(encode(stage(1)));
    await until(() => reader.text().includes('s1'), 'the stage');
    time += STUCK_MS * 2;
    client.tick();
    client.send(encode(stage(2)));
    await until(() => reader.text().includes('s2'), 'the next stage');
  });
});

describe('a quiet stream', () => {
  test('SSE gets a comment as heartbeat', async () => {
    const { text } = await openSse();
    client.tick();
    time += HEARTBEAT_MS;
    client.tick();
    await until(() => text().includes(': still here'), 'the heartbeat');
  });

  test('a WebSocket that does not answer pings is ended', async () => {
    const { socket } = await openWs();
    socket.pause();
    let closed = false;
    client.onClose(() => {
      closed = true;
    });
    for (let beat = 0; beat < 4; beat += 1) {
      time += HEARTBEAT_MS;
      client.tick();
    }
    await until(() => closed, 'the end');
  });

  test('one that answers is kept', async () => {
    const { socket } = await openWs();
    for (let beat = 0; beat < 4; beat += 1) {
      const pinged = once(socket, 'ping');
      time += HEARTBEAT_MS;
      client.tick();
      await pinged;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(socket.readyState).toBe(socket.OPEN);
  });
});

test('an SSE client is told when to come back, a WebSocket gets 1012', async () => {
  const sse = await openSse();
  client.reconnect(1234);
  await until(() => sse.text().includes('retry: 1234'), 'the retry');
  const { socket } = await openWs();
  const closed = once(socket, 'close') as Promise<[number]>;
  client.reconnect(1);
  expect((await closed)[0]).toBe(1012);
});

describe('the bounds, to the byte and to the millisecond', () => {
  function setUp() {
    const response = {
      writableLength: 0,
      written: [] as string[],
      destroyed: false,
      on: () => response,
      once: () => response,
      write: (text: Buffer | string) => response.written.push(text.toString()),
      end: (text?: string) => response.written.push(text ?? 'end'),
      destroy: () => {
        response.destroyed = true;
      },
    };
    return { response, client: sseClient(response as unknown as ServerResponse, now) };
  }

  test('W1 up to 64 KB waiting a position is written; above, the newest waits for room', () => {
    const { response, client: mine } = setUp();
    response.writableLength = FULL_BYTES;
    expect(mine.sendLatest(encode(stage(1)))).toBe(true);
    response.writableLength = FULL_BYTES + 1;
    expect([mine.sendLatest(encode(stage(2))), mine.sendLatest(encode(stage(3)))]).toEqual([true, false]);
    mine.tick();
    expect(response.written.join('')).not.toMatch(/s2|s3/);
    response.writableLength = FULL_BYTES;
    mine.tick();
    expect(response.written.join('')).toMatch(/s1[^]*s3/);
  });

  test('a heartbeat after 4 s of silence, not before', () => {
    const { response, client: mine } = setUp();
    time += HEARTBEAT_MS - 1;
    mine.tick();
    expect(response.written).toEqual([]);
    time += 1;
    mine.tick();
    expect(response.written).toEqual([': still here\n\n']);
  });

  test('W3 a connection that was ended and does not close is cut after 10 s', () => {
    vi.useFakeTimers();
    try {
      const { response, client: mine } = setUp();
      mine.end(1000, 'ended');
      vi.advanceTimersByTime(STUCK_MS - 1);
      expect(response.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      expect(response.destroyed).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
