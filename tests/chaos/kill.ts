/** `kill -9` of a part, before one delivery's pickup and after another's: both complete, once, and nothing is left over. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Customer, customer } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const STAGES = ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'];

/** Registers the tests: one for each part, by the name of its process, and the check of the invariants after them. */
export function killTests(parts: Readonly<Record<string, string>>): void {
  let platform: TestPlatform;
  let alice: Customer;

  beforeAll(async () => {
    platform = await startPlatform({ speed: 30, drones: 6 });
    alice = customer(platform.endpoints);
  });

  afterAll(async () => {
    await platform?.stop();
  });

  const stageOf = (deliveryId: string) => alice.stage(deliveryId).catch(() => undefined);

  const reached = (deliveryId: string, stage: string) =>
    until(
      async () => ((await stageOf(deliveryId)) === stage ? true : undefined),
      `${deliveryId} is ${stage}`,
    );

  test.each(Object.entries(parts))(
    'kill -9 of %s, before one pickup and after another: both deliveries complete, once',
    async (_, part) => {
      const ahead = await alice.submit({ dropOffLocation: '450 Chestnut Street' });
      await reached(ahead, 'HeadedToDropoff');
      const behind = await alice.submit({
        pickupLocation: '305 Garden Avenue',
        dropOffLocation: '412 Beacon Street',
      });
      await reached(behind, 'HeadedToPickup');
      expect(await stageOf(ahead)).toBe('HeadedToDropoff');
      await platform.kill(part);
      for (const deliveryId of [ahead, behind]) {
        const { outcome } = await alice.ended(deliveryId, 90_000);
        expect(outcome?.kind).toBe('completed');
        const entry = await until(() => alice.history(deliveryId), 'its history entry');
        expect(entry.events.map(({ stage }) => stage)).toEqual(STAGES);
      }
    },
  );

  test('afterwards nothing is held, nothing is lost, nothing is double', async () => {
    expect(await lastingBreaches(platform.endpoints)).toEqual([]);
  });
}
