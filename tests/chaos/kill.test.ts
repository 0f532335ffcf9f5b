/**
 * `kill -9` of each part, before one delivery's pickup and after another's. Each delivery lives through two deaths: one before its pickup,
 * and that of the next part after it. All complete, once, and nothing is left over.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Customer, customer } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const STAGES = ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'];
/** The process `support` holds storage, beside the issuer and the pages. */
const PARTS = {
  broker: 'event-hubs',
  Cosmos: 'cosmos',
  storage: 'support',
  host: 'functions',
  tracking: 'tracking',
  simulator: 'simulator',
};
/** A pickup near a base and a long way from there: there is time between the stages at this speed. */
const LONG_WAY = { pickupLocation: '305 Garden Avenue', dropOffLocation: '450 Chestnut Street' };

let platform: TestPlatform;
let alice: Customer;
const deliveries: string[] = [];

beforeAll(async () => {
  platform = await startPlatform({ speed: 20, drones: 6 });
  alice = customer(platform.endpoints);
  deliveries.push(await alice.submit(LONG_WAY));
});

afterAll(() => platform?.stop());

const stageOf = (deliveryId: string) => alice.stage(deliveryId).catch(() => undefined);
const reached = (deliveryId: string, stage: string) =>
  until(
    async () => {
      const now = await stageOf(deliveryId);
      if (now && STAGES.indexOf(now) > STAGES.indexOf(stage))
        throw new Error(`${deliveryId} is ${now} already`);
      return now === stage || undefined;
    },
    `${deliveryId} is ${stage}`,
    90_000,
  );

test.each(Object.entries(PARTS))('kill -9 of %s, before one pickup and after another', async (_, part) => {
  const ahead = deliveries.at(-1) as string;
  await reached(ahead, 'HeadedToDropoff');
  const behind = await alice.submit(LONG_WAY);
  deliveries.push(behind);
  await reached(behind, 'HeadedToPickup');
  expect(await stageOf(ahead)).toBe('HeadedToDropoff');
  await platform.kill(part);
});

test('all of these deliveries complete, once', async () => {
  for (const deliveryId of deliveries) {
    const { outcome } = await alice.ended(deliveryId, 100_000);
    expect(outcome?.kind).toBe('completed');
    const entry = await until(() => alice.history(deliveryId), 'its history entry');
    expect(entry.events.map(({ stage }) => stage)).toEqual(STAGES);
  }
});

test('I1 to I9 hold afterwards: nothing is held, nothing is lost, nothing is double', async () => {
  const atLeast = { completed: deliveries.length, drones: 6 };
  expect(await lastingBreaches(platform.endpoints, { atLeast })).toEqual([]);
});
