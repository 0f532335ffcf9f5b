import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startCarrier } from './carrier.ts';
import { eventually, folder, silent } from './world.fixture.ts';

const PLACE = { latitude: 47.6, longitude: -122.33, altitude: 0 };
const ASKED = { pickup: PLACE, dropoff: { ...PLACE, latitude: 47.61 }, weight: 20, size: 'Large' };

/** Those who are called back: they refuse as often as they are told to. */
async function startCaller(refusals: number) {
  const told: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    told.push((JSON.parse(body) as { eventId: string }).eventId);
    response.writeHead(told.length <= refusals ? 503 : 204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    told,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const start = (dataDir: string, speed = 100_000) =>
  startCarrier({
    port: 0,
    dataDir,
    apiKey: 'key',
    token: async () => ({ value: 'token', expiresAt: Number.POSITIVE_INFINITY }),
    speed,
    log: silent,
    now: Date.now,
  });
const call = (port: number, method: string, path: string, body?: unknown, key = 'key') =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'x-api-key': key },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test('V1 a booking is made once; V2 its callbacks are repeated until they are taken, each with one id', async () => {
  await using data = await folder();
  await using caller = await startCaller(1);
  await using carrier = await start(data.path);
  const order = { ...ASKED, callbackUrl: caller.url };
  const first = await call(carrier.port, 'PUT', '/bookings/b-1', order);
  const again = await call(carrier.port, 'PUT', '/bookings/b-1', { ...order, weight: 1 });
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(await again.json()).toEqual(await first.json());
  await eventually(() => caller.told.includes('b-1-Delivered'), 'the delivery to be told');
  expect(caller.told).toEqual(['b-1-Collected', 'b-1-Collected', 'b-1-Delivered']);
});

test('V1, V2 a booking outlives its process', async () => {
  await using data = await folder();
  await using caller = await startCaller(0);
  {
    await using carrier = await start(data.path, 1);
    await call(carrier.port, 'PUT', '/bookings/b-1', { ...ASKED, callbackUrl: caller.url });
  }
  await using carrier = await start(data.path);
  expect(
    (await call(carrier.port, 'PUT', '/bookings/b-1', { ...ASKED, callbackUrl: caller.url })).status,
  ).toBe(200);
});

test('V3 a cancelled booking stays cancelled, also when its order comes late', async () => {
  await using data = await folder();
  await using carrier = await start(data.path, 1);
  const order = { ...ASKED, callbackUrl: 'http://127.0.0.1:1/' };
  expect((await call(carrier.port, 'DELETE', '/bookings/late')).status).toBe(204);
  expect((await call(carrier.port, 'PUT', '/bookings/late', order)).status).toBe(409);
});

test.each([
  ['a wrong key', 'POST', '/quotes', ASKED, 'other', 401],
  ['a body that is no order', 'PUT', '/bookings/b-1', { weight: 'much' }, 'key', 400],
  [
    'more than the van takes',
    'PUT',
    '/bookings/b-1',
    { ...ASKED, weight: 26, callbackUrl: 'http://127.0.0.1:1/' },
    'key',
    422,
  ],
  ['another path', 'GET', '/', undefined, 'key', 404],
  ['another method', 'GET', '/bookings/b-1', undefined, 'key', 405],
] as const)('%s is refused', async (_, method, path, body, key, status) => {
  await using data = await folder();
  await using carrier = await start(data.path);
  expect((await call(carrier.port, method, path, body, key)).status).toBe(status);
});
