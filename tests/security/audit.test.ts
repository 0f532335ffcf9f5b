/** Every act of an operator on a delivery, its leftovers or an account is written down (W11): who, when, why, before, after. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLAIMS } from './callers.ts';
import { ROUTES, titleOf } from './routes.ts';
import { sampleOf } from './samples.ts';
import { startWorld, type World } from './world.ts';

/** By operation: what the operator sends beside the sample, and the name of the why. */
const ACTS: Readonly<Record<string, { readonly body: object; readonly why: 'reason' | 'note' }>> = {
  nudgeWorkflow: { body: { reason: 'because' }, why: 'reason' },
  compensateWorkflow: { body: { reason: 'because' }, why: 'reason' },
  settleWorkItem: { body: { action: 'close', note: 'because' }, why: 'note' },
  replayDeadLetter: { body: { note: 'because' }, why: 'note' },
  discardDeadLetter: { body: { note: 'because' }, why: 'note' },
  putAccount: { body: { name: 'contoso', status: 'suspended', reason: 'because' }, why: 'reason' },
  patchAccount: { body: { status: 'suspended', reason: 'because' }, why: 'reason' },
};
/** Registries: their entries say themselves what they are. */
const REGISTRIES = new Set(['putDrone', 'putUser', 'removeUser']);

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

test('every write of operators is one of them, or of a registry', () => {
  const writes = ROUTES.filter(
    ({ method, auth }) => method !== 'GET' && auth !== 'public' && auth.includes('operator'),
  );
  expect(writes.map(({ operation }) => operation).toSorted()).toEqual(
    [...Object.keys(ACTS), ...REGISTRIES].toSorted(),
  );
});

const CASES = ROUTES.filter(({ operation }) => operation in ACTS).map(
  (route) => [titleOf(route), route] as const,
);
test.each(CASES)('%s', async (_, route) => {
  const { body, why } = ACTS[route.operation] ?? { body: {}, why: 'note' };
  const { params, query } = sampleOf(route, world.contoso);
  const authorization = `Bearer ${await world.issuer.token(CLAIMS.olivia)}`;
  const reply = await world.harness.request(route, { params, query, body, headers: { authorization } });
  expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
  const documents = Object.values(await world.contents()).flatMap((container) => Object.values(container));
  const acts = documents.flatMap(({ audit }) => (audit ?? []) as Record<string, unknown>[]);
  expect(acts.filter(({ by, [why]: said }) => by === 'olivia' && said === 'because')).toEqual([
    expect.objectContaining({
      action: expect.any(String),
      at: world.harness.clock.now.toISOString(),
      before: expect.anything(),
      after: expect.anything(),
    }),
  ]);
  await world.restore();
});
