import { expect, test } from 'vitest';
import { cancelRequest, listDrones } from '../../shared/contracts/routes.gen.ts';
import { answerJson, startServer } from '../../tests/harness/http-server.ts';
import { createCall } from './call.ts';
import { ApiProblem, asProblem, problemOf } from './problem.ts';

const REFUSALS: Readonly<Record<string, readonly [number, unknown]>> = {
  d1: [202, { deliveryId: 'd1' }],
  old: [401, { code: 'token_expired', detail: 'the token has expired' }],
  late: [
    409,
    { code: 'package_on_board', detail: 'too late', errors: [{ path: 'a', message: 'b' }, 7, null] },
  ],
  proxy: [502, 'not an object'],
};

async function setUp() {
  const rejected: number[] = [];
  const server = await startServer((request, response) => {
    const [status, body] = REFUSALS[request.url?.split('/').at(-1) ?? ''] ?? [404];
    answerJson(response, status, body);
  });
  const credentials = { token: () => Promise.resolve('secret'), reject: () => rejected.push(1) };
  const call = createCall(credentials, server.origin);
  return {
    server,
    rejected,
    cancel: (deliveryId: string) => call(cancelRequest, { params: { deliveryId } }),
  };
}

test('answers the body, and throws a refusal with its code, words and fields', async () => {
  const { server, rejected, cancel } = await setUp();
  await using _ = server;
  expect(await cancel('d1')).toEqual({ deliveryId: 'd1' });
  await expect(cancel('late')).rejects.toMatchObject({
    status: 409,
    code: 'package_on_board',
    message: 'too late',
    errors: [{ path: 'a', message: 'b' }],
  });
  await expect(cancel('proxy')).rejects.toMatchObject({
    code: 'unknown',
    message: 'The service answered 502.',
  });
  await expect(cancel('none')).rejects.toMatchObject({ status: 404 });
  expect(rejected).toEqual([]);
});

test('reports a token that the service refuses', async () => {
  const { server, rejected, cancel } = await setUp();
  await using _ = server;
  await expect(cancel('old')).rejects.toMatchObject({ code: 'token_expired' });
  expect(rejected).toHaveLength(1);
});

test('no answer, and no token, are problems that may pass', async () => {
  const away = createCall(
    { token: () => Promise.resolve('t'), reject: () => undefined },
    'http://127.0.0.1:1',
  );
  const noToken = createCall({ token: () => Promise.reject(new TypeError('away')), reject: () => undefined });
  for (const call of [away, noToken]) {
    const problem = await call(listDrones).catch((thrown: unknown) => thrown);
    expect(problem).toBeInstanceOf(ApiProblem);
    expect(problem).toMatchObject({ status: 0, code: 'unreachable', mayPass: true });
  }
});

test('which problems may pass', () => {
  const passing = [0, 429, 500, 503].map((status) => problemOf(status, {}).mayPass);
  const final = [400, 401, 403, 404, 409, 422].map((status) => problemOf(status, {}).mayPass);
  expect([...new Set(passing), ...new Set(final)]).toEqual([true, false]);
  const problem = problemOf(404, {});
  expect(asProblem(problem)).toBe(problem);
});
