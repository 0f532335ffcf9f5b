import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CarrierEvent } from '../../shared/contracts/third-party.ts';
import { read } from '../../shared/read.ts';
import { createLog } from '../../shared/telemetry/log.ts';
import { type Carrier, startCarrier } from './carrier.ts';

let dataDir: string;
let carrier: Carrier;
let receiver: Server;
let callbackUrl: string;
let now = Date.parse('2026-11-23T12:00:00.000Z');
/** Statuses that the receiver answers next; 204 when there is none. */
let moods: number[];
let received: CarrierEvent[];

const start = () =>
  startCarrier({
    port: 0,
    dataDir,
    apiKey: 'key',
    token: () => Promise.resolve({ value: 'token', expiresAt: Number.POSITIVE_INFINITY }),
    speed: 1,
    log: createLog({ name: 'test', level: 'silent' }),
    now: () => now,
  });

beforeEach(async () => {
  [moods, received] = [[], []];
  dataDir = await mkdtemp(join(tmpdir(), 'carrier-'));
  receiver = createServer((request, response) => {
    void json(request).then((body) => {
      const event = read(CarrierEvent, body);
      if (event.ok) received.push(event.value);
      response.writeHead(moods.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  callbackUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
  carrier = await start();
});
afterEach(async () => {
  await carrier[Symbol.asyncDispose]();
  receiver.closeAllConnections();
  receiver.close();
  await rm(dataDir, { recursive: true, force: true });
});

const quote = {
  pickup: { latitude: 47.6, longitude: -122.33, altitude: 0 },
  dropoff: { latitude: 47.61, longitude: -122.34, altitude: 0 },
  weight: 20,
  size: 'Large',
};
const call = async (method: string, path: string, body?: object, key = 'key') => {
  const response = await fetch(`http://127.0.0.1:${carrier.port}/${path}`, {
    method,
    headers: { 'x-api-key': key },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as object) };
};
const book = (id: string) => call('PUT', `bookings/${id}`, { ...quote, callbackUrl });
/** Lets time pass until this many reports have arrived. */
const reported = async (count: number) => {
  const passing = () => {
    if (received.length < count) now += 10_000;
    return received.length;
  };
  await expect.poll(passing).toBeGreaterThanOrEqual(count);
  return received.map(({ event }) => event);
};

describe('the sample carrier', () => {
  test('reports departure, collection and delivery, each when and where it happens', async () => {
    expect((await book('b1')).status).toBe(201);
    expect(await reported(3)).toEqual(['Departed', 'Collected', 'Delivered']);
    expect(received.map(({ position }) => position)).toEqual([undefined, quote.pickup, quote.dropoff]);
    expect(new Set(received.map(({ at }) => at)).size).toBe(3);
  });

  test('repeats a report that was not taken, with the same id, and gives up one that is refused (V2)', async () => {
    moods = [503, 500, 404];
    await book('b1');
    await reported(3);
    expect(new Set(received.map(({ eventId }) => eventId))).toEqual(new Set(['b1-Departed']));
    expect((await reported(4)).at(-1)).toBe('Collected');
  });

  test('knows its bookings after a restart, and books each once (V1)', async () => {
    const first = await book('b1');
    await carrier[Symbol.asyncDispose]();
    carrier = await start();
    now += 1_000;
    expect(await book('b1')).toEqual({ status: 200, body: first.body });
    expect(await reported(1)).toEqual(['Departed']);
  });

  test('cancels until it has collected; a booking that comes late stays cancelled (V3)', async () => {
    await book('departed');
    await book('collected');
    await reported(2);
    expect((await call('DELETE', 'bookings/departed')).status).toBe(204);
    await reported(3);
    expect((await call('DELETE', 'bookings/collected')).status).toBe(409);
    expect((await call('DELETE', 'bookings/never')).status).toBe(204);
    expect((await book('never')).status).toBe(409);
    expect(received.filter(({ bookingId }) => bookingId === 'departed')).toHaveLength(1);
  });

  test('refuses what the van cannot carry, bodies that are none, and callers without its key', async () => {
    expect((await call('POST', 'quotes', { ...quote, weight: 26 })).body).toMatchObject({ canServe: false });
    expect((await call('POST', 'quotes', quote)).body).toMatchObject({ canServe: true });
    expect((await call('POST', 'quotes', { weight: 1 })).status).toBe(400);
    expect((await call('PUT', 'bookings/b', quote)).status).toBe(400);
    expect((await call('POST', 'quotes', quote, 'other')).status).toBe(401);
    expect((await call('GET', 'bookings/b')).status).toBe(405);
    expect((await call('GET', 'elsewhere')).status).toBe(404);
  });
});

test('V4 a page of another site is refused, and so is a name that was rebound to this machine', async () => {
  const url = `http://127.0.0.1:${carrier.port}/quotes`;
  const send = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', headers: { 'x-api-key': 'key', ...headers } });
      request.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
      request.end(JSON.stringify(quote));
    });
  expect(await send({ host: 'evil.example' })).toBe(403);
  expect(await send({ origin: 'http://evil.example' })).toBe(403);
  expect(await send({})).toBe(200);
});
