import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/history.ts';
import { customer, type Harness, operator, service, startHarness } from '../../tests/harness/service.ts';
import { deliveryHistoryService } from './delivery-history.functions.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness({ containers: ['history'] });
  harness.add('delivery-history', deliveryHistoryService);
});
afterAll(() => harness[Symbol.asyncDispose]());

const entry = (deliveryId: string, accountId: string, endedAt: string, more: object = {}) => ({
  deliveryId,
  owner: { userId: 'ann', accountId },
  stage: 'Completed',
  outcome: { kind: 'completed', reasons: [], at: endedAt },
  pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
  dropoff: { latitude: 47.61, longitude: -122.31, altitude: 0 },
  package: { id: 'p', weight: 1, size: 'Small' },
  confirmationRequired: 'None',
  confirmed: false,
  droneId: 'drone-1',
  distance: 1340,
  requestedAt: '2026-09-01T00:00:00.000Z',
  endedAt,
  events: [{ sequence: 0, stage: 'Created', at: '2026-09-01T00:00:00.000Z' }],
  ...more,
});
const archive = (body: ReturnType<typeof entry>, by = service(body.owner.accountId)) =>
  harness.request(contract.archiveDelivery, { as: by, params: { deliveryId: body.deliveryId }, body });
const get = (deliveryId: string, by = customer('contoso')) =>
  harness.request(contract.getHistoryEntry, { as: by, params: { deliveryId } });
const search = async (ownerId: string, query: Record<string, string> = {}, by = customer(ownerId)) => {
  const answer = await harness.request(contract.searchHistory, { as: by, query: { ownerId, ...query } });
  const entries = (answer.body?.['entries'] ?? []) as { deliveryId: string }[];
  return { ...answer, ids: entries.map((each) => each.deliveryId) };
};

describe('archiving', () => {
  test('writes one entry, 201, then 204, also by calls at the same moment', async () => {
    const body = entry('once', 'contoso', '2026-11-01T10:00:00.000Z');
    const statuses = (await Promise.all([archive(body), archive(body), archive(body)])).map((a) => a.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 204, 204]);
    expect((await get('once')).body).toEqual(body);
  });

  test('again with another end, in another month, makes no second entry', async () => {
    await archive(entry('moved', 'moving', '2026-10-31T23:59:59.900Z'));
    expect((await archive(entry('moved', 'moving', '2026-11-01T00:00:00.100Z'))).status).toBe(204);
    const { ids } = await search('moving');
    expect(ids).toEqual(['moved']);
    expect((await get('moved', customer('moving'))).body).toMatchObject({
      endedAt: '2026-10-31T23:59:59.900Z',
    });
  });

  test('that was interrupted between its two writes is completed by the retry', async () => {
    harness.cosmos.faults.add({ kind: 'drop', container: 'history', operation: 'create', count: 1 });
    const body = entry('torn', 'contoso', '2026-11-02T10:00:00.000Z');
    await archive(body);
    expect([201, 204]).toContain((await archive(body)).status);
    expect((await get('torn')).status).toBe(200);
  });

  test('of another account, or of another id than the path’s, is refused', async () => {
    const body = entry('foreign', 'contoso', '2026-11-01T10:00:00.000Z');
    expect((await archive(body, service('other'))).status).toBe(403);
    const options = { as: service('contoso'), params: { deliveryId: 'another' }, body };
    expect((await harness.request(contract.archiveDelivery, options)).status).toBe(400);
    expect((await get('foreign')).status).toBe(404);
  });
});

describe('reading', () => {
  test('another account’s entry is 404; an operator sees it, and a service for its account', async () => {
    await archive(entry('mine', 'contoso', '2026-11-03T10:00:00.000Z'));
    expect((await get('mine', customer('other'))).status).toBe(404);
    expect((await get('mine', service('other'))).status).toBe(404);
    expect((await get('mine', operator)).status).toBe(200);
    expect((await get('mine', service('contoso'))).status).toBe(200);
    expect((await get('none', operator)).status).toBe(404);
  });
});

describe('search', () => {
  const ends = Array.from({ length: 25 }, (_, n) => new Date(Date.UTC(2026, 8, 1 + n * 3, 12)).toISOString());

  beforeAll(async () => {
    await Promise.all(
      ends.map((at, n) => archive(entry(`s-${n}`, 'searcher', at, n % 5 === 0 ? { stage: 'Failed' } : {}))),
    );
  });

  test('answers newest first, across months, and only one’s own', async () => {
    const { ids } = await search('searcher');
    expect(ids).toEqual(ends.map((_, n) => `s-${n}`).toReversed());
    expect((await search('searcher', {}, customer('other'))).status).toBe(404);
    expect((await search('searcher', {}, operator)).ids).toHaveLength(25);
  });

  test('takes a time from (inclusive), to (exclusive), with any offset, and a stage', async () => {
    const [from, to] = [ends[5] as string, ends[10] as string];
    expect((await search('searcher', { from, to })).ids).toEqual(['s-9', 's-8', 's-7', 's-6', 's-5']);
    const offset = { from: from.replace('T12:00:00.000Z', 'T14:00:00+02:00'), to };
    expect((await search('searcher', offset)).ids).toEqual(['s-9', 's-8', 's-7', 's-6', 's-5']);
    expect((await search('searcher', { stage: 'Failed' })).ids).toEqual([
      's-20',
      's-15',
      's-10',
      's-5',
      's-0',
    ]);
  });

  test('pages to the end without a gap or a repetition, though entries come in meanwhile', async () => {
    const all: string[] = [];
    let continuation: string | undefined;
    do {
      const page = await search('searcher', {
        limit: '4',
        to: ends[24] as string,
        ...(continuation ? { continuation } : {}),
      });
      expect(page.ids.length).toBeLessThanOrEqual(4);
      all.push(...page.ids);
      continuation = page.body?.['continuation'] as string | undefined;
      await archive(entry(`new-${all.length}`, 'searcher', '2026-12-01T00:00:00.000Z'));
    } while (continuation);
    expect(all).toEqual(
      ends
        .slice(0, 24)
        .map((_, n) => `s-${n}`)
        .toReversed(),
    );
  });

  test('entries that ended at the same moment are each on one page', async () => {
    const at = '2026-11-05T00:00:00.000Z';
    await Promise.all(['a', 'b', 'c'].map((id) => archive(entry(id, 'ties', at))));
    const first = await search('ties', { limit: '2' });
    const rest = await search('ties', { limit: '2', continuation: String(first.body?.['continuation']) });
    expect([...first.ids, ...rest.ids].toSorted((a, b) => a.localeCompare(b))).toEqual(['a', 'b', 'c']);
    expect(rest.body?.['continuation']).toBeUndefined();
  });

  test('a continuation that is none is 400 at its field', async () => {
    const answer = await search('searcher', { continuation: "x' OR 1=1" });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'query.continuation' }] } });
  });
});

test('the summary is the weight of what was completed in the month, and for services only', async () => {
  const carried = (deliveryId: string, endedAt: string, weight: number, kind = 'completed') => {
    const outcome = { kind, reasons: [], at: endedAt };
    return archive(
      entry(deliveryId, 'sums', endedAt, { outcome, package: { id: 'p', weight, size: 'Small' } }),
    );
  };
  await carried('sum-1', '2026-11-01T00:00:00.000Z', 1.5);
  await carried('sum-2', '2026-11-30T23:59:59.999Z', 2);
  await carried('sum-3', '2026-12-01T00:00:00.000Z', 16);
  await carried('sum-4', '2026-11-02T00:00:00.000Z', 32, 'returned');
  const summary = (month: string, by = service('sums')) =>
    harness.request(contract.summarizeHistory, {
      as: by,
      params: { ownerId: 'sums' },
      query: { year: '2026', month },
    });
  expect((await summary('11')).body).toEqual({ totalWeight: 3.5 });
  expect((await summary('12')).body).toEqual({ totalWeight: 16 });
  expect((await summary('10')).body).toEqual({ totalWeight: 0 });
  expect((await summary('11', service('others'))).status).toBe(404);
  expect((await summary('11', customer('sums'))).status).toBe(403);
});
