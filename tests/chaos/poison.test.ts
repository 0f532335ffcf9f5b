/**
 * Messages that no consumer can process, on every partition of every hub: each becomes a dead letter, and the messages behind it are
 * processed.
 */
import { type EventData, EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HUBS, type HubName } from '../../shared/messaging/hubs.ts';
import { type Customer, customer } from '../harness/customer.ts';
import { readHub, readStores } from '../harness/evidence.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

/** A dead letter is written this long after its message at the latest, ms; on a machine at rest within 200 ms. */
const LETTER_MS = 5_000;
const DRONES = 3;
/** The largest message that Event Hubs takes, less its envelope. */
const LARGEST = 1024 * 1024 - 512;
/** Throws in a validator that reads its length, or makes a text of it. */
const THROWING = { length: { toString: 0, valueOf: 0 }, toString: 0, toJSON: 0 };

type Poison = (good: Readonly<Record<string, unknown>>) => EventData;

const POISONS: Readonly<Record<string, Poison>> = {
  'not JSON': () => ({ body: Buffer.from([0x7b, 0xff, 0xfe, 0x00]) }),
  'of the wrong shape': () => ({ body: { operation: 'fly me to the moon', kind: 7, specversion: [] } }),
  'with a value that makes validation throw': (good) => ({
    body: Object.fromEntries(Object.keys(good).map((name) => [name, THROWING])),
  }),
  'with unusual metadata': () => ({
    body: { unusual: true },
    messageId: 7,
    correlationId: Buffer.from([1, 2, 3]),
    contentType: 'text/plain; charset=\u00e9',
    properties: {
      messageId: 2 ** 53,
      operation: 12,
      traceparent: 'no trace',
      __proto__x: 'x',
      when: new Date(8.64e15),
      half: '\ud800',
      'no key': null,
      long: 'x'.repeat(30_000),
    },
  }),
  empty: () => ({ body: Buffer.alloc(0) }),
  'of 1 MB': () => ({ body: Buffer.alloc(LARGEST, '{') }),
};

let platform: TestPlatform;
let alice: Customer;
/** A message of each hub that was processed. */
const good = new Map<HubName, Readonly<Record<string, unknown>>>();
const hubs = Object.keys(HUBS) as HubName[];

beforeAll(async () => {
  platform = await startPlatform({ speed: 30, drones: DRONES });
  alice = customer(platform.endpoints);
});

afterAll(() => platform?.stop());

test('a delivery is carried out first: a message of each hub was processed', async () => {
  const deliveryId = await alice.submit();
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  for (const hub of hubs) {
    const [first] = await readHub(platform.endpoints.eventHubs.connectionString, hub);
    expect(Object.keys(first?.body ?? {}).length).toBeGreaterThan(2);
    good.set(hub, first?.body ?? {});
  }
});

/** Answers the last sequence number that each partition had before. */
async function sendToEach(hub: HubName, event: EventData): Promise<ReadonlyMap<string, number>> {
  const producer = new EventHubProducerClient(platform.endpoints.eventHubs.connectionString, hub);
  const before = new Map<string, number>();
  try {
    for (const partitionId of await producer.getPartitionIds()) {
      const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(partitionId);
      before.set(partitionId, lastEnqueuedSequenceNumber);
      await producer.sendBatch([event], { partitionId });
    }
  } finally {
    await producer.close();
  }
  return before;
}

describe.each(hubs)('on %s', (hub) => {
  test.each(Object.keys(POISONS))('a message %s becomes a dead letter on each partition', async (name) => {
    const sentAt = Date.now();
    const before = await sendToEach(hub, (POISONS[name] as Poison)(good.get(hub) ?? {}));
    const written = async () => {
      const { deadLetters } = await readStores(platform.endpoints, ['deadLetters']);
      const mine = deadLetters.filter(
        ({ hub: from, type, partition, sequenceNumber }) =>
          type === 'letter' && from === hub && Number(sequenceNumber) > (before.get(String(partition)) ?? 0),
      );
      return mine.length === before.size ? mine : undefined;
    };
    const letters = await until(written, 'a dead letter of each partition', 60_000, 200);
    expect(letters).toHaveLength(HUBS[hub].partitions);
    for (const { at, reason, status } of letters) {
      expect(status).toBe('Open');
      expect(reason).toMatch(/^not (JSON|a message of this hub)/);
      expect(Date.parse(String(at)) - sentAt).toBeLessThan(LETTER_MS);
    }
  });
});

test('the messages behind them are processed: every drone flies a delivery to its end', async () => {
  const ids = await Promise.all(Array.from({ length: DRONES }, () => alice.submit()));
  const drones = await Promise.all(
    ids.map(async (deliveryId) => {
      const { outcome, droneId } = await alice.ended(deliveryId, 120_000);
      expect(outcome?.kind).toBe('completed');
      return droneId;
    }),
  );
  expect(new Set(drones).size).toBe(DRONES);
});

test('I1 to I9 hold afterwards: no checkpoint stays behind, and none has passed a message of which nothing came', async () => {
  expect(await lastingBreaches(platform.endpoints, { atLeast: { completed: 1 + DRONES } })).toEqual([]);
});
