/**
 * One flipped bit in every kind of data file, after a power cut. Either the start fails with one line that names the file and the way
 * out, or the system serves: every request that was ever answered is still there, and a new one is carried out.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { png } from '../../functions/delivery/proof.fixture.ts';
import { confirmDelivery } from '../../shared/contracts/routes.gen.ts';
import { customer } from '../harness/customer.ts';
import { startPlatform, until } from '../harness/platform.ts';

const SEED = Number(process.env['SEED'] ?? 20_261_128);
/** Made again at every start, or not read: damage in them is none. */
const PASSING = /\.config\.json$|^logs\/|\.lock(-journal)?$|platform\.pid$|endpoints\.json|-shm$/;
const folder = mkdtempSync(join(tmpdir(), 'flipped-bit-'));
const sound = join(folder, 'sound');
const damaged = join(folder, 'damaged');
const outcomes: string[] = [];
let deliveries: string[] = [];

beforeAll(async () => {
  const platform = await startPlatform({ dataDir: sound, speed: 30, drones: 3 });
  const alice = customer(platform.endpoints);
  deliveries = await Promise.all([alice.submit(), alice.submit({ confirmationRequired: 'Picture' })]);
  const [plain = '', proven = ''] = deliveries;
  const body = {
    geoCoordinates: (await alice.status(proven)).request.dropOffLocation,
    confirmationType: 'Picture' as const,
    confirmationBlob: png(64, 64).toString('base64'),
  };
  await until(async () => {
    const { status } = await alice.call(confirmDelivery, { params: { deliveryId: proven }, body });
    return status === 200 || undefined;
  }, 'the proof is taken at the dropoff');
  for (const deliveryId of [plain, proven]) await alice.ended(deliveryId);
  await platform.killAll();
}, 240_000);

afterAll(() => {
  process.stdout.write(`flipped bits, seed ${SEED}:\n${outcomes.join('\n')}\n`);
  rmSync(folder, { recursive: true, force: true });
});

/** Numbers of segments, partitions and blobs make no kind. */
const kindOf = (path: string) =>
  path
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*')
    .replaceAll(/[0-9a-f]{16,}|\d+/g, '*')
    .replaceAll(/^event-hubs\/(hubs\/)?[a-z-]+\//g, 'event-hubs/*/');

/** The largest file of each kind. */
function filesOfEachKind(): ReadonlyMap<string, string> {
  const files = readdirSync(sound, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(sound, join(entry.parentPath, entry.name)))
    .filter((path) => !PASSING.test(path) && statSync(join(sound, path)).size > 0);
  const size = (path: string) => statSync(join(sound, path)).size;
  const kinds = Map.groupBy(files, kindOf);
  return new Map(
    [...kinds].map(([kind, paths]) => [kind, paths.toSorted((a, b) => size(b) - size(a))[0] as string]),
  );
}

/** @returns the place, as `byte.bit` */
function flipOneBit(path: string): string {
  const bytes = readFileSync(path);
  // A linear congruential step of the seed: the same seed, the same bit. https://en.wikipedia.org/wiki/Linear_congruential_generator
  const random = (Math.imul(SEED, 1_664_525) + 1_013_904_223) >>> 0;
  const at = random % bytes.length;
  const bit = random % 8;
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
  writeFileSync(path, bytes);
  return `${at}.${bit}`;
}

test('there are files of many kinds', () => {
  expect(filesOfEachKind().size).toBeGreaterThanOrEqual(6);
});

test('a flipped bit is reported with the file and the way out, or does no harm', async () => {
  for (const [kind, path] of filesOfEachKind()) {
    rmSync(damaged, { recursive: true, force: true });
    cpSync(sound, damaged, { recursive: true });
    const place = flipOneBit(join(damaged, path));
    const what = `${kind} (${path}, bit ${place})`;
    try {
      await using platform = await startPlatform({ dataDir: damaged, speed: 30, drones: 3 });
      const alice = customer(platform.endpoints);
      for (const deliveryId of deliveries)
        expect((await alice.status(deliveryId)).outcome?.kind, what).toBe('completed');
      const deliveryId = await alice.submit();
      expect((await alice.ended(deliveryId, 120_000)).outcome?.kind, what).toBe('completed');
      outcomes.push(`${what}: serves`);
    } catch (error) {
      const text = String((error as Error).message);
      if (!text.startsWith('the platform ended')) throw new Error(`${what}: ${text}`, { cause: error });
      const lastLine = text.trimEnd().split('\n').at(-1) ?? '';
      expect(lastLine, what).toContain(path.split('/').at(-1)?.replace(/-wal$/, ''));
      expect(lastLine, what).toMatch(/--reset|remove|copy/);
      outcomes.push(`${what}: ${lastLine.replaceAll(damaged, '')}`);
    }
  }
}, 1_800_000);
