/** The headers that OpenAPI names are honoured, on every route that names them, and nowhere else named (W6, W7). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApi } from '../../shared/http/openapi.ts';
import { CLAIMS } from './callers.ts';
import { CALLERS, EXPECTED } from './matrix-table.ts';
import { ROUTES, titleOf } from './routes.ts';
import { sampleOf } from './samples.ts';
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

async function asked(route: (typeof ROUTES)[number], headers: Record<string, string>) {
  const caller = CALLERS.find((each) => EXPECTED.get(titleOf(route))?.[each][0] === '+');
  if (!caller) throw new Error(`nobody may call ${titleOf(route)}`);
  const authorization = `Bearer ${await world.issuer.token(CLAIMS[caller])}`;
  const { params, query, body } = sampleOf(route, world.contoso);
  const sent = body === undefined ? {} : { body };
  return world.harness.request(route, { params, query, ...sent, headers: { ...headers, authorization } });
}

test.each(honouring('if-match'))(
  '%s refuses an ETag of another state with 412 and changes nothing',
  async (_, route) => {
    const before = await world.contents();
    expect(await asked(route, { 'if-match': '"another"' })).toMatchObject({
      status: 412,
      body: { code: 'etag_mismatch' },
    });
    expect(await world.contents()).toEqual(before);
    expect((await asked(route, { 'if-match': '*' })).status).toBeLessThan(300);
    await world.restore();
  },
);

describe.each(honouring('idempotency-key'))('%s', (_, route) => {
  test('answers a repetition with the same answer, and has its effect once', async () => {
    const first = await asked(route, { 'idempotency-key': 'the same' });
    const contents = await world.contents();
    const second = await asked(route, { 'idempotency-key': 'the same' });
    expect(first.status).toBeLessThan(300);
    expect(second).toEqual(first);
    expect(await world.contents()).toEqual(contents);
    await world.restore();
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
