/**
 * Every route × every caller × whose resource it is, through the pipeline that ships, with real tokens and stores. The
 * expectations are matrix-table.ts: a route without a row fails.
 *
 * A1 A token that is missing or wrong is 401, for every route and resource.
 * A2 What a caller may not reach is answered like what does not exist: same status, same body.
 * A3 A refused call changes nothing in any store and publishes nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../shared/http/define-route.ts';
import type { Reply } from '../harness/service.ts';
import { BAD_TOKENS, CLAIMS, type Claims, STRONG } from './callers.ts';
import { CALLERS, type Caller, EXPECTED, type Verdict } from './matrix-table.ts';
import { ROUTES, titleOf } from './routes.ts';
import { sampleOf } from './samples.ts';
import { type Belongings, startWorld, type World } from './world.ts';

const ACTS_FOR: Partial<Record<Caller, string>> = { forC: 'contoso', forT: 'tailwind' };

/** Callers of whom the table says the same as of another. */
const ALIKE: readonly { name: string; like: Caller; claims: Claims; actsFor?: string }[] = [
  { name: 'another user of the account', like: 'alice', claims: { ...CLAIMS.alice, sub: 'anna' } },
  { name: 'a customer who names another account', like: 'alice', claims: CLAIMS.alice, actsFor: 'tailwind' },
  { name: 'an operator who names an account', like: 'olivia', claims: CLAIMS.olivia, actsFor: 'contoso' },
];

let world: World;
let absent: Belongings;
let cells = 0;
beforeAll(async () => {
  world = await startWorld();
  absent = { ...absentOf(world.contoso), hub: world.contoso.hub, day: world.contoso.day, fence: 1 };
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function absentOf(belongings: Belongings): Belongings {
  const entries = Object.keys(belongings).map((name) => [name, `no-such-${name.toLowerCase()}-at-all`]);
  return Object.fromEntries(entries);
}

async function ask(
  route: Route,
  of: Belongings,
  token: string | undefined,
  actsFor?: string,
): Promise<Reply> {
  const { params, query, body } = sampleOf(route, of);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(actsFor ? { 'x-account-id': actsFor } : {}),
  };
  cells++;
  const reply = await world.harness.request(route, {
    params,
    query,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  if (route.method !== 'GET' && reply.status < 300) await world.restore(route.service);
  return reply;
}

const CODES: Record<Exclude<Verdict, '+'>, { status: number; code?: string }> = {
  '-': { status: 404, code: 'not_found' },
  '0': { status: 404, code: 'not_found' },
  R: { status: 403, code: 'forbidden' },
  F: { status: 403, code: 'forbidden' },
  N: { status: 403, code: 'account_unknown' },
};

function check(verdict: Verdict, reply: Reply, who: string): void {
  if (verdict === '+') {
    const problem = `${who}: ${reply.status} ${JSON.stringify(reply.body)}`;
    expect([401, 403, 404], problem).not.toContain(reply.status);
    expect(reply.status, problem).toBeLessThan(500);
    expect(reply.status, problem).not.toBe(400);
    return;
  }
  expect({ status: reply.status, code: reply.body?.['code'] }, who).toEqual(CODES[verdict]);
}

test('every route has a row, and every row a route', () => {
  expect([...EXPECTED.keys()].toSorted()).toEqual(ROUTES.map(titleOf).toSorted());
  for (const row of EXPECTED.values()) {
    for (const caller of CALLERS) expect(row[caller].join('')).toMatch(/^[-+0RFN]{2}$/);
  }
});

describe.each(ROUTES.map((route) => [titleOf(route), route] as const))('%s', (title, route) => {
  test('A1 a token that is missing or wrong is 401', async () => {
    for (const [name, make] of Object.entries(BAD_TOKENS)) {
      const token = await make(world.issuer);
      for (const of of [world.contoso, world.tailwind, absent]) {
        const reply = await ask(route, of, token);
        if (route.auth !== 'public') expect({ name, status: reply.status }).toEqual({ name, status: 401 });
        else expect(reply.status, name).toBe(of === absent ? 404 : 200);
      }
    }
  });

  test('A2 callers are let in, refused or told that there is nothing, as the table has it', async () => {
    const row = EXPECTED.get(title);
    if (!row) throw new Error(`${title} has no row in matrix-table.ts`);
    const named = CALLERS.map((caller) => ({
      name: caller,
      like: caller,
      claims: CLAIMS[caller],
      actsFor: ACTS_FOR[caller],
    }));
    for (const { name, like, claims, actsFor } of [...named, ...ALIKE]) {
      const token = await world.issuer.token(claims);
      const [ofContoso, ofTailwind] = row[like];
      const first = await ask(route, world.contoso, token, actsFor);
      const second = await ask(route, world.tailwind, token, actsFor);
      const none = await ask(route, absent, token, actsFor);
      check(ofContoso, first, `${name}, contoso's`);
      check(ofTailwind, second, `${name}, tailwind's`);
      for (const [verdict, reply] of [
        [ofContoso, first],
        [ofTailwind, second],
      ] as const) {
        if (verdict === '-' && none.status === 404) expect(reply.body, name).toEqual(none.body);
        if (verdict === 'R') expect(none.status, name).toBe(403);
      }
      expect(none.status, `${name}, nobody's`).toBeLessThan(500);
    }
  });

  test('A1 a token without a role is 403, of an unknown role, too', async () => {
    for (const roles of [[], ['root', 'Operator', 'customer ']]) {
      const token = await world.issuer.token({ ...STRONG, roles });
      for (const of of [world.contoso, world.tailwind, absent]) {
        const reply = await ask(route, of, token);
        if (route.auth !== 'public')
          expect(reply).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      }
    }
  });
});

test('A3 a refused call changes nothing in any store and publishes nothing', async () => {
  await world.restore();
  const before = await world.contents();
  const published = world.harness.published.length;
  const strangers = [CLAIMS.tara, CLAIMS.tom, CLAIMS.lost, CLAIMS.drone, CLAIMS.rival];
  for (const route of ROUTES.filter(({ method }) => method !== 'GET')) {
    for (const claims of strangers) {
      const reply = await ask(route, world.contoso, await world.issuer.token(claims));
      if (reply.status < 300) continue;
      expect([403, 404], titleOf(route)).toContain(reply.status);
    }
  }
  expect(await world.contents()).toEqual(before);
  expect(
    world.harness.published
      .slice(published)
      .filter(({ message }) => message.key === world.contoso.deliveryId),
  ).toEqual([]);
});

test('at least 4,000 cells were asked', () => {
  expect(cells).toBeGreaterThanOrEqual(4000);
});
