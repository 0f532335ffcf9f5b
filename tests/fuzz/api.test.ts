/** Requests made from docs/openapi.json, through the pipeline that ships; `npm run fuzz:api` sends 100,000 to the whole system. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom, seedOf } from '../harness/random.ts';
import { CLAIMS } from '../security/callers.ts';
import { ROUTES } from '../security/routes.ts';
import { DROPOFF, PICKUP, startWorld, type World } from '../security/world.ts';
import { createRequests, createTally, markersIn, type OpenApiDocument } from './api-requests.ts';

const REQUESTS = 2_000;
/** Of about 65: the others need what a request of this kind rarely names. */
const LEAST_OPERATIONS = 30;
const CALLERS = {
  customer: ['alice'],
  'account-admin': ['adam'],
  operator: ['olivia'],
  service: ['forC'],
  drone: ['drone'],
  carrier: ['courier'],
} as const;

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

test(`${REQUESTS} requests from the OpenAPI document: no 5xx, and nothing of a rejected one is stored or published`, async () => {
  const document = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8'),
  ) as OpenApiDocument;
  const seed = seedOf('tests/fuzz/api');
  const run = seed.toString(36);
  const { accountId, userId, ...own } = world.contoso;
  const known = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, [String(value)]]));
  const next = createRequests(document, {
    random: createRandom(seed),
    run,
    callers: CALLERS,
    known: {
      ...known,
      accountId: [accountId],
      ownerId: [accountId],
      userId: [userId],
      owner: [{ accountId, userId }],
      pickupLocation: [PICKUP],
      dropOffLocation: [DROPOFF],
      generation: [1],
      fence: [world.contoso.fence],
    },
  });
  const tokens = new Map<string, string>();
  for (const caller of Object.values(CALLERS).flat())
    tokens.set(caller, await world.issuer.token(CLAIMS[caller]));
  const tally = createTally();
  for (let n = 0; n < REQUESTS; n += 1) {
    const { caller, body, ...request } = next(n);
    const route = ROUTES.find(({ operation }) => operation === request.operation);
    // Routes of no service (health, this document) have no handler in this world.
    if (!route) continue;
    const headers = {
      ...(caller === 'forC' ? { 'x-account-id': accountId } : {}),
      ...(caller ? { authorization: `Bearer ${tokens.get(caller)}` } : {}),
      ...request.headers,
    };
    const reply = await world.harness.request(route, {
      params: request.params,
      query: request.query,
      headers,
      ...(body === undefined ? {} : { raw: body }),
    });
    tally.add({ ...request, caller, body }, reply.status, JSON.stringify(reply.body ?? {}));
  }
  expect(tally.failures).toEqual([]);
  expect(tally.operations.size).toBeGreaterThanOrEqual(LEAST_OPERATIONS);
  const stored = markersIn(JSON.stringify([await world.contents(), world.harness.published]), run);
  expect([...stored].filter((marker) => tally.rejected.has(marker))).toEqual([]);
  // What is looked for can be found.
  expect([...stored].filter((marker) => tally.accepted.has(marker)).length).toBeGreaterThan(20);
});
