/** SIGKILL of every process at one moment, with many deliveries under way: after the next start all of them come to their end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelRequest } from '../../shared/contracts/routes.gen.ts';
import { customer } from '../harness/customer.ts';
import type { ClientAnswer } from '../harness/evidence.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { freePorts, startPlatform, type TestPlatform, until } from '../harness/platform.ts';

export interface KillEverything {
  readonly deliveries: number;
  readonly drones: number;
  /** How long all of them may take to end after the start. */
  readonly endMs: number;
}

/** Registers the tests. */
export function killEverythingTests({ deliveries, drones, endMs }: KillEverything): void {
  let dataDir: string;
  let platform: TestPlatform;
  let portBase: number;
  // The same addresses both times: carriers know where to report.
  const start = () => startPlatform({ dataDir, portBase, speed: 30, drones });

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'kill-everything-'));
    portBase = await freePorts();
    platform = await start();
  });

  afterAll(async () => {
    await platform?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test(
    `SIGKILL of everything with ${deliveries} deliveries under way: every one ends, and I1 to I9 hold`,
    async () => {
      const alice = customer(platform.endpoints);
      const answers: ClientAnswer[] = [];
      const submit = async (idempotencyKey: string, from = alice) => {
        const deliveryId = await from.submit({}, { 'idempotency-key': idempotencyKey });
        answers.push({ idempotencyKey, deliveryId });
        return deliveryId;
      };
      const keys = Array.from({ length: deliveries }, (_, index) => `everything-${index}`);
      const ids = await Promise.all(keys.map((key) => submit(key)));
      // A fifth is cancelled: compensations are under way, too.
      for (const deliveryId of ids.filter((_, index) => index % 5 === 0))
        await alice.call(cancelRequest, { params: { deliveryId } });
      await until(
        async () => (await alice.stage(ids[1] ?? '')) === 'HeadedToPickup' || undefined,
        'a drone is in the air',
      );
      const ended = async () =>
        (await Promise.all(ids.map((id) => alice.status(id)))).filter(({ outcome }) => outcome).length;
      expect(await ended()).toBeLessThan(deliveries);
      await platform.killAll();

      platform = await start();
      const again = customer(platform.endpoints);
      // Clients that heard nothing repeat their requests.
      expect(await Promise.all(keys.map((key) => submit(key, again)))).toEqual(ids);
      for (const deliveryId of ids) await again.ended(deliveryId, endMs);
      const atLeast = { requests: deliveries, workflows: deliveries, completed: deliveries / 2, drones };
      expect(await lastingBreaches(platform.endpoints, { atLeast, answers })).toEqual([]);
    },
    endMs * 2,
  );
}
