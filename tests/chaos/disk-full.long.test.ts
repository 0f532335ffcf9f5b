/**
 * The whole system on a small disk that is filled, and has room again later: requests are refused with 503 and a reason meanwhile, and
 * everything that was accepted comes to its end. Needs the right to mount a disk.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { submitRequest } from '../../shared/contracts/routes.gen.ts';
import { customer, REQUEST } from '../harness/customer.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { pause, startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const folder = mkdtempSync(join(tmpdir(), 'disk-full-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', disk]).status === 0;
if (!isMounted) process.stdout.write('tests/chaos/disk-full is skipped: only root can mount a small disk\n');

const filler = join(disk, 'filler');
/** Leaves no byte; several times, since logs and databases give room back. */
function fill(): void {
  for (const size of [1024 * 1024, 4096, 1]) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full.
    }
  }
}

const FULL_MS = 20_000;
const END_MS = 300_000;
let platform: TestPlatform | undefined;

afterAll(async () => {
  await platform?.stop();
  if (isMounted) spawnSync('umount', ['--lazy', disk]);
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isMounted)('a full disk', () => {
  test(
    'accepted deliveries end, requests are refused with a reason meanwhile, and taken again afterwards',
    async () => {
      const dataDir = join(disk, 'data');
      platform = await startPlatform({ dataDir, speed: 10, drones: 4 });
      const alice = customer(platform.endpoints);
      const before = await Promise.all([1, 2, 3].map(() => alice.submit()));
      await until(
        async () => (await alice.stage(before[0] ?? '')) === 'HeadedToPickup' || undefined,
        'a drone is in the air',
      );
      const accepted = [...before];
      const refusals: unknown[] = [];
      const fullUntil = Date.now() + FULL_MS;
      while (Date.now() < fullUntil) {
        fill();
        const answer = await alice
          .call(submitRequest, { body: REQUEST })
          .catch((error: Error) => ({ ok: false as const, status: String(error.cause), body: {} }));
        if (answer.ok) accepted.push(answer.body.deliveryId);
        else refusals.push([answer.status, (answer.body as { code?: string }).code]);
        await pause(200);
      }
      expect(refusals.length).toBeGreaterThan(5);
      expect(platform.output(), 'no part is restarted').not.toContain('is started again');
      for (const refusal of refusals) expect(refusal).toEqual([503, 'dependency_unavailable']);
      rmSync(filler);
      const after = await until(
        async () => alice.submit().catch(() => undefined),
        'a request is taken again',
      );
      for (const deliveryId of [...accepted, after])
        expect((await alice.ended(deliveryId, END_MS)).outcome?.kind).toBe('completed');
      const atLeast = { completed: accepted.length + 1, drones: 4 };
      expect(await lastingBreaches(platform.endpoints, { atLeast })).toEqual([]);
      const logs = readdirSync(join(dataDir, 'logs')).map((name) =>
        readFileSync(join(dataDir, 'logs', name), 'utf8'),
      );
      expect(logs.join('').match(/the disk is full/g)?.length ?? 0).toBeLessThan(50);
      expect(logs.join('')).toMatch(/the disk has room again/);
    },
    2 * END_MS,
  );
});
