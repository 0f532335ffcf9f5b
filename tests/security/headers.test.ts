/** The headers that OpenAPI names are honoured, on every route that names them, and nowhere else named. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveDelivery } from '../../shared/contracts/deliveries.ts';
import type { Route } from '../../shared/http/define-route.ts';
import { openApi } from '../../shared/http/openapi.ts';
import { service } from '../harness/service.ts';
import { CLAIMS } from './callers.ts';
import { CALLERS, EXPECTED } from './matrix-table.ts';
import { ROUTES, titleOf } from './routes.ts';
import { type Sample, sampleOf } from './samples.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const honouring = (header: 'if-match' | 'idempotency-key') =>
  ROUTES.filter(({ honours }) => honours.includes(header)).map((route) => [titleOf(route), route] as const);

/** A delivery is confirmed when it has arrived. */
async function arrive(): Promise<void> {
  const { deliveryId } = world.contoso;
  for (const event of ['HeadedToPickup', 'HeadedToDropoff', 'Completed'] as const) {
    const body = { eventId: event, event, at: '2026-11-23T12:00:00.000Z' };
    await world.harness.request(moveDelivery, { as: service(), params: { deliveryId }, body });
  }
}
const PREPARATIONS: Readonly<Record<string, () => Promise<void>>> = { confirmDelivery: arrive };

type Bend = (sample: Sample) => Partial<Sample>;

async function asked(route: Route, headers: Record<string, string> = {}, bend: Bend = () => ({})) {
  const caller = CALLERS.find((each) => EXPECTED.get(titleOf(route))?.[each][0] === '+');
  if (!caller) throw new Error(`nobody may call ${titleOf(route)}`);
  const authorization = `Bearer ${await world.issuer.token(CLAIMS[caller])}`;
  const sample = sampleOf(route, world.contoso);
  const { params, query, body } = { ...sample, ...bend(sample) };
  const sent = body === undefined ? {} : { body };
  return world.harness.request(route, { params, query, ...sent, headers: { ...headers, authorization } });
}

/** The read of the resource that a route writes. */
function readOf(route: Route): Route {
  const path = route.path.replace(/\/(replay|discard)$/, '');
  const read = ROUTES.find((each) => each.method === 'GET' && each.path === path);
  if (!read) throw new Error(`${titleOf(route)}: nothing reads ${path}`);
  return read;
}

describe('W7: a resource with versions', () => {
  test('has them in every read and write of its path', () => {
    const paths = new Set(ROUTES.filter(({ versioned }) => versioned).map(({ path }) => path));
    const without = ROUTES.filter(({ path, versioned }) => paths.has(path) && !versioned);
    expect(without.map(titleOf)).toEqual([]);
    expect(paths.size).toBeGreaterThanOrEqual(7);
  });

  test.each(honouring('if-match'))('%s goes by the ETag of the resource', async (_, route) => {
    const before = await world.contents();
    expect(await asked(route, { 'if-match': '"another"' })).toMatchObject({
      status: 412,
      body: { code: 'etag_mismatch' },
    });
    expect(await world.contents()).toEqual(before);
    const { etag } = (await asked(readOf(route))).headers;
    expect(etag).toMatch(/^"[^"]+"$/);
    const written = await asked(route, { 'if-match': `"another", ${etag}` });
    expect(written.status, JSON.stringify(written.body)).toBeLessThan(300);
    if (route.method !== 'DELETE' && written.status !== 202) {
      expect(written.headers['etag']).toBe((await asked(readOf(route))).headers['etag']);
    }
    await world.restore();
    expect((await asked(route, { 'if-match': '*' })).status).toBeLessThan(300);
    await world.restore();
  });
});

/** Another request of the same route: another resource, or where the path names none, another parcel. */
const another: Bend = ({ params, body }) => {
  const [last] = Object.keys(params).slice(-1);
  if (last) return { params: { ...params, [last]: last === 'day' ? '2026-01-01' : 'another-one' } };
  const packageInfo = { size: 'Small', weight: 2 };
  return { body: { ...(body as object), packageInfo } };
};

/** A repetition may publish the same message again: it has the same id. */
const messages = () => new Set(world.harness.published.map(({ message }) => JSON.stringify(message)));

describe('W6: an Idempotency-Key', () => {
  test('is honoured on every write that people make, but for the quote, which writes nothing', () => {
    const people = ['customer', 'account-admin', 'operator'];
    const writes = ROUTES.filter(
      ({ method, auth }) =>
        method !== 'GET' && auth !== 'public' && auth.some((role) => people.includes(role)),
    );
    const without = writes.filter(({ honours }) => !honours.includes('idempotency-key'));
    expect(without.map(titleOf)).toEqual(['POST quotes']);
  });

  describe.each(honouring('idempotency-key'))('%s', (_, route) => {
    test('answers a repetition with the same answer, and has its effect once', async () => {
      await PREPARATIONS[route.operation]?.();
      const first = await asked(route, { 'idempotency-key': 'the same' });
      const contents = await world.contents();
      const published = messages();
      const second = await asked(route, { 'idempotency-key': 'the same' });
      expect(first.status, JSON.stringify(first.body)).toBeLessThan(300);
      expect(second).toEqual(first);
      expect(await world.contents()).toEqual(contents);
      expect(messages()).toEqual(published);
      await world.restore();
    });

    test('refuses another request with the same key', async () => {
      await PREPARATIONS[route.operation]?.();
      const first = await asked(route, { 'idempotency-key': 'the same' });
      expect(first.status).toBeLessThan(300);
      const contents = await world.contents();
      expect(await asked(route, { 'idempotency-key': 'the same' }, another)).toMatchObject({
        status: 422,
        body: { code: 'idempotency_key_reused' },
      });
      expect(await world.contents()).toEqual(contents);
      await world.restore();
    });

    test('is no longer than 255 characters', async () => {
      const reply = await asked(route, { 'idempotency-key': 'k'.repeat(256) });
      expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    });
  });
});

test('OpenAPI names these headers and no others', () => {
  const info = { title: 't', version: '1', description: 'd', origin: 'https://api.example' };
  const document = openApi(ROUTES, info) as {
    paths: Record<string, Record<string, { parameters: { name: string; in: string }[] }>>;
  };
  for (const route of ROUTES) {
    const operation = document.paths[`/api/${route.path}`]?.[route.method.toLowerCase()];
    const headers = operation?.parameters
      .filter((each) => each.in === 'header')
      .map(({ name }) => name.toLowerCase());
    expect(headers, titleOf(route)).toEqual(route.honours);
  }
});
