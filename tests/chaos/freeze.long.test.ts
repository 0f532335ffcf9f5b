/** SIGSTOP for 20 s of each part, with a delivery before its pickup and one after it: no part is restarted, and both complete. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customer } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const FREEZE_MS = 20_000;
const PARTS = ['event-hubs', 'cosmos', 'support', 'functions', 'tracking', 'simulator'];
const END_MS = 300_000;

let platform: TestPlatform;

beforeAll(async () => {
  platform = await startPlatform({ speed: 10, drones: 6 });
});

afterAll(() => platform?.stop());

test.each(PARTS)(
  '%s is frozen for 20 s: deliveries under way complete',
  async (part) => {
    const alice = customer(platform.endpoints);
    const reached = (deliveryId: string, stage: string) =>
      until(async () => (await alice.stage(deliveryId)) === stage || undefined, `${deliveryId} is ${stage}`);
    const ahead = await alice.submit({ dropOffLocation: '450 Chestnut Street' });
    await reached(ahead, 'HeadedToDropoff');
    const behind = await alice.submit({ pickupLocation: '305 Garden Avenue' });
    await reached(behind, 'HeadedToPickup');
    await platform.freeze(part, FREEZE_MS);
    for (const deliveryId of [ahead, behind])
      expect((await alice.ended(deliveryId, END_MS)).outcome?.kind).toBe('completed');
  },
  2 * END_MS,
);

test('I1 to I9 hold afterwards', async () => {
  const atLeast = { completed: 2 * PARTS.length, drones: 6 };
  expect(await lastingBreaches(platform.endpoints, { atLeast })).toEqual([]);
});
