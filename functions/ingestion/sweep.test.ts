import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/requests.ts';
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import type { Publisher } from '../../shared/messaging/publisher.ts';
import { customer, type Harness, type Reply, service, startHarness } from '../../tests/harness/service.ts';
import { ingestionService } from './ingestion.functions.ts';
import { createRequestRepository, type RequestRepository } from './repository.ts';
import { sweep } from './sweep.ts';

const { south, west, north, east } = SERVICE_AREA.bounds;
const at = (down: number, along: number) => ({
  latitude: north - (north - south) * down,
  longitude: west + (east - west) * along,
});
const REQUEST = {
  ownerId: 'contoso',
  pickupLocation: at(0.4, 0.4),
  dropOffLocation: at(0.7, 0.6),
  packageInfo: { size: 'Small', weight: 1.5 },
};
const KEYED = { 'idempotency-key': 'k' };

let harness: Harness;
let repository: RequestRepository;

beforeAll(async () => {
  harness = await startHarness({ containers: ['requests'] });
  harness.add('ingestion', ingestionService);
  harness.answer(getWorkflow, () => Promise.reject(new AppError('not_found', 'there is no such workflow')));
  repository = createRequestRepository(harness.database);
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(async () => {
  harness.broker.away = false;
  harness.clock.advance(120);
  await sweepNow();
  harness.published.length = 0;
});

const sweepNow = () => sweep(repository, harness.deps('ingestion'));
const submit = (headers: Record<string, string>) =>
  harness.request(contract.submitRequest, { as: customer('contoso'), body: REQUEST, headers });
const accept = async (deliveryId: string) => {
  const params = { deliveryId };
  return (await harness.request(contract.acceptRequest, { as: service('contoso'), params })).body;
};
const stateOf = async (deliveryId: string) => {
  const params = { deliveryId };
  return (await harness.request(contract.getRequest, { as: customer('contoso'), params })).body?.['state'];
};
const messageIds = () => harness.published.map(({ message }) => message.properties?.['messageId']);

interface Interrupted {
  readonly deliveryId: string;
  /** The hub acknowledges after all: the answer to the client. */
  readonly acknowledge: () => Promise<Reply>;
}

/** A request that is recorded, and whose process stands still before the hub has the message. */
async function interrupted(headers: Record<string, string> = {}): Promise<Interrupted> {
  const [reached, acknowledged] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const publish: Publisher['publish'] = (_, [message]) => {
    reached.resolve(String(message?.key));
    return acknowledged.promise;
  };
  harness.add('ingestion', (deps) =>
    ingestionService({ ...deps, publisher: { ...deps.publisher, publish } }),
  );
  const answer = submit(headers);
  harness.add('ingestion', ingestionService);
  const deliveryId = await reached.promise;
  return {
    deliveryId,
    acknowledge: () => {
      acknowledged.resolve();
      return answer;
    },
  };
}

describe('a request that was recorded and not published (V3)', () => {
  test('is published again when it has a key, once, and not before a submission must have ended (R1)', async () => {
    const { deliveryId } = await interrupted({ 'idempotency-key': 'swept' });
    harness.clock.advance(59);
    await sweepNow();
    expect(messageIds()).toEqual([]);
    harness.clock.advance(2);
    for (let round = 0; round < 2; round++) await sweepNow();
    expect(messageIds()).toEqual([`request-${deliveryId}`]);
    expect(harness.published[0]?.message.body).toMatchObject({
      operation: 'delivery',
      request: { deliveryId },
    });
    expect(await accept(deliveryId)).toEqual({ accepted: true });
    const repeated = await submit({ 'idempotency-key': 'swept' });
    expect(repeated).toMatchObject({ status: 202, body: { deliveryId } });
  });

  test('is abandoned when it has none (R2)', async () => {
    const { deliveryId, acknowledge } = await interrupted();
    expect(await stateOf(deliveryId)).toBe('Recorded');
    harness.clock.advance(61);
    await sweepNow();
    expect(await stateOf(deliveryId)).toBe('Abandoned');
    expect(messageIds()).toEqual([]);
    expect(await accept(deliveryId)).toEqual({ accepted: false });
    expect((await acknowledge()).status).toBe(503);
  });

  test('stays for the next sweep while the hub is away', async () => {
    const { deliveryId } = await interrupted({ 'idempotency-key': 'away' });
    harness.clock.advance(61);
    harness.broker.away = true;
    await expect(sweepNow()).rejects.toMatchObject({ code: 'dependency_unavailable' });
    harness.broker.away = false;
    await sweepNow();
    expect(messageIds()).toEqual([`request-${deliveryId}`]);
  });

  test('comes to one end in two sweeps at once: the messages are the same (R3)', async () => {
    const withKey = await interrupted({ 'idempotency-key': 'both' });
    const without = await interrupted();
    harness.clock.advance(61);
    await Promise.all([sweepNow(), sweepNow()]);
    expect(new Set(messageIds())).toEqual(new Set([`request-${withKey.deliveryId}`]));
    expect(await accept(withKey.deliveryId)).toEqual({ accepted: true });
    expect(await stateOf(without.deliveryId)).toBe('Abandoned');
  });
});

test('what the hub has, and whose record could not say so, is answered 503 and abandoned (R2)', async () => {
  harness.cosmos.faults.add({ kind: 'unavailable', container: 'requests', operation: 'patch' });
  const answer = await submit({});
  harness.cosmos.faults.clear();
  expect(answer.status).toBe(503);
  const deliveryId = String(harness.published[0]?.message.key);
  harness.clock.advance(61);
  await sweepNow();
  expect(await accept(deliveryId)).toEqual({ accepted: false });
});

describe('a sweep leaves alone (R3)', () => {
  test.each([{}, KEYED])(
    'what was answered 202 and waits for the scheduler, for a day: %j',
    async (headers) => {
      const answer = await submit(headers);
      const deliveryId = String(answer.body?.['deliveryId']);
      // With a key the mark is written while the client has its answer already.
      await expect.poll(async () => (await repository.find('contoso', deliveryId))?.pending).toBe(false);
      harness.clock.advance(24 * 3600);
      await sweepNow();
      expect(messageIds()).toEqual([`request-${deliveryId}`]);
      expect(await stateOf(deliveryId)).toBe('Recorded');
      expect(await repository.abandon('contoso', deliveryId)).toBe(false);
      expect(await accept(deliveryId)).toEqual({ accepted: true });
    },
  );

  test('what the scheduler has taken though its acknowledgement was lost', async () => {
    const { deliveryId, acknowledge } = await interrupted();
    expect(await accept(deliveryId)).toEqual({ accepted: true });
    harness.clock.advance(61);
    await sweepNow();
    expect(messageIds()).toEqual([]);
    expect(await stateOf(deliveryId)).toBe('Recorded');
    expect((await acknowledge()).status).toBe(202);
  });
});
