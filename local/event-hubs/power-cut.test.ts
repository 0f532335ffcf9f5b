import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startLossyDisk } from '../tests/support/lossy-disk.ts';
import { type Commits, createCommits, type WriteStrategy } from './commits.ts';
import { PartitionLog } from './partition-log.ts';

interface Append {
  /** Lengths of its events. */
  readonly lengths: readonly number[];
  /** The next append waits for its acknowledgement. */
  readonly isAwaited: boolean;
}

interface Plan {
  readonly appends: readonly Append[];
  readonly place: WriteStrategy;
  /** Where the random choice of the sectors that survive begins. */
  readonly seed: number;
  readonly broken?: boolean;
}

const appends = fc.array(
  fc.record({
    lengths: fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 4 }),
    isAwaited: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);
const plans = fc.record({
  appends,
  place: fc.constantFrom('here' as const, 'pool' as const),
  seed: fc.nat(),
});

/** Runs the appends, cuts the power, and opens the log again: events that were sent, acknowledged, and found. */
async function cutPowerAfter({ appends, place, seed, broken = false }: Plan) {
  const folder = await mkdtemp(join(tmpdir(), 'power-cut-'));
  const [dir, left] = [join(folder, '0'), join(folder, 'left', '0')];
  const commits: Commits = { ...createCommits(), join: (write) => write(place) };
  const sent: string[] = [];
  let acknowledged = 0;
  let state = seed;
  // A linear congruential generator: half of the sectors survive.
  const survives = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >= 2 ** 31;
  };
  try {
    using disk = startLossyDisk(dir, { broken });
    const log = new PartitionLog({ dir, now: () => sent.length, segmentBytes: 4_000, commits });
    const running: Promise<unknown>[] = [];
    for (const { lengths, isAwaited } of appends) {
      const texts = lengths.map((length, n) => `${sent.length + n}:`.padEnd(length, 'x'));
      sent.push(...texts);
      const append = log
        .append(texts.map((text) => ({ message: Buffer.from(text), partitionKey: undefined })))
        .then((first) => {
          acknowledged = Math.max(acknowledged, first + texts.length);
        });
      running.push(append);
      if (isAwaited) await append;
    }
    disk.cutPower(left, survives);
    const known = acknowledged;
    await Promise.all(running);
    await log.close();
    return { sent, acknowledged: known, found: await textsIn(left) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function textsIn(dir: string): Promise<string[]> {
  const log = new PartitionLog({ dir, now: () => 0, segmentBytes: 4_000 });
  const found: string[] = [];
  while (found.length <= log.last) {
    found.push(...log.read(found.length, 100).map(({ message }) => message.toString()));
  }
  await log.close();
  return found;
}

test('L1, L3: a power cut loses nothing that was acknowledged, no matter what else has reached the disk', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const { sent, acknowledged, found } = await cutPowerAfter(plan);
      expect(found).toEqual(sent.slice(0, found.length));
      expect(found.length).toBeGreaterThanOrEqual(acknowledged);
    }),
    { numRuns: 25 },
  );
});

test.each(['here', 'pool'] as const)('a disk that does not sync is noticed: written %s', async (place) => {
  const appends = Array.from({ length: 6 }, () => ({ lengths: [700], isAwaited: true }));
  const { acknowledged, found } = await cutPowerAfter({ appends, place, seed: 1, broken: true });
  expect(acknowledged).toBe(6);
  expect(found.length).toBeLessThan(6);
});
