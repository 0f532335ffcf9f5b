import { expect, expectTypeOf, test } from 'vitest';
import { answerJson, startServer } from '../../tests/harness/http-server.ts';
import {
  getDelivery,
  listDrones,
  rescheduleRequest,
  submitRequest,
  summarizeDeliveries,
} from '../contracts/routes.gen.ts';
import { createApiClient } from './api-client.ts';

const serve = () =>
  startServer((request, response, body) => {
    if (request.url?.startsWith('/api/drones')) return void response.writeHead(502).end('<html>bad gateway');
    const { method, url, headers } = request;
    answerJson(response, method === 'POST' ? 409 : 200, { method, url, body, headers });
  });

test('fills path and query, sends the token, the contract’s content type and the body as JSON', async () => {
  await using server = await serve();
  const call = createApiClient({ origin: server.origin, token: () => 'secret' });
  const answer = await call(rescheduleRequest, {
    params: { deliveryId: 'a/b' },
    body: { dropOffLocation: 'City Hall' },
    headers: { 'if-match': '"1"' },
  });
  expect(answer).toMatchObject({
    ok: true,
    body: {
      method: 'PATCH',
      url: '/api/deliveryrequests/a%2Fb',
      body: '{"dropOffLocation":"City Hall"}',
      headers: {
        authorization: 'Bearer secret',
        'content-type': 'application/merge-patch+json',
        'if-match': '"1"',
      },
    },
  });
  await call(summarizeDeliveries, { query: { ownerId: 'contoso', year: 2026, month: 11 } });
  expect(server.requests.at(-1)).toBe('GET /api/deliveries/summary?ownerId=contoso&year=2026&month=11');
});

test('answers a refusal as data, also one that is not JSON; without a token it sends none', async () => {
  await using server = await serve();
  const call = createApiClient({ origin: server.origin, token: () => undefined });
  const body = {
    ownerId: 'contoso',
    pickupLocation: 'a',
    dropOffLocation: 'b',
    packageInfo: { size: 'Small', weight: 1 },
  };
  const refused = await call(submitRequest, { body });
  expect(refused).toMatchObject({ ok: false, status: 409, body: { method: 'POST' } });
  expect(refused).not.toHaveProperty('body.headers.authorization');
  expect(await call(listDrones)).toMatchObject({ ok: false, status: 502, body: undefined });
});

test('rejects when there is no answer', async () => {
  const call = createApiClient({ origin: 'http://127.0.0.1:1', token: () => undefined });
  await expect(call(listDrones)).rejects.toThrow(TypeError);
});

test('types come from the contract', () => {
  const call = createApiClient({ origin: '', token: () => undefined });
  // Compiled only: what the contract does not allow does not compile.
  const use = async () => {
    const answer = await call(getDelivery, { params: { deliveryId: 'd' } });
    if (answer.ok) expectTypeOf(answer.body.confirmed).toEqualTypeOf<boolean>();
    // @ts-expect-error: the path needs a deliveryId
    await call(getDelivery);
    // @ts-expect-error: the path has no droneId
    await call(getDelivery, { params: { droneId: 'd' } });
    // @ts-expect-error: the body is missing
    await call(submitRequest);
  };
  expect(use).toBeTypeOf('function');
});
