import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { archiveDelivery } from '../../shared/contracts/history.ts';
import * as contract from '../../shared/contracts/packages.ts';
import { getWorkflow, type WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { customer, type Harness, operator, service, startHarness } from '../../tests/harness/service.ts';
import { deliveryHistoryService } from '../delivery-history/delivery-history.functions.ts';
import { packageService } from './package.functions.ts';

let harness: Harness;
let next = 0;
/** Workflows that the scheduler still knows. */
const workflows = new Map<string, 'under way' | 'ended' | 'away'>();
let asked = 0;

beforeAll(async () => {
  harness = await startHarness({ containers: ['packages', 'history'] });
  harness.add('package', packageService);
  harness.add('delivery-history', deliveryHistoryService);
  harness.answer(getWorkflow, async ({ params: { deliveryId } }) => {
    asked++;
    const workflow = workflows.get(deliveryId);
    if (!workflow) throw new AppError('not_found', 'there is no such workflow');
    if (workflow === 'away') throw new AppError('dependency_unavailable', 'the scheduler is away');
    return { status: 200 as const, body: workflowView(deliveryId, workflow === 'ended') };
  });
});
beforeEach(() => {
  workflows.clear();
  asked = 0;
});
afterAll(() => harness[Symbol.asyncDispose]());

const fresh = () => `p-${++next}`;
const parcel = { size: 'Small', weight: 1.5, tag: 'blue' };

function workflowView(deliveryId: string, ended: boolean): WorkflowView {
  const [at, place] = ['2026-11-23T12:00:01.000Z', { latitude: 47.6, longitude: -122.3, altitude: 0 }];
  return {
    deliveryId,
    owner: { userId: 'user-1', accountId: 'contoso' },
    state: ended ? 'Processed' : 'Processing',
    step: ended ? 'completed' : 'reserveDrone',
    attempts: 1,
    generation: 1,
    pastPivot: ended,
    deliveryCreated: true,
    ...(ended ? { outcome: { kind: 'completed', reasons: [], at } } : {}),
    updatedAt: at,
    plan: { pickup: place, dropoff: place },
    audit: [],
  };
}

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

describe('P2 the compensation of a workflow', () => {
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

  test.each([parcel, { size: 'Small', weight: 1 }])(
    'restores the package %j that was there before, once (P2, W9)',
    async (before) => {
      const id = fresh();
      await put(id, before);
      for (const weight of [2, 3]) await put(id, { size: 'Large', weight, tag: 'w' }, { by, madeBy: 'w1' });
      expect((await get(id)).body).toEqual({ id, size: 'Large', weight: 3, tag: 'w' });
      expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
      expect((await get(id)).body).toEqual({ id, ...before });
      await patch(id, { weight: 9 });
      expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
      expect((await get(id)).body).toEqual({ id, ...before, weight: 9 });
    },
  );

  test('leaves what was written after the end of the delivery', async () => {
    const [since, taken] = [fresh(), fresh()];
    for (const id of [since, taken]) await put(id, parcel, { by, madeBy: 'w1' });
    workflows.set('w1', 'ended');
    await patch(since, { tag: 'mine' });
    await put(taken, { ...parcel, weight: 4 }, { by, madeBy: 'w2' });
    for (const id of [since, taken]) expect((await remove(id, { by, madeBy: 'w1' })).status).toBe(204);
    expect((await get(since)).body).toEqual({ id: since, ...parcel, tag: 'mine' });
    expect((await get(taken)).body).toEqual({ id: taken, ...parcel, weight: 4 });
    await remove(taken, { by, madeBy: 'w2' });
    expect((await get(taken)).body).toEqual({ id: taken, ...parcel });
  });

  test('is for services, which name their account', async () => {
    expect((await put(fresh(), parcel, { madeBy: 'w1' })).status).toBe(403);
    expect((await remove(fresh(), { madeBy: 'w1' })).status).toBe(403);
    expect((await put(fresh(), parcel, { by: service() })).status).toBe(403);
  });
});

describe('a package of a delivery under way', () => {
  const by = service('contoso');
  const claimed = async () => {
    const id = fresh();
    await put(id, parcel, { by, madeBy: 'first' });
    workflows.set('first', 'under way');
    return id;
  };
  const writes: [string, (id: string) => ReturnType<typeof put>][] = [
    ['another delivery', (id) => put(id, { size: 'Large', weight: 2 }, { by, madeBy: 'second' })],
    ['PUT of a customer', (id) => put(id, { size: 'Large', weight: 2 })],
    ['PATCH of a customer', (id) => patch(id, { weight: 999 })],
    ['DELETE of a customer', (id) => remove(id)],
  ];

  test.each(writes)(
    'is not changed by %s: 409, until the delivery has ended (P1, W8, W9, M6)',
    async (_, write) => {
      const id = await claimed();
      expect(await write(id)).toMatchObject({
        status: 409,
        body: { code: 'conflict', detail: expect.stringContaining('delivery first, which is under way') },
      });
      expect((await get(id)).body).toEqual({ id, ...parcel });
      workflows.set('first', 'ended');
      expect((await write(id)).status).toBeLessThan(300);
    },
  );

  test('stays claimed while the scheduler cannot be asked, and is free once it has forgotten the delivery', async () => {
    const id = await claimed();
    workflows.set('first', 'away');
    expect((await patch(id, { weight: 2 })).status).toBe(503);
    workflows.delete('first');
    expect((await patch(id, { weight: 2 })).status).toBe(200);
  });

  test('is claimed by one of two deliveries at the same moment', async () => {
    const id = fresh();
    for (const each of ['a', 'b']) workflows.set(each, 'under way');
    const answers = await Promise.all(['a', 'b'].map((madeBy) => put(id, parcel, { by, madeBy })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });

  test('costs no call of the scheduler while only its own delivery writes', async () => {
    const id = await claimed();
    await put(id, { ...parcel, weight: 2 }, { by, madeBy: 'first' });
    await remove(id, { by, madeBy: 'first' });
    await put(id, parcel);
    expect(asked).toBe(0);
  });
});

describe('the summary', () => {
  const summary = (ownerId: string, month: number, by = customer(ownerId)) =>
    harness.request(contract.summarizePackages, {
      as: by,
      params: { ownerId },
      query: { year: '2026', month: String(month) },
    });
  const archive = (deliveryId: string, accountId: string, kind: string, weight: number) =>
    harness.request(archiveDelivery, {
      as: service(accountId),
      params: { deliveryId },
      body: {
        deliveryId,
        owner: { userId: 'ann', accountId },
        stage: kind === 'completed' ? 'Completed' : 'Failed',
        outcome: { kind, reasons: [], at: '2026-11-02T10:00:00.000Z' },
        pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
        dropoff: { latitude: 47.61, longitude: -122.31, altitude: 0 },
        package: { id: 'x', weight, size: 'Small' },
        confirmationRequired: 'None',
        confirmed: false,
        distance: 1340,
        requestedAt: '2026-11-01T00:00:00.000Z',
        endedAt: '2026-11-02T10:00:00.000Z',
        events: [],
      },
    });

  test('adds up what completed deliveries carried in the month, of this account only', async () => {
    await archive('d1', 'weights', 'completed', 1.25);
    await archive('d1', 'weights', 'completed', 1.25);
    await archive('d2', 'weights', 'completed', 2.5);
    await archive('d3', 'others', 'completed', 1.5);
    for (const kind of ['returned', 'cancelled', 'failed']) await archive(`d-${kind}`, 'weights', kind, 8);
    expect((await summary('weights', 11)).body).toEqual({ totalWeight: 3.75 });
    expect((await summary('weights', 10)).body).toEqual({ totalWeight: 0 });
    expect((await summary('weights', 11, customer('others'))).status).toBe(404);
    expect((await summary('weights', 11, operator)).body).toEqual({ totalWeight: 3.75 });
  });

  test('is not changed by a later write of a package (W8)', async () => {
    const by = customer('frozen');
    await put('x', { size: 'Small', weight: 1.2 }, { by });
    await archive('d4', 'frozen', 'completed', 1.2);
    await put('never-sent', { size: 'Large', weight: 500 }, { by });
    await patch('x', { weight: 90 }, { by });
    expect((await summary('frozen', 11)).body).toEqual({ totalWeight: 1.2 });
    await remove('x', { by });
    expect((await summary('frozen', 11)).body).toEqual({ totalWeight: 1.2 });
  });
});

test('while the database is away, the answer is 503 with a time to come back', async () => {
  harness.cosmos.faults.add({ kind: 'unavailable', container: 'packages' });
  const answer = await put(fresh(), parcel);
  harness.cosmos.faults.clear();
  expect(answer.status).toBe(503);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});
