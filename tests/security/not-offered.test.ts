/** Fields of the public language that the service does not honour yet are refused with 422 and an explanation (W2, W4). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../shared/http/define-route.ts';
import { CLAIMS } from './callers.ts';
import { CALLERS, EXPECTED } from './matrix-table.ts';
import { ROUTES, titleOf } from './routes.ts';
import { sampleOf } from './samples.ts';
import { schemaOf } from './slots.ts';
import { startWorld, type World } from './world.ts';

/** By field: a value that the contract allows. */
const NOT_OFFERED: Readonly<Record<string, unknown>> = {
  pickupTime: '2026-11-23T13:00:00.000Z',
  expedited: true,
};

const isForPeople = ({ auth }: Route) =>
  auth !== 'public' && auth.some((role) => role === 'customer' || role === 'account-admin');
const CASES = ROUTES.filter((route) => route.hasBody && isForPeople(route)).flatMap((route) =>
  Object.keys(schemaOf(route.body).properties ?? {})
    .filter((field) => field in NOT_OFFERED)
    .map((field) => [titleOf(route), field, route] as const),
);

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

test('the routes that take such a field are found in the contracts', () => {
  expect(CASES.map(([title, field]) => `${title} ${field}`)).toEqual(
    expect.arrayContaining([
      'POST deliveryrequests pickupTime',
      'POST deliveryrequests expedited',
      'PATCH deliveryrequests/{deliveryId} pickupTime',
      'POST quotes expedited',
    ]),
  );
});

describe.each(CASES)('%s with %s', (title, field, route) => {
  test('is 422, names the field, says what to do, and changes nothing', async () => {
    const caller = CALLERS.find((each) => EXPECTED.get(title)?.[each][0] === '+');
    const token = await world.issuer.token(caller ? CLAIMS[caller] : {});
    const { params, query, body } = sampleOf(route, world.contoso);
    const [before, published] = [await world.contents(), world.harness.published.length];
    const reply = await world.harness.request(route, {
      params,
      query,
      headers: { authorization: `Bearer ${token}` },
      body: { ...(body as object), [field]: NOT_OFFERED[field] },
    });
    expect(reply).toMatchObject({
      status: 422,
      body: {
        code: 'not_serviceable',
        errors: [{ path: `body.${field}`, message: expect.stringMatching(/leave it out/) }],
      },
    });
    expect(await world.contents()).toEqual(before);
    expect(world.harness.published).toHaveLength(published);
  });
});
