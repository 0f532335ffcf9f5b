import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { Bytes, defineRoute } from './define-route.ts';
import { type Call, endpoint, type Handler, type PipelineDeps, serve } from './pipeline.ts';

const route = defineRoute({
  service: 'drone',
  operation: 'putThing',
  method: 'PUT',
  path: 'things/{thingId}',
  summary: 'Put a thing',
  auth: ['customer', 'operator', 'service'],
  params: z.strictObject({ thingId: z.string().max(5) }),
  query: z.strictObject({ size: z.string().max(3).optional() }),
  body: z.strictObject({ weight: z.number() }),
  contentType: 'application/merge-patch+json',
  idempotency: 'none',
  responses: { 200: z.object({ owner: z.string() }), 204: null },
});
const PUBLIC = defineRoute({
  service: 'drone',
  operation: 'getThing',
  method: 'GET',
  path: 'things',
  summary: 'Get a thing',
  auth: 'public',
  responses: { 200: Bytes },
});

const callers: Readonly<Record<string, Principal>> = {
  ann: { subject: 'ann', roles: ['customer'], accountId: 'contoso' },
  olga: { subject: 'olga', roles: ['operator'] },
  scheduler: { subject: 'scheduler', roles: ['service'] },
  drone: { subject: 'd1', roles: ['drone'], droneId: 'd1' },
};

interface Sent {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

function start(handler: Handler<typeof route> = async () => ({ status: 200, body: { owner: 'x' } })) {
  const lines: Record<string, unknown>[] = [];
  const refusals: string[] = [];
  const deps: PipelineDeps = {
    verify: async (token) => {
      const principal = callers[token];
      if (!principal) throw new AppError('token_invalid', 'the token cannot be verified');
      return principal;
    },
    log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    onRefusal: ({ functionName }, { code }) => void refusals.push(`${code} ${functionName}`),
  };
  const send = async ({
    token = 'ann',
    headers = {},
    body = '{"weight":1}',
    params,
    query = {},
  }: Sent = {}) => {
    const response = await serve(
      endpoint(route, handler),
      {
        method: 'PUT',
        params: params ?? { thingId: 't1' },
        query,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: Buffer.from(body),
      },
      deps,
    );
    const text = response.body as string | undefined;
    return {
      ...response,
      body: text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>),
    };
  };
  return { send, lines, refusals, deps };
}

describe('x-account-id', () => {
  const caller = async (token: string, header: string) => {
    let seen: Principal | undefined;
    const { send } = start(async (_, { principal }) => {
      seen = principal;
      return { status: 204 };
    });
    const { status } = await send({ token, headers: { 'x-account-id': header } });
    return { status, accountId: seen?.accountId };
  };

  test('is the account that a service or an operator acts for', async () => {
    for (const token of ['scheduler', 'olga'])
      expect(await caller(token, 'fabrikam')).toEqual({ status: 204, accountId: 'fabrikam' });
  });

  test('of a customer changes nothing: the token’s account stays', async () => {
    expect(await caller('ann', 'fabrikam')).toEqual({ status: 204, accountId: 'contoso' });
    expect(await caller('ann', 'no id')).toEqual({ status: 204, accountId: 'contoso' });
  });

  test('that is no id is refused by its name', async () => {
    const { send } = start();
    const { status, body } = await send({ token: 'scheduler', headers: { 'x-account-id': '../fabrikam' } });
    expect([status, body?.['code']]).toEqual([400, 'invalid_request']);
    expect(body?.['errors']).toMatchObject([{ path: 'header.x-account-id' }]);
  });
});

describe('a caller', () => {
  test.each([
    ['no header', {}, 401, 'token_missing'],
    ['another scheme', { authorization: 'Basic YTpi' }, 401, 'token_missing'],
    ['no token', { authorization: 'Bearer ' }, 401, 'token_missing'],
    ['two tokens', { authorization: 'Bearer ann ann' }, 401, 'token_missing'],
    ['a text before', { authorization: 'x Bearer ann' }, 401, 'token_missing'],
    ['a wrong token', { authorization: 'Bearer wrong' }, 401, 'token_invalid'],
    ['a token without the role', { authorization: 'Bearer drone' }, 403, 'forbidden'],
    ['a scheme in other letters', { authorization: 'bearer   ann' }, 200, undefined],
  ])('with %s', async (_, headers, status, code) => {
    const { deps } = start();
    const handler: Handler<typeof route> = async () => ({ status: 200, body: { owner: 'x' } });
    const sent = { method: 'PUT', params: { thingId: 't' }, query: {}, body: Buffer.from('{"weight":1}') };
    const response = await serve(
      endpoint(route, handler),
      { ...sent, headers: { ...headers, 'content-type': 'application/json' } },
      deps,
    );
    expect(response.status).toBe(status);
    expect(JSON.parse(String(response.body)).code).toBe(code);
    expect(response.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  });

  test('is told what to send, and which role is needed', async () => {
    const { send } = start();
    expect((await send({ headers: { authorization: '' } })).body?.['detail']).toBe(
      'send a bearer token in the Authorization header',
    );
    expect((await send({ token: 'drone' })).body?.['detail']).toBe(
      'this needs the role customer or operator or service',
    );
  });

  test('of a public route is anonymous, with any token', async () => {
    let seen: Call | undefined;
    const { deps } = start();
    const handler: Handler<typeof PUBLIC> = async (_, call) => {
      seen = call;
      return { status: 200, body: new Uint8Array([1, 2]) };
    };
    const request = { method: 'GET', params: {}, query: {}, body: undefined };
    const response = await serve(
      endpoint(PUBLIC, handler),
      { ...request, headers: { authorization: 'Bearer ann' } },
      deps,
    );
    expect(seen?.principal).toEqual({ subject: 'anonymous', roles: [] });
    expect(response).toEqual({
      status: 200,
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array([1, 2]),
    });
  });
});

describe('a request', () => {
  test('comes to its handler as the contract reads it', async () => {
    const inputs: unknown[] = [];
    const { send } = start(async (input, { headers }) => {
      inputs.push({ ...input, key: headers['x-key'] });
      return { status: 204 };
    });
    const { status, headers, body } = await send({ query: { size: 's' }, headers: { 'x-key': 'k' } });
    expect(inputs).toEqual([
      { params: { thingId: 't1' }, query: { size: 's' }, body: { weight: 1 }, key: 'k' },
    ]);
    expect({ status, headers, body }).toEqual({ status: 204, headers: {}, body: undefined });
  });

  test('that is wrong in its path, its query and its body is told all of it', async () => {
    const { send } = start();
    const { status, body } = await send({
      params: { thingId: 'too long' },
      query: { size: 'too long' },
      body: '{"weight":"x"}',
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_request' });
    const errors = body?.['errors'] as { path: string; message: string }[];
    expect(errors.map(({ path }) => path)).toEqual(['path.thingId', 'query.size', 'body.weight']);
    expect(body?.['detail']).toMatch(/^path\.thingId: /);
  });

  test.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    [' Application/JSON ', 200],
    ['application/merge-patch+json', 200],
    ['text/plain', 415],
    ['', 415],
  ])('with a body of the type %j is %i', async (type, status) => {
    const { send } = start();
    const answer = await send({ headers: { 'content-type': type } });
    expect(answer.status).toBe(status);
    if (status === 415) {
      expect(answer.body).toMatchObject({
        code: 'unsupported_media_type',
        detail: 'send the body as application/merge-patch+json',
        errors: [{ path: 'header.content-type', message: 'is not application/merge-patch+json' }],
      });
    }
  });

  test('without a content type is read when it has no body', async () => {
    const { deps } = start();
    const handler: Handler<typeof route> = async () => ({ status: 204 });
    const request = {
      method: 'PUT',
      params: { thingId: 't' },
      query: {},
      headers: { authorization: 'Bearer ann' },
    };
    for (const body of [undefined, new Uint8Array()]) {
      const response = await serve(endpoint(route, handler), { ...request, body }, deps);
      // The contract asks for a body.
      expect(JSON.parse(String(response.body))).toMatchObject({ code: 'invalid_request' });
    }
  });

  test('whose body is no JSON is told so', async () => {
    const { send } = start();
    const { status, body } = await send({ body: '{"weight":' });
    expect([status, body?.['code']]).toEqual([400, 'malformed_json']);
    expect(body?.['detail']).toMatch(/^the body is /);
    expect(body?.['errors']).toMatchObject([{ path: 'body' }]);
  });
});

describe('an answer', () => {
  test('has no field that the contract does not name', async () => {
    const { send } = start(async () => ({
      status: 200,
      body: { owner: 'ann', secretHash: 'x' } as { owner: string },
      headers: { etag: '"1"' },
    }));
    const { body, headers } = await send();
    expect(body).toEqual({ owner: 'ann' });
    expect(headers).toEqual({ 'content-type': 'application/json', etag: '"1"' });
  });

  test.each<[string, Handler<typeof route>]>([
    ['a status that the contract does not name', async () => ({ status: 201, body: {} }) as never],
    ['a body that breaks the contract', async () => ({ status: 200, body: { owner: 7 } }) as never],
    ['an error with a secret', () => Promise.reject(new Error('AccountKey=c2VjcmV0 was refused'))],
    [
      'an error of ours with a cause',
      () => Promise.reject(new AppError('internal', 'no', { cause: new Error('AccountKey=c2VjcmV0') })),
    ],
  ])('that is a fault of ours is 500: its text is in the log, not in the answer: %s', async (_, handler) => {
    const { send, lines, refusals } = start(handler);
    const { status, headers, body } = await send();
    expect([status, headers['content-type'], body?.['code']]).toEqual([
      500,
      'application/problem+json',
      'internal',
    ]);
    expect(JSON.stringify(body)).not.toMatch(/c2VjcmV0|drone_|owner/);
    expect(lines).toMatchObject([{ level: 50, code: 'internal', route: route.functionName }]);
    expect(lines[0]?.['err']).toMatchObject({ message: expect.stringMatching(/c2VjcmV0|contract|owner/) });
    expect(refusals).toEqual([`internal ${route.functionName}`]);
  });

  test('that refuses is no line in the log, and counted as a refusal', async () => {
    const refuse = new AppError('too_many_requests', 'wait', {
      retryAfterSeconds: 1.2,
      headers: { ratelimit: 'r=0' },
    });
    const { send, lines, refusals } = start(() => Promise.reject(refuse));
    const { status, headers, body } = await send();
    expect(status).toBe(429);
    expect(headers).toEqual({
      'content-type': 'application/problem+json',
      'retry-after': '2',
      ratelimit: 'r=0',
    });
    expect(body).toMatchObject({ code: 'too_many_requests', detail: 'wait' });
    expect(lines).toEqual([]);
    expect(refusals).toEqual([`too_many_requests ${route.functionName}`]);
  });
});

describe('an answer of a versioned resource', () => {
  const versioned = (method: 'GET' | 'PUT' | 'DELETE') =>
    defineRoute({
      service: 'drone',
      operation: `${method.toLowerCase()}Version`,
      method,
      path: 'things/{thingId}',
      summary: 'Read or write a version',
      auth: ['customer'],
      params: z.strictObject({ thingId: z.string() }),
      versioned: true,
      idempotency: 'none',
      responses: { 200: z.object({}), 202: z.object({}) },
    });
  const statusOf = async (
    method: 'GET' | 'PUT' | 'DELETE',
    status: 200 | 202,
    headers: Record<string, string>,
  ) => {
    const each = versioned(method);
    const { deps } = start();
    const request = { method, params: { thingId: 't' }, query: {}, body: undefined };
    const handler: Handler<typeof each> = async () => ({ status, body: {}, headers });
    const sent = { ...request, headers: { authorization: 'Bearer ann' } };
    return (await serve(endpoint(each, handler), sent, deps)).status;
  };

  test('names its ETag; without one it is a fault of ours', async () => {
    for (const method of ['GET', 'PUT'] as const) {
      expect(await statusOf(method, 200, { etag: '"1"' })).toBe(200);
      expect(await statusOf(method, 200, {})).toBe(500);
    }
  });

  test('has none while the change is yet to come, and after a removal', async () => {
    expect(await statusOf('PUT', 202, {})).toBe(202);
    expect(await statusOf('DELETE', 200, {})).toBe(200);
  });
});

test('an Idempotency-Key is kept with everything that makes the request another one', async () => {
  const kept = defineRoute({
    service: 'drone',
    operation: 'makeThing',
    method: 'POST',
    path: 'things/{thingId}',
    summary: 'Make a thing',
    auth: ['customer', 'service'],
    params: z.strictObject({ thingId: z.string() }),
    query: z.strictObject({ size: z.string() }),
    body: z.strictObject({ weight: z.number() }),
    responses: { 204: null },
  });
  const { deps } = start();
  const handler: Handler<typeof kept> = async () => ({ status: 204 });
  const asked: unknown[] = [];
  const idempotency: NonNullable<PipelineDeps['idempotency']> = {
    once: (keyed, work) => {
      asked.push(keyed);
      return work();
    },
  };
  const send = async (
    token: string,
    headers: Record<string, string>,
    more: Partial<PipelineDeps> = { idempotency },
  ) => {
    const request = {
      method: 'POST',
      params: { thingId: 't1' },
      query: { size: 's' },
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'if-match': '"1"',
        ...headers,
      },
      body: Buffer.from('{"weight":1}'),
    };
    const served = await serve(endpoint(kept, handler), request, { ...deps, ...more });
    return served.status;
  };
  expect(await send('ann', { 'idempotency-key': 'k' })).toBe(204);
  expect(asked).toEqual([
    {
      key: 'k',
      principal: callers['ann'],
      request: [kept.functionName, { thingId: 't1' }, { size: 's' }, { weight: 1 }, '"1"'],
    },
  ]);
  // A request without a key, and a service's, whose keys its callee keeps with the effect.
  expect(await send('ann', {})).toBe(204);
  expect(await send('scheduler', { 'idempotency-key': 'k' })).toBe(204);
  expect(asked).toHaveLength(1);
  // An app that could not keep the promise does not answer as if it did.
  expect(await send('ann', { 'idempotency-key': 'k' }, {})).toBe(500);
});
