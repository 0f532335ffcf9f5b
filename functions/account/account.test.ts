import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/accounts.ts';
import {
  admin,
  customer,
  type Harness,
  operator,
  service,
  startHarness,
} from '../../tests/harness/service.ts';
import { SUBJECTS } from '../../tests/harness/subjects.ts';
import { accountService } from './account.functions.ts';
import type { HoldDocument } from './schemas.ts';

let harness: Harness;
let next = 0;

beforeAll(async () => {
  harness = await startHarness({ containers: ['accounts'] });
  harness.add('account', accountService);
});
afterAll(() => harness[Symbol.asyncDispose]());

async function register(quota = 5): Promise<string> {
  const accountId = `account-${++next}`;
  const body = { name: 'Contoso', quota };
  await harness.request(contract.putAccount, { as: operator, params: { accountId }, body });
  const params = { accountId, userId: 'ann' };
  await harness.request(contract.putUser, { as: operator, params, body: { name: 'Ann' } });
  return accountId;
}
const hold = (accountId: string, deliveryId: string, userId = 'ann') =>
  harness.request(contract.holdQuota, {
    as: service(accountId),
    params: { accountId, deliveryId },
    body: { userId },
  });
const release = (accountId: string, deliveryId: string, settled: 'true' | 'false' = 'false') =>
  harness.request(contract.releaseQuota, {
    as: service(accountId),
    params: { accountId, deliveryId },
    query: { settled },
  });
const read = async (accountId: string) =>
  (await harness.request(contract.getAccount, { as: operator, params: { accountId } })).body;
const suspend = (accountId: string, status: 'active' | 'suspended') =>
  harness.request(contract.putAccount, {
    as: operator,
    params: { accountId },
    body: { name: 'Contoso', quota: 5, status },
  });

describe('a business', () => {
  test('is registered once, changed by PUT, and keeps what it holds', async () => {
    const accountId = await register(2);
    await hold(accountId, 'd1');
    const changed = await suspend(accountId, 'suspended');
    expect(changed).toMatchObject({ status: 200, body: { status: 'suspended', quota: 5, held: 1 } });
    expect(changed.headers['etag']).toBeTruthy();
  });

  test('registered twice at once is one, and neither call fails', async () => {
    const put = () =>
      harness.request(contract.putAccount, {
        as: operator,
        params: { accountId: 'twice' },
        body: { name: 'Twice' },
      });
    const statuses = (await Promise.all([put(), put(), put()])).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 201]);
  });

  test('If-Match that is not its etag is refused with 412, also where there is none', async () => {
    const accountId = await register();
    const headers = { 'if-match': '"old"' };
    const body = { name: 'Other' };
    for (const id of [accountId, 'nobody']) {
      const options = { as: operator, params: { accountId: id }, headers, body };
      const answer = await harness.request(contract.putAccount, options);
      expect(answer).toMatchObject({ status: 412, body: { code: 'etag_mismatch' } });
    }
    expect(await read(accountId)).toMatchObject({ name: 'Contoso' });
  });

  test('of another account is 404 for its users, in every route', async () => {
    const accountId = await register();
    for (const route of [contract.getAccount, contract.accountExists]) {
      expect((await harness.request(route, { as: customer('other'), params: { accountId } })).status).toBe(
        404,
      );
      expect((await harness.request(route, { as: service('other'), params: { accountId } })).status).toBe(
        404,
      );
    }
    const users = await harness.request(contract.listUsers, { as: admin('other'), params: { accountId } });
    expect(users.status).toBe(404);
    const hold = { accountId, deliveryId: 'delivery-of-another' };
    for (const [route, body] of [
      [contract.holdQuota, { userId: 'alice' }],
      [contract.releaseQuota, undefined],
    ] as const) {
      const asked = { as: service('other'), params: hold, ...(body ? { body } : {}) };
      expect((await harness.request(route, asked)).status).toBe(404);
    }
    const params = { accountId, userId: 'mallory' };
    const added = await harness.request(contract.putUser, {
      as: admin('other'),
      params,
      body: { name: 'M', role: 'account-admin' },
    });
    expect(added.status).toBe(404);
  });

  test('the original’s route answers true or false, from data', async () => {
    const accountId = await register();
    const ask = async (id: string) =>
      (await harness.request(contract.accountExists, { as: operator, params: { accountId: id } })).body;
    expect(await ask(accountId)).toBe(true);
    await suspend(accountId, 'suspended');
    expect(await ask(accountId)).toBe(false);
    expect(await ask('nobody')).toBe(false);
  });

  test('has users: added 201, changed 200, listed; not of a business that is none', async () => {
    const accountId = await register();
    const put = (id: string, userId: string) =>
      harness.request(contract.putUser, {
        as: admin(id),
        params: { accountId: id, userId },
        body: { name: 'Bob', email: 'bob@contoso.example' },
      });
    expect((await put(accountId, 'bob')).status).toBe(201);
    expect((await put(accountId, 'bob')).status).toBe(200);
    expect((await put('nobody', 'bob')).status).toBe(404);
    const list = await harness.request(contract.listUsers, { as: admin(accountId), params: { accountId } });
    expect(list.body).toMatchObject({ users: [{ id: 'ann' }, { id: 'bob', email: 'bob@contoso.example' }] });
  });

  test('keeps quota and status that PUT does not name: a new name lifts no suspension (W12, M6)', async () => {
    const accountId = await register(7);
    const put = (body: object) =>
      harness.request(contract.putAccount, { as: operator, params: { accountId }, body });
    await put({ name: 'Contoso', status: 'suspended', reason: 'unpaid' });
    expect((await put({ name: 'Contoso Ltd' })).body).toMatchObject({ quota: 7, status: 'suspended' });
    expect((await put({ name: 'Contoso Ltd', status: 'active' })).body).toMatchObject({
      quota: 7,
      status: 'active',
    });
  });

  test('is changed field by field by PATCH, with If-Match only over what the caller saw (W12)', async () => {
    const accountId = await register(7);
    const patch = (body: object, headers = {}) =>
      harness.request(contract.patchAccount, { as: operator, params: { accountId }, body, headers });
    const first = await patch({ quota: 9 });
    expect(first).toMatchObject({ status: 200, body: { name: 'Contoso', quota: 9, status: 'active' } });
    const etag = String(first.headers['etag']);
    expect((await patch({ status: 'suspended' }, { 'if-match': etag })).status).toBe(200);
    expect(await patch({ quota: 1 }, { 'if-match': etag })).toMatchObject({ status: 412 });
    expect(await read(accountId)).toMatchObject({ quota: 9, status: 'suspended' });
    expect((await patch({ quota: null })).status).toBe(400);
    const params = { accountId: 'nobody' };
    const none = await harness.request(contract.patchAccount, { as: operator, params, body: { quota: 1 } });
    expect(none.status).toBe(404);
  });

  test('says who changed what, when, why, from what to what, to operators alone (W12)', async () => {
    const accountId = await register(7);
    const body = { status: 'suspended', reason: 'unpaid since August' };
    await harness.request(contract.patchAccount, { as: operator, params: { accountId }, body });
    expect((await read(accountId))?.['audit']).toMatchObject([
      { action: 'registered', by: 'operator-1', after: { quota: 7 } },
      {
        action: 'suspended',
        by: 'operator-1',
        at: harness.clock.now.toISOString(),
        reason: 'unpaid since August',
        before: { status: 'active' },
        after: { status: 'suspended' },
      },
    ]);
    const seen = await harness.request(contract.getAccount, {
      as: customer(accountId),
      params: { accountId },
    });
    expect(seen.body).not.toHaveProperty('audit');
  });

  test('loses no change to a hold that is made at the same moment', async () => {
    const accountId = await register(50);
    const patch = (quota: number) =>
      harness.request(contract.patchAccount, { as: operator, params: { accountId }, body: { quota } });
    const holds = Array.from({ length: 10 }, (_, n) => hold(accountId, `d-${n}`));
    const answers = await Promise.all([...holds, patch(40), patch(41)]);
    expect(answers.map(({ status }) => status)).not.toContain(503);
    expect(await read(accountId)).toMatchObject({ held: 10 });
  });

  test('follows its list of users: a demoted or removed admin administers nothing from that moment (W14)', async () => {
    const accountId = await register();
    const as = { ...admin(accountId), subject: 'adam' };
    const params = { accountId, userId: 'adam' };
    const list = () => harness.request(contract.listUsers, { as, params: { accountId } });
    const put = (role: string) =>
      harness.request(contract.putUser, { as: operator, params, body: { name: 'Adam', role } });
    expect((await list()).status).toBe(200);
    await put('account-admin');
    expect((await list()).status).toBe(200);
    await put('customer');
    expect(await list()).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    await put('account-admin');
    const remove = () => harness.request(contract.removeUser, { as: operator, params });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
    expect((await list()).status).toBe(403);
    const users = await harness.request(contract.listUsers, { as: operator, params: { accountId } });
    expect(users.body).toMatchObject({ users: [{ id: 'ann' }] });
    expect((await hold(accountId, 'd-adam', 'adam')).body).toMatchObject({ code: 'account_unknown' });
    expect((await put('account-admin')).status).toBe(201);
    expect((await list()).status).toBe(200);
  });

  test('a customer whom the list makes an admin stays within the token’s roles (W14)', async () => {
    const accountId = await register();
    const params = { accountId, userId: 'ann' };
    const body = { name: 'Ann', role: 'account-admin' };
    await harness.request(contract.putUser, { as: operator, params, body });
    const as = customer(accountId, 'ann');
    expect((await harness.request(contract.listUsers, { as, params: { accountId } })).status).toBe(403);
  });

  test('lists the holds that stand and were made before a time, for the supervisor (W13)', async () => {
    const accountId = await register();
    await hold(accountId, 'held-early');
    await hold(accountId, 'held-and-released');
    await release(accountId, 'held-and-released');
    const list = async (before: string, as = service()) => {
      const { body } = await harness.request(contract.listHolds, { as, query: { before } });
      const { holds } = body as { holds: { accountId: string; deliveryId: string }[] };
      return holds.filter((each) => each.accountId === accountId).map(({ deliveryId }) => deliveryId);
    };
    const { now } = harness.clock;
    expect(await list(now.toISOString())).toEqual([]);
    const later = new Date(now.getTime() + 1000).toISOString();
    expect(await list(later)).toEqual(['held-early']);
    expect(await list(later, service('other'))).toEqual([]);
  });

  test('tells before a request whether it would be held, and holds nothing (W20)', async () => {
    const accountId = await register(1);
    const ask = (id = accountId, userId = 'ann') =>
      harness.request(contract.checkAdmission, {
        as: service(),
        params: { accountId: id },
        query: { userId },
      });
    expect(await ask()).toMatchObject({ status: 200, body: { held: 0, quota: 1 } });
    expect((await ask('nobody')).body).toMatchObject({ status: 403, code: 'account_unknown' });
    expect((await ask(accountId, 'mallory')).body).toMatchObject({ code: 'account_unknown' });
    await hold(accountId, 'd1');
    expect((await ask()).body).toMatchObject({ code: 'over_quota' });
    await suspend(accountId, 'suspended');
    expect((await ask()).body).toMatchObject({ code: 'account_suspended' });
    expect(await read(accountId)).toMatchObject({ held: 1 });
  });

  test('has users of any identity provider: each is added, listed under its own id, and may ship', async () => {
    const accountId = await register(SUBJECTS.length);
    for (const [index, userId] of SUBJECTS.entries()) {
      // As the host hands it over: everything decoded but the slash.
      const params = { accountId, userId: userId.replaceAll('/', '%2F') };
      const options = { as: operator, params, body: { name: 'Another name' } };
      expect(await harness.request(contract.putUser, options)).toMatchObject({
        status: 201,
        body: { id: userId },
      });
      expect((await hold(accountId, `d-${index}`, userId)).status).toBe(201);
    }
    const list = await harness.request(contract.listUsers, { as: operator, params: { accountId } });
    const { users } = list.body as { users: { id: string }[] };
    expect(users.map(({ id }) => id).toSorted()).toEqual(['ann', ...SUBJECTS].toSorted());
  });
});

describe('quota', () => {
  test('is held once per delivery, also by calls at the same moment', async () => {
    const accountId = await register();
    const answers = await Promise.all(Array.from({ length: 6 }, () => hold(accountId, 'same')));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 200, 200, 200, 200, 201,
    ]);
    expect(await read(accountId)).toMatchObject({ held: 1 });
  });

  test('is never exceeded by calls at the same moment', async () => {
    const accountId = await register(5);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => hold(accountId, `d${n}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(7);
    expect(refused.every(({ body }) => body?.['code'] === 'over_quota')).toBe(true);
    expect(await read(accountId)).toMatchObject({ held: 5 });
  });

  test('is refused with its own code: unknown account, foreign user, suspended', async () => {
    const accountId = await register();
    expect(await hold('nobody', 'd')).toMatchObject({ status: 403, body: { code: 'account_unknown' } });
    expect(await hold(accountId, 'd', 'eve')).toMatchObject({
      status: 403,
      body: { code: 'account_unknown' },
    });
    await suspend(accountId, 'suspended');
    expect(await hold(accountId, 'd')).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
    await suspend(accountId, 'active');
    expect((await hold(accountId, 'd')).status).toBe(201);
  });

  test('that is held already stays so on a retry, though the account is suspended meanwhile', async () => {
    const accountId = await register();
    await hold(accountId, 'd');
    await suspend(accountId, 'suspended');
    expect((await hold(accountId, 'd')).status).toBe(200);
  });

  test('is released once, no matter how often and when it is requested', async () => {
    const accountId = await register();
    await hold(accountId, 'd1');
    await hold(accountId, 'd2');
    const answers = await Promise.all(Array.from({ length: 5 }, () => release(accountId, 'd1')));
    expect(answers.every(({ status }) => status === 204)).toBe(true);
    expect(await read(accountId)).toMatchObject({ held: 1, settled: {} });
  });

  test('settled counts for the month, once; a release that comes late takes nothing back', async () => {
    const accountId = await register();
    await hold(accountId, 'd1');
    await Promise.all([release(accountId, 'd1', 'true'), release(accountId, 'd1', 'true')]);
    await release(accountId, 'd1', 'false');
    expect(await read(accountId)).toMatchObject({ held: 0, settled: { '2026-11': 1 } });
  });

  test('a hold that comes after its release holds nothing: 409 stale', async () => {
    const accountId = await register();
    expect((await release(accountId, 'late')).status).toBe(204);
    expect(await hold(accountId, 'late')).toMatchObject({ status: 409, body: { code: 'stale' } });
    expect(await read(accountId)).toMatchObject({ held: 0 });
  });

  test('of a business that is none is released without a trace', async () => {
    expect((await release('nobody', 'd')).status).toBe(204);
    const store = harness.database.store<HoldDocument>('accounts');
    expect(await store.read('hold-d', 'nobody')).toBeUndefined();
  });

  test('the held counter is the number of holds, after any order of holds and releases', async () => {
    const accountId = await register(100);
    const ids = Array.from({ length: 10 }, (_, n) => `mix-${n}`);
    await Promise.all(
      ids.flatMap((id) => [hold(accountId, id), hold(accountId, id), release(accountId, id)]),
    );
    const sql = "SELECT VALUE COUNT(1) FROM c WHERE c.type = 'hold' AND c.status = 'Held'";
    const options = { partitionKey: accountId };
    const { items } = await harness.database.store('accounts').query<number>(sql, {}, options);
    expect(await read(accountId)).toMatchObject({ held: items[0] });
  });

  test('a throttled database is 429 or 503, never a 500, and nothing is counted twice after the retry', async () => {
    const accountId = await register();
    harness.cosmos.faults.add({ kind: 'unavailable', container: 'accounts', operation: 'batch' });
    const answer = await hold(accountId, 'd');
    harness.cosmos.faults.clear();
    expect(answer).toMatchObject({ status: 503 });
    expect((await hold(accountId, 'd')).status).toBe(201);
    expect(await read(accountId)).toMatchObject({ held: 1 });
  });

  test('an answer that was lost after the write is found by the retry', async () => {
    const accountId = await register();
    harness.cosmos.faults.add({ kind: 'drop', container: 'accounts', operation: 'batch', count: 1 });
    await hold(accountId, 'd');
    expect([200, 201]).toContain((await hold(accountId, 'd')).status);
    expect(await read(accountId)).toMatchObject({ held: 1 });
  });

  test('is for services only', async () => {
    const accountId = await register();
    const params = { accountId, deliveryId: 'd' };
    const options = { as: customer(accountId), params, body: { userId: 'ann' } };
    expect((await harness.request(contract.holdQuota, options)).status).toBe(403);
  });
});
