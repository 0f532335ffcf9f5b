/** The keeping of idempotency keys on the real local store. That every route does it: tests/security/headers.test.ts. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createKeyStore } from '../../functions/idempotency-keys.ts';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import type { Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import { CLAIM_SECONDS, createIdempotency, type Idempotency, type KeyDocument } from './idempotency.ts';
import type { PlainResponse } from './pipeline.ts';

let harness: Harness;
let idempotency: Idempotency;
let runs = 0;
beforeAll(async () => {
  harness = await startHarness({ containers: [] });
  const log = createLog({ name: 'test', level: 'silent' });
  idempotency = createIdempotency(createKeyStore(harness.database), () => harness.clock.now, log);
});
afterAll(() => harness[Symbol.asyncDispose]());
afterEach(() => {
  runs = 0;
});

const alice: Principal = { subject: 'alice', roles: ['customer'], accountId: 'contoso' };
const link = (): PlainResponse => ({
  status: 201,
  headers: { 'content-type': 'application/json', location: '/l' },
  body: JSON.stringify({ token: `secret-${++runs}` }),
});
const ask = (
  key: string,
  more: { principal?: Principal; request?: unknown; work?: () => PlainResponse } = {},
) =>
  idempotency.once({ key, principal: more.principal ?? alice, request: more.request ?? ['r'] }, async () =>
    (more.work ?? link)(),
  );
const documents = async () =>
  (await harness.database.store<KeyDocument>('idempotencyKeys').query<KeyDocument>('SELECT * FROM c', {}))
    .items;

test('I1 the same key with the same request gets the first answer, whole, and the work is done once', async () => {
  const first = await ask('one');
  expect([await ask('one'), await ask('one')]).toEqual([first, first]);
  expect(first.headers).toMatchObject({ location: '/l' });
  expect(runs).toBe(1);
});

test('I2 the same key with another request is 422; the order of its fields makes no other request', async () => {
  await ask('two', { request: [{ a: 1, b: 2 }] });
  expect(await ask('two', { request: [{ b: 2, a: 1 }] })).toMatchObject({ status: 201 });
  await expect(ask('two', { request: [{ a: 1, b: 3 }] })).rejects.toMatchObject({
    code: 'idempotency_key_reused',
  });
  expect(runs).toBe(1);
});

describe('I3 while the first request runs', () => {
  const gate = () => Promise.withResolvers<PlainResponse>();
  const slow = (key: string, promise: Promise<PlainResponse>) =>
    idempotency.once({ key, principal: alice, request: ['r'] }, () => promise);

  test('a repetition is 409 with Retry-After, and gets the answer afterwards; of many at once one runs', async () => {
    const { promise, resolve } = gate();
    const first = slow('three', promise);
    await expect.poll(async () => (await documents()).some(({ answer }) => answer === undefined)).toBe(true);
    await expect(ask('three')).rejects.toMatchObject({
      code: 'request_in_progress',
      options: { retryAfterSeconds: 1 },
    });
    resolve(link());
    expect(await ask('three').catch(async () => first.then(() => ask('three')))).toEqual(await first);
    const many = await Promise.allSettled(Array.from({ length: 8 }, () => ask('many')));
    expect(many.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(runs).toBe(2);
  });

  test('a process that died keeps its claim for a minute, then a repetition runs', async () => {
    const { promise, resolve } = gate();
    const died = slow('four', promise);
    await expect.poll(async () => (await documents()).some(({ answer }) => answer === undefined)).toBe(true);
    harness.clock.advance(CLAIM_SECONDS - 1);
    await expect(ask('four')).rejects.toMatchObject({ code: 'request_in_progress' });
    harness.clock.advance(1);
    const second = await ask('four');
    expect(second).toMatchObject({ status: 201 });
    resolve({ status: 200, headers: {}, body: 'late' });
    await died;
    expect(await ask('four')).toEqual(second);
  });
});

test('I4 after a refusal or a failure the key is free, also for another request', async () => {
  const fails = () => {
    throw new AppError('conflict', 'not now');
  };
  await expect(ask('five', { work: fails })).rejects.toMatchObject({ code: 'conflict' });
  expect(await ask('five', { request: ['another'] })).toMatchObject({ status: 201 });
});

test('I5 a reader of the store reads neither the key nor the answer', async () => {
  await ask('a key that is told to nobody');
  const stored = JSON.stringify(await documents());
  expect(stored).not.toMatch(/secret-|told to nobody|alice/);
});

test('I6 another user, and another account, may use the same key; it is kept for a day', async () => {
  await ask('six');
  for (const other of [
    { ...alice, subject: 'anna' },
    { ...alice, accountId: 'tailwind' },
  ]) {
    expect(await ask('six', { principal: other, request: ['other'] })).toMatchObject({ status: 201 });
  }
  expect(runs).toBe(3);
  expect(new Set((await documents()).map(({ ttl }) => ttl))).toEqual(new Set([86_400]));
});
