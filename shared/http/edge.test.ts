import pino from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { putDrone } from '../contracts/drones.ts';
import { MAX_BODY_BYTES } from './define-route.ts';
import { refusalOf } from './fallback.ts';
import { endpoint, serve } from './pipeline.ts';
import { collect, readBody } from './request-body.ts';

const streamOf = (chunks: number, size: number, pulled = vi.fn()) => {
  let left = chunks;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        pulled();
        if (left-- > 0) controller.enqueue(new Uint8Array(size));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
};

test('the token is checked before the body is read', async () => {
  const handler = vi.fn();
  const verify = vi.fn(async () => ({ subject: 'ann', roles: ['customer'] as const }));
  const source = vi.fn(async () => new TextEncoder().encode('{}'));
  const request = { method: 'POST', params: {}, query: {}, body: source };
  const deps = { verify, log: pino({ level: 'silent' }) };
  const answers = [
    await serve(endpoint(putDrone, handler), { ...request, headers: {} }, deps),
    await serve(endpoint(putDrone, handler), { ...request, headers: { authorization: 'Bearer t' } }, deps),
  ];
  expect(answers.map(({ status }) => status)).toEqual([401, 403]);
  expect([source, handler].map((one) => one.mock.calls.length)).toEqual([0, 0]);
});

describe('B1: a body is read up to the limit', () => {
  test('one of exactly the limit is taken', async () => {
    expect((await collect(streamOf(4, MAX_BODY_BYTES / 4))).byteLength).toBe(MAX_BODY_BYTES);
  });

  test('an endless one is stopped there', async () => {
    const pulled = vi.fn();
    const endless = collect(streamOf(Number.POSITIVE_INFINITY, 64 * 1024, pulled));
    await expect(endless).rejects.toMatchObject({ code: 'body_too_large', status: 413 });
    expect(pulled.mock.calls.length).toBeLessThan(8);
  });

  test('one that says its length is refused unread', async () => {
    const source = vi.fn();
    const headers = { 'content-length': String(MAX_BODY_BYTES + 1) };
    await expect(readBody(source, headers)).rejects.toMatchObject({ status: 413 });
    expect(source).not.toHaveBeenCalled();
  });

  test('one of an in-process call, too', async () => {
    const bytes = new Uint8Array(MAX_BODY_BYTES + 1);
    await expect(readBody(bytes, {})).rejects.toMatchObject({ status: 413 });
    await expect(readBody(undefined, {})).resolves.toBeUndefined();
  });
});

test.each(['gzip', 'br', 'deflate', 'gzip, identity'])(
  'B2: a body in %s is 415, unread',
  async (encoding) => {
    const source = vi.fn();
    const reading = readBody(source, { 'content-encoding': encoding });
    await expect(reading).rejects.toMatchObject({ code: 'unsupported_media_type', status: 415 });
    expect(source).not.toHaveBeenCalled();
  },
);

describe('a request that no function matches', () => {
  const routes = [
    { method: 'GET', path: 'drones/{droneId}' },
    { method: 'PUT', path: 'drones/{droneId}' },
    { method: 'GET', path: 'drones' },
  ] as const;

  test.each([
    ['DELETE', 'drones/d1', 405, 'GET, PUT'],
    ['POST', 'drones', 405, 'GET'],
    ['GET', 'nothing', 404, undefined],
    ['GET', 'drones/', 404, undefined],
    ['GET', 'drones/d1/', 404, undefined],
    ['GET', 'drones//d1', 404, undefined],
    // A host that hands over a path it should have matched: never 405 for a method that is allowed.
    ['GET', 'drones', 404, undefined],
  ])('%s %s is %i', (method, path, status, allow) => {
    const refusal = refusalOf(routes, method, path);
    expect([refusal.status, refusal.options.headers?.['allow']]).toEqual([status, allow]);
  });
});
