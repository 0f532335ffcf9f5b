import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/packages.ts';
import { customer, type Harness, operator, service, startHarness } from '../../tests/harness/service.ts';
import { packageService } from './package.functions.ts';

let harness: Harness;
let next = 0;

beforeAll(async () => {
  harness = await startHarness({ containers: ['packages'] });
  harness.add('package', packageService);
});
afterAll(() => harness[Symbol.asyncDispose]());

const fresh = () => `p-${++next}`;
const parcel = { size: 'Small', weight: 1.5, tag: 'blue' };

interface Options {
  readonly by?: ReturnType<typeof customer>;
  readonly madeBy?: string;
  readonly ifMatch?: string;
}
const extras = ({ madeBy, ifMatch }: Options) => ({
  query: madeBy ? { madeBy } : {},
  headers: ifMatch ? { 'if-match': ifMatch } : {},
});
const put = (packageId: string, body: unknown, options: Options = {}) =>
  harness.request(contract.putPackage, {
    as: options.by ?? customer('contoso'),
    params: { packageId },
    body,
    ...extras(options),
  });
const get = (packageId: string, by = customer('contoso')) =>
  harness.request(contract.getPackage, { as: by, params: { packageId } });
const patch = (packageId: string, body: unknown, options: Options = {}) =>
  harness.request(contract.patchPackage, {
    as: options.by ?? customer('contoso'),
    params: { packageId },
    body,
    ...extras(options),
  });
const remove = (packageId: string, options: Options = {}) =>
  harness.request(contract.deletePackage, {
    as: options.by ?? customer('contoso'),
    params: { packageId },
    ...extras(options),
  });

describe('a package', () => {
  test('is created 201 with its body, replaced 204, read 200, removed 204, then 404', async () => {
    const id = fresh();
    expect(await put(id, parcel)).toMatchObject({ status: 201, body: { id, ...parcel } });
    const replaced = await put(id, { id, size: 'large', weight: 2 });
    expect(replaced.status).toBe(204);
    expect(await get(id)).toMatchObject({ status: 200, body: { id, size: 'Large', weight: 2 } });
    expect((await get(id)).headers['etag']).toBe(replaced.headers['etag']);
    expect((await remove(id)).status).toBe(204);
    expect((await get(id)).status).toBe(404);
    expect((await remove(id)).status).toBe(404);
  });

  test('with another id in the body than in the path is 400 at that field', async () => {
    const answer = await put(fresh(), { ...parcel, id: 'other' });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.id' }] } });
  });

  test('is merged by PATCH: absent stays, null goes, also as application/json', async () => {
    const id = fresh();
    await put(id, parcel);
    expect((await patch(id, { weight: 3 })).body).toEqual({ id, size: 'Small', weight: 3, tag: 'blue' });
    expect((await patch(id, { tag: null })).body).toEqual({ id, size: 'Small', weight: 3 });
    expect((await patch(id, { size: null })).status).toBe(400);
    expect((await patch(fresh(), { weight: 3 })).status).toBe(404);
  });

  test('is written only over what the caller saw, with If-Match', async () => {
    const id = fresh();
    const first = (await put(id, parcel)).headers['etag'] ?? '';
    await patch(id, { weight: 2 });
    for (const answer of [
      await put(id, parcel, { ifMatch: first }),
      await patch(id, { weight: 9 }, { ifMatch: first }),
      await remove(id, { ifMatch: first }),
      await put(fresh(), parcel, { ifMatch: '*' }),
    ]) {
      expect(answer).toMatchObject({ status: 412, body: { code: 'etag_mismatch' } });
    }
    expect((await get(id)).body).toMatchObject({ weight: 2 });
    const seen = (await get(id)).headers['etag'] ?? '';
    const both = await Promise.all([1, 2].map((n) => patch(id, { weight: n + 10 }, { ifMatch: seen })));
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
  });

  test('merged by many at the same moment loses no field', async () => {
    const id = fresh();
    await put(id, parcel);
    const answers = await Promise.all([
      patch(id, { weight: 7 }),
      patch(id, { tag: 'red' }),
      patch(id, { size: 'Large' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await get(id)).body).toEqual({ id, size: 'Large', weight: 7, tag: 'red' });
  });
});

describe('defects of the original', () => {
  test('8: an id chosen by one account does not touch another’s package of that id', async () => {
    const id = fresh();
    const [a, b] = [customer('account-a'), customer('account-b')];
    expect((await put(id, { ...parcel, tag: 'a' }, { by: a })).status).toBe(201);
    expect((await get(id, b)).status).toBe(404);
    expect((await patch(id, { tag: 'b' }, { by: b })).status).toBe(404);
    expect((await remove(id, { by: b })).status).toBe(404);
    expect((await put(id, { ...parcel, tag: 'b' }, { by: b })).status).toBe(201);
    expect((await get(id, a)).body).toMatchObject({ tag: 'a' });
    expect((await get(id, b)).body).toMatchObject({ tag: 'b' });
  });

  test('9: the same id with another tag replaces: one document, one answer', async () => {
    const id = fresh();
    const by = customer('account-tags');
    const tags = ['red', 'green', 'blue'];
    const statuses = (await Promise.all(tags.map((tag) => put(id, { ...parcel, tag }, { by })))).map(
      (a) => a.status,
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 204, 204]);
    await put(id, { ...parcel, tag: 'last' }, { by });
    expect((await get(id, by)).body).toMatchObject({ tag: 'last' });
    const sql = 'SELECT VALUE COUNT(1) FROM c WHERE c.id = @id';
    const options = { partitionKey: 'account-tags' };
    expect((await harness.database.store('packages').query<number>(sql, { id }, options)).items).toEqual([1]);
  });
});

describe('the compensation of a workflow', () => {
  const by = service('contoso');

  test('removes what the workflow made, as often as it is asked, also when there is nothing', async () => {
    const id = fresh();
    await put(id, parcel, { by, madeBy: 'w1' });
    await put(id, parcel, { by, madeBy: 'w1' });
    expect((await remove(id, { by, madeBy: 'w2' })).status).toBe(204);
    expect((await get(id)).status).toBe(200);
    expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
    expect((await get(id)).status).toBe(404);
    expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
  });

  test('leaves what was there before, what the customer wrote since, and what another workflow uses', async () => {
    const [before, since, shared] = [fresh(), fresh(), fresh()];
    await put(before, parcel);
    await put(before, parcel, { by, madeBy: 'w1' });
    await put(since, parcel, { by, madeBy: 'w1' });
    await patch(since, { tag: 'mine' });
    await put(shared, parcel, { by, madeBy: 'w1' });
    await put(shared, parcel, { by, madeBy: 'w2' });
    for (const id of [before, since, shared]) {
      expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
      expect((await get(id)).status).toBe(200);
    }
  });

  test('is for services, which name their account', async () => {
    expect((await put(fresh(), parcel, { madeBy: 'w1' })).status).toBe(403);
    expect((await remove(fresh(), { madeBy: 'w1' })).status).toBe(403);
    expect((await put(fresh(), parcel, { by: service() })).status).toBe(403);
  });
});

describe('the summary', () => {
  const summary = (ownerId: string, month: number, by = customer(ownerId)) =>
    harness.request(contract.summarizePackages, {
      as: by,
      params: { ownerId },
      query: { year: '2026', month: String(month) },
    });

  test('adds up the weights of the month, of this account only', async () => {
    const by = customer('weights');
    await put('x', { size: 'Small', weight: 1.25 }, { by });
    await put('y', { size: 'Small', weight: 2.5 }, { by });
    await put('x', { size: 'Small', weight: 1.5 }, { by: customer('others') });
    expect((await summary('weights', 11)).body).toEqual({ totalWeight: 3.75 });
    expect((await summary('weights', 10)).body).toEqual({ totalWeight: 0 });
    expect((await summary('weights', 11, customer('others'))).status).toBe(404);
    const all = { as: operator, params: { ownerId: 'weights' }, query: { year: '2026', month: '11' } };
    expect((await harness.request(contract.summarizePackages, all)).body).toEqual({ totalWeight: 3.75 });
  });
});

test('while the database is away, the answer is 503 with a time to come back', async () => {
  harness.cosmos.faults.add({ kind: 'unavailable', container: 'packages' });
  const answer = await put(fresh(), parcel);
  harness.cosmos.faults.clear();
  expect(answer.status).toBe(503);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});
