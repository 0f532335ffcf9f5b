import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { forwardedAddress } from './client-address.ts';
import { defineRoute, type Route } from './define-route.ts';
import { createLimits } from './limits.ts';
import { endpoint, type PipelineDeps, type PlainResponse, serve } from './pipeline.ts';
import { createRefusalLog } from './refusal-log.ts';

const SETTINGS = {
  LIMIT_REQUESTS_PER_PRINCIPAL: 3,
  LIMIT_REQUESTS_PER_OPERATOR: 5,
  LIMIT_REQUESTS_PER_ADDRESS: 8,
  LIMIT_WRONG_TOKENS_PER_ADDRESS: 2,
};
const route = (path: string, auth: Route['auth']) =>
  defineRoute({
    service: 'drone',
    operation: 'look',
    method: 'GET',
    path,
    summary: 'Look',
    auth,
    responses: { 200: z.object({}) },
  });
const GUARDED = route('guarded', ['customer', 'operator', 'service']);
const PUBLIC = route('public', 'public');

const callers: Readonly<Record<string, Principal>> = {
  ann: { subject: 'ann', roles: ['customer'], accountId: 'contoso' },
  bob: { subject: 'bob', roles: ['customer'], accountId: 'contoso' },
  annOfTailwind: { subject: 'ann', roles: ['customer'], accountId: 'tailwind' },
  operator: { subject: 'olga', roles: ['operator'] },
  scheduler: { subject: 'scheduler', roles: ['service'] },
  carrier: { subject: 'courier', roles: ['carrier'], carrierId: 'courier' },
};

interface CallOptions {
  readonly address?: string;
  readonly route?: Route;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: Principal;
}

function start() {
  const lines: Record<string, unknown>[] = [];
  const clock = { now: 0 };
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const deps: PipelineDeps = {
    verify: async (token) => {
      if (token === 'away') throw new AppError('dependency_unavailable', 'no keys');
      const principal = callers[token];
      if (!principal) throw new AppError('token_invalid', 'the token cannot be verified');
      return principal;
    },
    log,
    limits: createLimits(SETTINGS),
    onRefusal: createRefusalLog(log, () => clock.now),
  };
  const call = (token: string, { address, route = GUARDED, headers = {}, as }: CallOptions = {}) =>
    serve(
      endpoint(route as typeof GUARDED, async () => ({ status: 200 as const, body: {} })),
      {
        method: 'GET',
        params: {},
        query: {},
        body: undefined,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(address === undefined ? {} : { address }),
        ...(as ? { principal: as } : {}),
      },
      deps,
    );
  const statuses = async (times: number, token: string, options?: CallOptions) => {
    const all: number[] = [];
    for (let n = 0; n < times; n += 1) all.push((await call(token, options)).status);
    return all;
  };
  return { call, statuses, lines, clock };
}

const problemOf = (response: PlainResponse) => JSON.parse(String(response.body)) as Record<string, unknown>;

describe('M3 limits of the Function App', () => {
  test('L1 beyond a principal’s limit: 429 with Retry-After and the RateLimit headers', async () => {
    const { call, statuses } = start();
    expect(await statuses(4, 'ann')).toEqual([200, 200, 200, 429]);
    const refused = await call('ann');
    const { 'retry-after': retryAfter, ratelimit, 'ratelimit-policy': policy } = refused.headers;
    expect(Number(retryAfter)).toBeGreaterThan(0);
    expect(Number(retryAfter)).toBeLessThanOrEqual(60);
    expect(policy).toBe('"principal";q=3;w=60');
    expect(ratelimit).toBe(`"principal";r=0;t=${retryAfter}`);
    expect(problemOf(refused)).toMatchObject({ code: 'too_many_requests', limit: 'principal' });
  });

  test('another subject is unaffected, and the same subject in another account', async () => {
    const { statuses } = start();
    await statuses(5, 'ann');
    expect(await statuses(3, 'bob')).toEqual([200, 200, 200]);
    expect(await statuses(3, 'annOfTailwind')).toEqual([200, 200, 200]);
  });

  test('an operator has its own limit, for any account that it acts for', async () => {
    const { call, statuses } = start();
    expect(await statuses(5, 'operator')).toEqual(Array(5).fill(200));
    const acting = await call('operator', { headers: { 'x-account-id': 'contoso' } });
    expect(problemOf(acting)).toMatchObject({ status: 429, limit: 'operator' });
  });

  test('L3 services and calls in process are not limited', async () => {
    const { statuses } = start();
    expect(new Set(await statuses(50, 'scheduler', { address: '10.0.0.1' }))).toEqual(new Set([200]));
    expect(new Set(await statuses(50, '', { as: callers['ann'] as Principal }))).toEqual(new Set([200]));
  });

  test('L1 the callers of one address share its limit; those of no known address share none', async () => {
    const { call, statuses } = start();
    for (const token of ['ann', 'bob']) await statuses(3, token, { address: '203.0.113.7' });
    expect(await statuses(3, '', { route: PUBLIC, address: '203.0.113.7' })).toEqual([200, 200, 429]);
    expect(problemOf(await call('operator', { address: '203.0.113.7' }))).toMatchObject({ limit: 'address' });
    expect(await statuses(1, 'operator', { address: '203.0.113.8' })).toEqual([200]);
    expect(new Set(await statuses(20, '', { route: PUBLIC }))).toEqual(new Set([200]));
  });

  test.each(['203.0.113.7', undefined])(
    'L2 wrong tokens from %s: 401, then 429; a valid token is still served',
    async (address) => {
      const { statuses } = start();
      const from = address === undefined ? {} : { address };
      expect(await statuses(4, 'wrong', from)).toEqual([401, 401, 429, 429]);
      expect(await statuses(1, 'ann', from)).toEqual([200]);
      expect(await statuses(1, 'wrong', { address: '203.0.113.9' })).toEqual([401]);
    },
  );

  test('L2 a token that cannot be verified now is not counted as wrong', async () => {
    const { statuses } = start();
    expect(await statuses(5, 'away', { address: '203.0.113.7' })).toEqual(Array(5).fill(503));
    expect(await statuses(1, 'wrong', { address: '203.0.113.7' })).toEqual([401]);
  });
});

test('V4 refusals are logged once a minute for each code and route, with their number', async () => {
  const { statuses, lines, clock } = start();
  await statuses(20, 'wrong', { address: '203.0.113.7' });
  await statuses(3, 'carrier');
  const first = lines.map(({ code, count }) => [code, count]);
  expect(first).toEqual([
    ['token_invalid', 1],
    ['too_many_requests', 1],
    ['forbidden', 1],
  ]);
  clock.now = 60_000;
  await statuses(1, 'wrong', { address: '203.0.113.7' });
  expect(lines.slice(3)).toMatchObject([
    { code: 'too_many_requests', count: 18, route: GUARDED.functionName, level: 30 },
  ]);
});

test.each([
  ['203.0.113.7', 1, '203.0.113.7'],
  ['forged, 203.0.113.7', 1, '203.0.113.7'],
  ['forged, 203.0.113.7, 10.0.0.1:443', 2, '203.0.113.7'],
  ['203.0.113.7:50123', 1, '203.0.113.7'],
  ['[2001:db8::7]:50123', 1, '2001:db8::7'],
  ['2001:db8::7', 1, '2001:db8::7'],
  ['203.0.113.7', 0, undefined],
  ['203.0.113.7', 2, undefined],
  ['', 1, undefined],
  [undefined, 1, undefined],
])('X-Forwarded-For %o behind %i proxies is %o', (header, proxies, address) => {
  expect(forwardedAddress(header, proxies)).toBe(address);
});
