import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { answerJson, startServer } from '../../tests/harness/http-server.ts';
import { AppError } from '../errors.ts';
import { createClient, type TransportCall } from './client.ts';
import { defineRoute } from './define-route.ts';
import { type Endpoint, endpoint, type PipelineDeps, type PlainResponse } from './pipeline.ts';
import { inProcess, overHttp } from './transports.ts';

const putThing = defineRoute({
  service: 'drone',
  operation: 'putThing',
  method: 'PUT',
  path: 'things/{thingId}',
  summary: 'Put a thing',
  auth: ['service'],
  params: z.strictObject({ thingId: z.string() }),
  query: z.strictObject({ size: z.string().optional(), limit: z.coerce.number().optional() }),
  body: z.strictObject({ weight: z.number() }),
  contentType: 'application/merge-patch+json',
  responses: { 200: z.object({ at: z.string() }), 204: null },
});

const call = { params: { thingId: 'a/b' }, query: { size: 's', limit: undefined }, body: { weight: 1 } };

function clientOf(answer: Partial<PlainResponse> | (() => Promise<PlainResponse>)) {
  const calls: TransportCall[] = [];
  const client = createClient(async (each) => {
    calls.push(each);
    return typeof answer === 'function' ? answer() : { status: 204, headers: {}, body: undefined, ...answer };
  });
  return { client, calls };
}

describe('a call', () => {
  test('carries what it was given, as text, with a limit of 10 s', async () => {
    const { client, calls } = clientOf({});
    await client(putThing, { ...call, accountId: 'contoso', ifMatch: '"1"', idempotencyKey: 'k' });
    expect(calls).toEqual([
      {
        route: putThing,
        params: { thingId: 'a/b' },
        query: { size: 's' },
        headers: {
          'x-account-id': 'contoso',
          'if-match': '"1"',
          'idempotency-key': 'k',
          'content-type': 'application/merge-patch+json',
        },
        body: '{"weight":1}',
        timeoutMs: 10_000,
      },
    ]);
  });

  test('carries nothing that it was not given', async () => {
    const { client, calls } = clientOf({});
    await client(putThing, { timeoutMs: 5 });
    await client(putThing);
    expect(calls[0]).toEqual({
      route: putThing,
      params: {},
      query: {},
      headers: {},
      body: undefined,
      timeoutMs: 5,
    });
    expect(calls[1]).toMatchObject({ timeoutMs: 10_000 });
  });

  test('answers the statuses of the contract, with the fields that it names', async () => {
    const headers = { etag: '"1"' };
    const { client } = clientOf({ status: 200, headers, body: '{"at":"now","inner":1}' });
    expect(await client(putThing, call)).toEqual({ status: 200, headers, body: { at: 'now' } });
    expect(await clientOf({}).client(putThing, call)).toEqual({ status: 204, headers: {}, body: undefined });
  });

  test.each(['{"at":7}', 'no json', undefined])(
    'whose answer breaks the contract fails: %o',
    async (body) => {
      const { client } = clientOf({ status: 200, body });
      await expect(client(putThing, call)).rejects.toMatchObject({
        code: 'dependency_failed',
        message: 'the answer of drone to putThing does not fit its contract',
        options: { cause: expect.objectContaining({ message: expect.stringContaining('body') }) },
      });
    },
  );
});

describe('a refusal', () => {
  test('is the callee’s error, with its code, fields and facts', async () => {
    const errors = [{ path: 'body.weight', message: 'is too large' }];
    const problem = { type: 'urn', title: 't', status: 409, code: 'conflict', detail: 'no', errors, held: 3 };
    const { client } = clientOf({
      status: 409,
      headers: { 'retry-after': '7' },
      body: JSON.stringify(problem),
    });
    const refused = await client(putThing, call).catch((error: AppError) => error);
    expect(refused).toMatchObject({ code: 'conflict', message: 'no' });
    expect((refused as AppError).options).toEqual({ retryAfterSeconds: 7, facts: { held: 3 }, errors });
  });

  test.each(['0', '-1', 'soon', ''])('with Retry-After %j says no time', async (value) => {
    const body = JSON.stringify({ code: 'conflict', detail: 'no' });
    const { client } = clientOf({ status: 409, headers: { 'retry-after': value }, body });
    const refused = (await client(putThing, call).catch((error: unknown) => error)) as AppError;
    expect(refused.options).toEqual({ facts: {} });
  });

  test.each([
    [500, 'dependency_unavailable'],
    [503, 'dependency_unavailable'],
    [429, 'dependency_unavailable'],
    [499, 'dependency_failed'],
    [404, 'dependency_failed'],
  ])('%i without a problem that we know is %s: only what may pass is tried again', async (status, code) => {
    for (const body of [undefined, '<html>', 'null', '7', '{"code":"toString"}', '{"code":"unheard_of"}']) {
      const { client } = clientOf({ status, body });
      await expect(client(putThing, call)).rejects.toMatchObject({
        code,
        message: `drone answered ${status} to putThing`,
      });
    }
  });

  test('of the transport is passed on', async () => {
    const { client } = clientOf(() => Promise.reject(new AppError('dependency_unavailable', 'away')));
    await expect(client(putThing, call)).rejects.toMatchObject({ message: 'away' });
  });
});

describe('over HTTP', () => {
  const token = async () => 'secret';
  const served = () =>
    startServer((request, response, body) => {
      if (request.url === '/api/things/silent') return;
      answerJson(response, 200, { at: JSON.stringify([request.url, request.headers, body]) });
    });

  test('a call has its path, its query, its body and the service’s token', async () => {
    await using server = await served();
    const client = createClient(overHttp({ origin: server.origin, token }));
    const { body } = await client(putThing, { ...call, accountId: 'contoso' });
    const [url, headers, sent] = JSON.parse((body as { at: string }).at);
    expect([url, sent]).toEqual(['/api/things/a%2Fb?size=s', '{"weight":1}']);
    expect(headers).toMatchObject({
      authorization: 'Bearer secret',
      'x-account-id': 'contoso',
      'content-type': 'application/merge-patch+json',
    });
    await client(putThing, { params: { thingId: 't' }, body: { weight: 1 } });
    expect(server.requests.at(-1)).toBe('PUT /api/things/t');
  });

  test('a callee that is away, or late, may be tried again', async () => {
    const away = createClient(overHttp({ origin: 'http://127.0.0.1:1', token }));
    await expect(away(putThing, call)).rejects.toMatchObject({
      code: 'dependency_unavailable',
      message: 'drone cannot be reached',
      options: { retryAfterSeconds: 1, cause: expect.any(Error) },
    });
    await using server = await served();
    const client = createClient(overHttp({ origin: server.origin, token }));
    const late = client(putThing, { params: { thingId: 'silent' }, body: { weight: 1 }, timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: 'drone did not answer in time',
      options: { retryAfterSeconds: 1 },
    });
  });

  test('a token that cannot be had says so itself', async () => {
    const none = () => Promise.reject(new AppError('token_invalid', 'no identity'));
    const client = createClient(overHttp({ origin: 'http://127.0.0.1:1', token: none }));
    await expect(client(putThing, call)).rejects.toMatchObject({ code: 'token_invalid' });
  });
});

describe('in process', () => {
  const deps: PipelineDeps = {
    verify: () => Promise.reject(new AppError('token_invalid', 'no tokens')),
    log: pino({ level: 'silent' }),
  };
  const clientFor = (handler?: Parameters<typeof endpoint<typeof putThing>>[1]) => {
    const registry = new Map<string, Endpoint>();
    if (handler) registry.set(putThing.functionName, endpoint(putThing, handler));
    return createClient(inProcess('scheduler', registry, deps));
  };

  test('a call takes the whole pipeline, as the calling service for the account', async () => {
    const seen: unknown[] = [];
    const client = clientFor(async ({ params, body }, { principal }) => {
      seen.push([params, body, principal]);
      return { status: 204 };
    });
    const { params, body } = call;
    await client(putThing, { params, body, accountId: 'contoso' });
    await client(putThing, { params, body });
    const scheduler = { subject: 'scheduler', roles: ['service'] };
    expect(seen).toEqual([
      [params, body, { ...scheduler, accountId: 'contoso' }],
      [params, body, scheduler],
    ]);
    await expect(client(putThing, { params })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('a route that this app does not serve, and a handler that takes too long', async () => {
    await expect(clientFor()(putThing, call)).rejects.toMatchObject({
      code: 'dependency_failed',
      message: `${putThing.functionName} is not served by this app`,
    });
    const slow = clientFor(() => new Promise(() => {}));
    const { params, body } = call;
    await expect(slow(putThing, { params, body, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: 'putThing took longer than 20 ms',
    });
  });
});
