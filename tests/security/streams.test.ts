/**
 * Every route, stream, socket and ticket of tracking × every caller × whose it is, on a real broker with real tokens. The expectations are
 * streams-table.ts: one without a row fails.
 *
 * A1 A token that is missing or wrong is 401, for every stream.
 * A2 Another account's delivery is answered like one that does not exist.
 * A4 A ticket opens the stream that it was made for, once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../tracking/fan-out/tickets.ts';
import { createRoutes, type RoutesOptions } from '../../tracking/http/routes.ts';
import { type Broker, refusedUpgrade, startBroker, startOn, until } from '../../tracking/tracking.fixture.ts';
import type { Tracking } from '../../tracking/tracking.ts';
import { sampleOf, stageEvent } from '../../tracking/world.fixture.ts';
import { startTokenIssuer, type TokenIssuer } from '../harness/tokens.ts';
import { BAD_TOKENS, CLAIMS, STRONG } from './callers.ts';
import { CALLERS, type Verdict } from './matrix-table.ts';
import { OPEN, STREAMS } from './streams-table.ts';

const UNLIMITED = {
  LIMIT_REQUESTS_PER_PRINCIPAL: '1000000',
  LIMIT_REQUESTS_PER_ADDRESS: '1000000',
  LIMIT_WRONG_TOKENS_PER_ADDRESS: '1000000',
  LIMIT_STREAMS_PER_PRINCIPAL: '1000',
  LIMIT_SOCKETS_PER_ADDRESS: '1000',
};
const SOURCE = readFileSync(join(import.meta.dirname, '../../tracking/http/server.ts'), 'utf8');

/** What a stream can be about; a new kind of scope does not compile until it is here, and then needs its rows. */
type ScopeName = Scope extends infer S ? (S extends object ? keyof S : never) : never;
const SCOPES: Readonly<Record<ScopeName, string>> = { deliveryId: '/track/{deliveryId}', fleet: '/fleet' };

interface Place {
  readonly deliveryId: string;
  readonly droneId: string;
}
const PLACES: readonly Place[] = [
  { deliveryId: 'of-contoso', droneId: 'drone-1' },
  { deliveryId: 'of-tailwind', droneId: 'drone-2' },
  { deliveryId: 'of-no-account', droneId: 'drone-none' },
];

let broker: Broker;
let tracking: Tracking;
let issuer: TokenIssuer;
let cells = 0;

beforeAll(async () => {
  [broker, issuer] = await Promise.all([startBroker(), startTokenIssuer()]);
  tracking = await startOn(broker, UNLIMITED, { verify: issuer.verify });
  await tracking.rebuilt;
  for (const accountId of ['contoso', 'tailwind']) {
    const event = stageEvent(`of-${accountId}`, 'Created', 0);
    const data = { ...(event.data as object), owner: { userId: 'someone', accountId } };
    await broker.publish('domain-events', event.subject, { ...event, data });
  }
  const isKnown = (id: string) => tracking.tracker.deliveries.find(id) !== undefined;
  await until(() => isKnown('of-contoso') && isKnown('of-tailwind'), 'both deliveries', 30_000);
}, 60_000);
afterAll(async () => {
  await tracking?.close();
  await broker?.[Symbol.asyncDispose]();
  await issuer?.[Symbol.asyncDispose]();
});

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

async function ask(path: string, init: RequestInit): Promise<Reply> {
  const stop = new AbortController();
  const response = await fetch(`http://127.0.0.1:${tracking.port}${path}`, { ...init, signal: stop.signal });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const text = isStream ? '' : await response.text();
  stop.abort();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

function post(path: string, token: string | undefined, body: unknown): Promise<Reply> {
  const headers = { ...bearer(token), 'content-type': 'application/json' };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Asks as the row says; with a ticket, first for the ticket. */
async function enter(row: string, { deliveryId, droneId }: Place, token: string | undefined): Promise<Reply> {
  cells += 1;
  const [method = '', target = ''] = row.split(' ');
  const about = (text: string) => (text.includes('fleet') ? { fleet: true } : { deliveryId });
  if (target.startsWith('/tickets')) return post('/tickets', token, about(target));
  if (method === 'POST') return post(target, token, { samples: [sampleOf(droneId)] });
  const [template = '', ticketed] = target.split('?');
  const path = template.replace('{deliveryId}', deliveryId);
  let query = '';
  if (ticketed) {
    const made = await post('/tickets', token, about(template));
    if (made.status !== 201) return made;
    query = `?ticket=${(made.body as { ticket: string }).ticket}`;
  }
  const headers = ticketed ? {} : bearer(token);
  if (method === 'SSE') return ask(`${path}${query}`, { headers });
  const status = await refusedUpgrade(`ws://127.0.0.1:${tracking.port}${path}${query}`, headers);
  return { status, body: undefined };
}

const REFUSED: Readonly<Record<Exclude<Verdict, '+' | '0'>, number>> = { '-': 404, R: 403, F: 403, N: 403 };

function check(verdict: Verdict, { status }: Reply, who: string): void {
  if (verdict === '+' || verdict === '0') expect([101, 200, 201, 202], `${who}: ${status}`).toContain(status);
  else expect(status, who).toBe(REFUSED[verdict]);
}

test('every route, stream and ticket of tracking has its row, and every row exists', () => {
  const written = [...SOURCE.matchAll(/^ \* {3}(WS|POST|GET) +(\/\S+)/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const { open, guarded } = createRoutes({} as RoutesOptions);
  const served = [
    ...open.keys(),
    ...guarded.keys(),
    'WS /telemetry',
    ...Object.values(SCOPES).map((path) => `GET ${path}`),
  ];
  expect(written.toSorted()).toEqual(served.toSorted());
  expect([...open.keys()].toSorted()).toEqual([...OPEN].toSorted());
  const scopes = Object.entries(SCOPES);
  const wanted = [
    'WS /telemetry',
    ...[...guarded.keys()].filter((route) => route !== 'POST /tickets'),
    ...scopes.map(([name]) => `POST /tickets{${name}}`),
    ...scopes.flatMap(([, path]) =>
      ['SSE', 'WS'].flatMap((kind) => [`${kind} ${path}`, `${kind} ${path}?ticket`]),
    ),
  ];
  expect([...STREAMS.keys()].toSorted()).toEqual(wanted.toSorted());
  for (const row of STREAMS.values()) {
    for (const caller of CALLERS) expect(row[caller].join('')).toMatch(/^[-+R]{2}$/);
  }
});

describe.each([...STREAMS])('%s', (row, expected) => {
  test('A1 a token that is missing or wrong is 401', async () => {
    for (const [name, make] of Object.entries(BAD_TOKENS)) {
      const token = await make(issuer);
      for (const place of PLACES)
        expect({ name, status: (await enter(row, place, token)).status }).toEqual({ name, status: 401 });
    }
  });

  test('A1 a token without a role, or with an unknown one, opens nothing', async () => {
    for (const roles of [[], ['root', 'Operator', 'customer ']]) {
      const token = await issuer.token({ ...STRONG, drone: 'drone-1', roles });
      for (const place of PLACES) expect([403, 404]).toContain((await enter(row, place, token)).status);
    }
  });

  test('A2 callers are let in, refused or told that there is nothing, as the table has it', async () => {
    for (const caller of CALLERS) {
      const token = await issuer.token(CLAIMS[caller]);
      const replies = await Promise.all(PLACES.map((place) => enter(row, place, token)));
      const none = replies[2] as Reply;
      for (const [index, verdict] of expected[caller].entries()) {
        const reply = replies[index] as Reply;
        check(verdict, reply, `${caller}, ${PLACES[index]?.deliveryId}`);
        if (verdict === '-') expect(reply, caller).toEqual(none);
      }
      expect(none.status, `${caller}, of no account`).toBeLessThan(500);
    }
  });
});

test.each(OPEN)('%s is open, and says nothing of a delivery, a drone or an account', async (route) => {
  const { status, body } = await ask(route.replace('GET ', ''), {});
  expect(status).toBe(200);
  expect(JSON.stringify(body)).not.toMatch(/of-contoso|contoso|tailwind|drone-1/);
});

describe('A4 a ticket', () => {
  const ticketFor = async (body: unknown) => {
    const made = await post('/tickets', await issuer.token(CLAIMS.olivia), body);
    return (made.body as { ticket: string }).ticket;
  };
  const opens = async (path: string) => (await ask(path, {})).status;

  test('opens one stream once', async () => {
    const ticket = await ticketFor({ deliveryId: 'of-contoso' });
    expect(await opens(`/track/of-contoso?ticket=${ticket}`)).toBe(200);
    expect(await opens(`/track/of-contoso?ticket=${ticket}`)).toBe(401);
  });

  test.each([
    [{ deliveryId: 'of-contoso' }, '/track/of-tailwind'],
    [{ deliveryId: 'of-contoso' }, '/fleet'],
    [{ fleet: true }, '/track/of-contoso'],
  ])('for %j does not open %s', async (scope, path) => {
    expect(await opens(`${path}?ticket=${await ticketFor(scope)}`)).toBe(401);
  });

  test.each(['', 'x', '../..', 'undefined'])('that was made up (%j) opens nothing', async (ticket) => {
    expect(await opens(`/track/of-contoso?ticket=${ticket}`)).toBe(401);
    expect(await opens(`/fleet?ticket=${ticket}`)).toBe(401);
  });
});

test('at least 800 cells were asked', () => {
  expect(cells).toBeGreaterThanOrEqual(800);
});
