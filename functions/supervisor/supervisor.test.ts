import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { releaseDrone } from '../../shared/contracts/drones.ts';
import * as contract from '../../shared/contracts/supervisor.ts';
import { nudgeWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { customer, type Harness, operator, service, startHarness } from '../../tests/harness/service.ts';
import { supervisorService } from './supervisor.functions.ts';

let harness: Harness;
let sequence = 0;
const nudged: string[] = [];
const reasons: (string | undefined)[] = [];
const released: string[] = [];

beforeAll(async () => {
  harness = await startHarness({ containers: ['deadLetters', 'workItems'] });
  harness.add('supervisor', supervisorService);
  harness.answer(nudgeWorkflow, ({ params: { deliveryId }, body }) => {
    if (deliveryId === 'unknown') return Promise.reject(new AppError('not_found', 'no workflow'));
    nudged.push(deliveryId);
    reasons.push(body?.reason);
    return Promise.resolve({ status: 202, body: { deliveryId, action: 'woken' } });
  });
  harness.answer(releaseDrone, ({ params }) => {
    released.push(params.deliveryId);
    return Promise.resolve({ status: 204 });
  });
});
afterAll(() => harness[Symbol.asyncDispose]());

const letter = (more: object = {}) => ({
  hub: 'drone-events',
  partition: '2',
  sequenceNumber: ++sequence,
  reason: 'not JSON',
  step: 'scheduler.parse',
  payload: JSON.stringify({ deliveryId: 'd-7', kind: 'Delivered' }),
  encoding: 'text',
  properties: { traceparent: '00-a', count: 3, nested: { x: 1 } },
  ...more,
});
const record = (body: ReturnType<typeof letter>) =>
  harness.request(contract.recordDeadLetter, { as: service(), body });
const paramsOf = (
  answer: { body: Readonly<Record<string, unknown>> | undefined },
  day = '2026-11-23',
  hub = 'drone-events',
) => ({
  hub,
  day,
  letterId: String(answer.body?.['id']),
});
type Params = ReturnType<typeof paramsOf>;
const replay = (params: Params, body: object = {}) =>
  harness.request(contract.replayDeadLetter, { as: operator, params, body });
const discard = (params: Params) =>
  harness.request(contract.discardDeadLetter, { as: operator, params, body: { note: 'hopeless' } });
const list = async (query: Record<string, string>) =>
  (await harness.request(contract.listDeadLetters, { as: operator, query })).body?.['deadLetters'] as {
    id: string;
  }[];

describe('dead letters', () => {
  test('are recorded once, also at the same moment, and when the repetition comes on another day', async () => {
    const body = letter();
    const statuses = (await Promise.all([record(body), record(body), record(body)])).map((a) => a.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 201]);
    harness.clock.advance(24 * 3600);
    const again = await record(body);
    harness.clock.advance(-24 * 3600);
    expect(again.status).toBe(200);
    const mine = (await list({ hub: 'drone-events' })).filter(({ id }) => id === again.body?.['id']);
    expect(mine).toHaveLength(1);
  });

  test('are listed newest first, by hub and status, within the limit', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      harness.clock.advance(1);
      ids.unshift(String((await record(letter({ hub: 'drone-telemetry' }))).body?.['id']));
    }
    expect((await list({ hub: 'drone-telemetry' })).map(({ id }) => id)).toEqual(ids);
    expect((await list({ hub: 'drone-telemetry', limit: '2' })).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    await discard(paramsOf({ body: { id: ids[0] } }, '2026-11-23', 'drone-telemetry'));
    const open = await list({ hub: 'drone-telemetry', status: 'Open' });
    expect(open.map(({ id }) => id)).toEqual(ids.slice(1));
    expect((await list({})).length).toBeGreaterThan(ids.length);
  });

  test('are listed page by page, each once, also those of one millisecond, and without their payloads', async () => {
    const hub = 'drone-commands';
    const ids = new Set<string>();
    for (let n = 0; n < 7; n++) ids.add(String((await record(letter({ hub }))).body?.['id']));
    const seen: string[] = [];
    let continuation: string | undefined;
    do {
      const query = { hub, limit: '3', ...(continuation ? { continuation } : {}) };
      const page = await harness.request(contract.listDeadLetters, { as: operator, query });
      const letters = page.body?.['deadLetters'] as { id: string }[];
      expect(letters.length).toBeLessThanOrEqual(3);
      for (const each of letters) {
        for (const field of ['payload', 'properties', 'encoding']) expect(each).not.toHaveProperty(field);
        seen.push(each.id);
      }
      continuation = page.body?.['continuation'] as string | undefined;
    } while (continuation);
    expect(seen).toHaveLength(ids.size);
    expect(new Set(seen)).toEqual(ids);
    for (const wrong of ['x', "x' OR 1=1", 'bm90IGEga2V5']) {
      const query = { hub, continuation: wrong };
      const answer = await harness.request(contract.listDeadLetters, { as: operator, query });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'query.continuation' }] } });
    }
  });

  test('are read with their payload, and with the one that was replayed in its place', async () => {
    const body = letter();
    const params = paramsOf(await record(body));
    const read = () => harness.request(contract.getDeadLetter, { as: operator, params });
    const { payload, properties, encoding } = body;
    expect(await read()).toMatchObject({
      status: 200,
      body: { payload, properties, encoding, status: 'Open' },
    });
    await replay(params, { payload: '{"deliveryId":"d-8"}' });
    expect((await read()).body).toMatchObject({ payload, correctedPayload: '{"deliveryId":"d-8"}' });
  });

  test('of which only the beginning was kept are replayed with a corrected payload only', async () => {
    const params = paramsOf(await record(letter({ cutFrom: 1_048_577 })));
    const before = harness.published.length;
    const refused = await replay(params);
    expect(refused).toMatchObject({ status: 422, body: { code: 'not_serviceable' } });
    expect(refused.body?.['detail']).toContain('1048577 bytes');
    expect(harness.published).toHaveLength(before);
    expect((await replay(params, { payload: '{"deliveryId":"d-8"}' })).status).toBe(200);
  });

  test('expire 90 days after their last change, and so does the mark of where they lie', async () => {
    const params = paramsOf(await record(letter()));
    const store = harness.database.store<{ id: string; ttl: number }>('deadLetters');
    const stored = await Promise.all(
      [params.day, 'places'].map((day) => store.read(params.letterId, [params.hub, day])),
    );
    expect(stored.map((each) => each?.item.ttl)).toEqual([90 * 86_400, 90 * 86_400]);
  });

  test('are replayed as they came: bytes, properties, the hub’s key; and the operator is written down', async () => {
    const body = letter();
    const params = paramsOf(await record(body));
    const answer = await replay(params, { note: 'fixed' });
    const { hub, message } = harness.published.at(-1) ?? {};
    expect(hub).toBe('drone-events');
    expect(message?.key).toBe('d-7');
    expect(String(message?.body)).toBe(body.payload);
    expect(message?.properties).toEqual({ traceparent: '00-a', count: '3', replayOf: params.letterId });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'Replayed',
        audit: [
          {
            by: 'operator-1',
            action: 'replayed',
            note: 'fixed',
            at: expect.any(String),
            before: { status: 'Open' },
            after: { status: 'Replayed' },
          },
        ],
      },
    });
    expect(answer.body).not.toHaveProperty('claimedUntil');
  });

  test('that are bytes come back as the same bytes; a corrected payload goes in their place', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    const raw = { payload: bytes.toString('base64'), encoding: 'base64' };
    const [one, two] = [paramsOf(await record(letter(raw))), paramsOf(await record(letter(raw)))];
    await replay(one);
    expect(harness.published.at(-1)?.message.body).toEqual(bytes);
    const corrected = await replay(two, { payload: '{"deliveryId":"d-8"}' });
    expect(String(harness.published.at(-1)?.message.body)).toBe('{"deliveryId":"d-8"}');
    expect(harness.published.at(-1)?.message.key).toBe('d-8');
    expect(corrected.body).toMatchObject({ audit: [{ action: 'replayed with a corrected payload' }] });
  });

  test('of a request go by the delivery inside it', async () => {
    const payload = JSON.stringify({ operation: 'delivery', request: { deliveryId: 'd-9' } });
    const params = paramsOf(
      await record(letter({ hub: 'delivery-requests', payload })),
      '2026-11-23',
      'delivery-requests',
    );
    await replay(params);
    expect(harness.published.at(-1)?.message.key).toBe('d-9');
  });

  test('are replayed by one of two operators; a replayed one is neither replayed nor discarded', async () => {
    const params = paramsOf(await record(letter()));
    const before = harness.published.length;
    const statuses = (await Promise.all([replay(params), replay(params), replay(params)])).map(
      (a) => a.status,
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    expect(harness.published.length).toBe(before + 1);
    expect([(await replay(params)).status, (await discard(params)).status]).toEqual([409, 409]);
  });

  test('stay open while the broker is away, with the attempt written down', async () => {
    const params = paramsOf(await record(letter()));
    harness.broker.away = true;
    const failed = await replay(params);
    harness.broker.away = false;
    expect(failed.status).toBe(503);
    const answer = await replay(params);
    expect(answer.body).toMatchObject({ audit: [{ action: 'replay failed' }, { action: 'replayed' }] });
  });

  test('are discarded once, with a note; of a hub that is none they cannot be replayed', async () => {
    const params = paramsOf(await record(letter({ hub: 'gone' })), '2026-11-23', 'gone');
    expect(await replay(params)).toMatchObject({ status: 422 });
    await discard(params);
    const again = await discard(params);
    const change = { before: { status: 'Open' }, after: { status: 'Discarded' } };
    expect(again.body).toMatchObject({ status: 'Discarded', audit: [{ note: 'hopeless', ...change }] });
    expect(again.body?.['audit']).toHaveLength(1);
    expect((await discard({ ...params, letterId: 'none' })).status).toBe(404);
    const noNote = await harness.request(contract.discardDeadLetter, { as: operator, params, body: {} });
    expect(noNote.status).toBe(400);
  });

  test('are for operators only', async () => {
    const params = paramsOf(await record(letter()));
    for (const as of [customer('contoso'), service()]) {
      expect((await harness.request(contract.listDeadLetters, { as, query: {} })).status).toBe(403);
      expect((await harness.request(contract.replayDeadLetter, { as, params, body: {} })).status).toBe(403);
    }
  });
});

describe('work items', () => {
  const facts = { deliveryId: 'w1', kind: 'CompensationFailed', step: 'bookCarrier', detail: 'it did not' };
  const add = (more: object = {}) =>
    harness.request(contract.recordWorkItem, { as: service(), body: { ...facts, ...more } });
  const settle = (deliveryId: string, itemId: string, action: string) =>
    harness.request(contract.settleWorkItem, {
      as: operator,
      params: { deliveryId, itemId },
      body: { action, note: 'done' },
    });
  const items = async (query: Record<string, string> = {}) =>
    (await harness.request(contract.listWorkItems, { as: operator, query })).body?.['workItems'] as {
      deliveryId: string;
      status: string;
    }[];

  test('are recorded once per delivery, kind and step', async () => {
    const statuses = (await Promise.all([add(), add(), add({ step: 'holdQuota' })])).map((a) => a.status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(2);
    expect((await items()).filter(({ deliveryId }) => deliveryId === 'w1')).toHaveLength(2);
  });

  test('settled by a retry wake the workflow, and open again when it fails again', async () => {
    const id = String((await add({ deliveryId: 'w2' })).body?.['id']);
    const settled = await settle('w2', id, 'retry');
    const change = { before: { status: 'Open' }, after: { status: 'Settled', settledBy: 'retry' } };
    const act = { by: 'operator-1', action: 'retry', note: 'done', at: expect.any(String), ...change };
    expect(settled.body).toMatchObject({ status: 'Settled', audit: [act] });
    expect(nudged.filter((each) => each === 'w2')).toHaveLength(1);
    expect(reasons.at(nudged.indexOf('w2'))).toMatch(/^operator-1 retries the work item /);
    await settle('w2', id, 'retry');
    expect(nudged.filter((each) => each === 'w2')).toHaveLength(1);
    await add({ deliveryId: 'w2', detail: 'again' });
    const open = (await items({ status: 'Open' })).filter(({ deliveryId }) => deliveryId === 'w2');
    expect(open).toMatchObject([{ detail: 'again', audit: [{ action: 'retry' }, { action: 'reopened' }] }]);
  });

  test('closed by hand stay closed, and expire after 90 days; open ones do not expire', async () => {
    const id = String((await add({ deliveryId: 'w3' })).body?.['id']);
    const store = harness.database.store<{ id: string; ttl?: number }>('workItems');
    expect((await store.read(id, 'w3'))?.item.ttl).toBeUndefined();
    await settle('w3', id, 'close');
    expect((await store.read(id, 'w3'))?.item.ttl).toBe(90 * 86_400);
    expect((await add({ deliveryId: 'w3' })).status).toBe(200);
    expect((await items({ status: 'Open' })).some(({ deliveryId }) => deliveryId === 'w3')).toBe(false);
    expect(nudged).not.toContain('w3');
  });

  test('an orphan is released by the retry; what cannot be retried stays open', async () => {
    const orphan = { deliveryId: 'w4', kind: 'OrphanReservation', step: 'reserveDrone' };
    await settle('w4', String((await add(orphan)).body?.['id']), 'retry');
    expect(released).toEqual(['w4']);
    const id = String((await add({ deliveryId: 'unknown' })).body?.['id']);
    expect((await settle('unknown', id, 'retry')).status).toBe(404);
    expect((await items({ status: 'Open' })).some(({ deliveryId }) => deliveryId === 'unknown')).toBe(true);
    expect((await settle('w4', 'none', 'close')).status).toBe(404);
  });
});
