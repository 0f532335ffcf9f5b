import { spawnSync } from 'node:child_process';
import {
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Commits, createCommits, type WriteStrategy } from './commits.ts';
import { PartitionLog, type PartitionLogOptions } from './partition-log.ts';

let folder: string;
let dir: string;
let now: number;
let log: PartitionLog;
const warnings: string[] = [];

const open = (options: Partial<PartitionLogOptions> = {}) =>
  new PartitionLog({ dir, now: () => now, warn: (line) => warnings.push(line), ...options });
const event = (text: string, partitionKey?: string) => ({ message: Buffer.from(text), partitionKey });
const texts = (from = 0) => {
  const found: string[] = [];
  for (let at = Math.max(from, log.first); at <= log.last; ) {
    const events = log.read(at, 100);
    found.push(...events.map(({ message }) => message.toString()));
    at += events.length;
  }
  return found;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partition-log-'));
  dir = join(folder, '0');
  now = 1_000;
  warnings.length = 0;
  log = open();
});

afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

const newest = () => join(dir, readdirSync(dir).toSorted().at(-1) ?? '');
const commitsAt = (place: WriteStrategy): Commits => ({ ...createCommits(), join: (write) => write(place) });

async function reopen(options: Partial<PartitionLogOptions> = {}): Promise<void> {
  await log.close();
  log = open(options);
}

test('an empty log says so', () => {
  expect([log.first, log.last, log.isEmpty, log.read(0, 10)]).toEqual([0, -1, true, []]);
});

test('appends get numbers in order, also those that wait together', async () => {
  const firsts = await Promise.all(
    [['a'], ['b', 'c'], ['d']].map((some) => log.append(some.map((text) => event(text)))),
  );
  expect(firsts).toEqual([0, 1, 3]);
  expect(texts()).toEqual(['a', 'b', 'c', 'd']);
});

test('everything is there after it is opened again, keys and times, too', async () => {
  await log.append([event('a', 'ä'), event('b'), event('c', '')]);
  now = 2_000;
  await log.append([event('d')]);
  await reopen();
  expect(log.read(0, 10).map(({ partitionKey, enqueuedTime }) => [partitionKey, enqueuedTime])).toEqual([
    ['ä', 1_000],
    [undefined, 1_000],
    ['', 1_000],
    [undefined, 2_000],
  ]);
  expect(await log.append([event('e')])).toBe(4);
});

test('time never goes back', async () => {
  await log.append([event('a')]);
  now = 500;
  await log.append([event('b')]);
  expect(log.read(0, 2).map(({ enqueuedTime }) => enqueuedTime)).toEqual([1_000, 1_000]);
});

test('a record that is larger than what is read at once is found again', async () => {
  const large = 'x'.repeat(9_000_000);
  await log.append([event('before'), event(large), event('after')]);
  await reopen();
  expect(warnings).toEqual([]);
  expect(log.last).toBe(2);
  expect(texts().map(({ length }) => length)).toEqual([6, large.length, 5]);
});

test('any events come back, however the log is cut into files', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
      fc.integer({ min: 30, max: 400 }),
      async (batches, segmentBytes) => {
        const before = log.last + 1;
        await reopen({ segmentBytes });
        for (const batch of batches) await log.append(batch.map((text) => event(text)));
        await reopen({ segmentBytes });
        expect(texts(before)).toEqual(batches.flat());
      },
    ),
    { numRuns: 25 },
  );
});

describe('a crash', () => {
  /** Bytes of the newest file, as they are while it is open: zeros behind the records. */
  const crashed = (change: (bytes: Buffer, end: number) => Buffer | undefined) => {
    const bytes = readFileSync(newest());
    const changed = change(bytes, log.bytes) ?? bytes;
    return killed().then(() => writeFileSync(newest(), changed));
  };
  /** Closes the log as a crash does, within a second: without its mark. */
  const killed = () => log.close().then(() => rmSync(`${dir}.mark`, { force: true }));

  test.each([1, 7, 21, 22, 30])(
    'that left %i bytes of a record is cut, and said in one line',
    async (length) => {
      await log.append([event('a'), event('b')]);
      const torn = Buffer.alloc(length, 0xee);
      if (length >= 4) torn.writeUInt32LE(500, 0);
      await crashed((bytes, end) => void torn.copy(bytes, end));
      log = open();
      expect(texts()).toEqual(['a', 'b']);
      expect(warnings).toEqual([expect.stringMatching(`torn record was cut \\(${length} bytes`)]);
      expect(await log.append([event('c')])).toBe(2);
      await reopen();
      expect(texts()).toEqual(['a', 'b', 'c']);
      expect(warnings).toHaveLength(1);
    },
  );

  test('that left wrong bytes in a record cuts it', async () => {
    await log.append([event('a'), event('bbbb')]);
    await crashed((bytes, end) => void bytes.fill('c', end - 1, end));
    log = open();
    expect(texts()).toEqual(['a']);
  });

  test('that left only zeros behind the records is cut without a word', async () => {
    await log.append([event('a')]);
    const { bytes } = log;
    await crashed((all) => all);
    expect(statSync(newest()).size).toBeGreaterThan(bytes);
    log = open();
    expect([texts(), warnings]).toEqual([['a'], []]);
    expect(statSync(newest()).size).toBe(bytes);
  });

  test('that put a later part of a write on disk and not an earlier one cuts both', async () => {
    await log.append([event('a')]);
    const kept = log.bytes;
    await log.append([event('b'.repeat(9_000)), event('c')]);
    await crashed((bytes, end) => void bytes.fill(0, kept, end - 40));
    log = open();
    expect(texts()).toEqual(['a']);
    expect(warnings).toHaveLength(1);
    // Nothing of it may come to light again behind the records that take its place.
    await log.append([event('B'.repeat(9_000))]);
    await crashed((bytes) => bytes);
    log = open();
    expect(texts()).toEqual(['a', 'B'.repeat(9_000)]);
    expect(warnings).toHaveLength(1);
  });

  test('that cut a file short in a record keeps what is whole', async () => {
    await log.append([event('a'), event('b')]);
    const { bytes } = log;
    await killed();
    truncateSync(newest(), bytes - 1);
    log = open();
    expect(texts()).toEqual(['a']);
  });

  test('any part of a write that is on disk leaves what was acknowledged', async () => {
    await log.append([event('kept')]);
    const kept = log.bytes;
    await log.append(['one', 'two', 'three'].map((text) => event(text)));
    const end = log.bytes;
    const whole = readFileSync(newest());
    await killed();
    for (let cut = kept; cut <= end; cut++) {
      const bytes = Buffer.from(whole);
      bytes.fill(0, cut);
      writeFileSync(newest(), bytes);
      log = open();
      const found = texts();
      expect(found).toEqual(['kept', 'one', 'two', 'three'].slice(0, Math.max(1, found.length)));
      expect(found.length === 4).toBe(cut === end);
      expect(await log.append([event('next')])).toBe(found.length);
      await killed();
    }
    log = open();
  });
});

describe('damage', () => {
  const flip = (file: string, at: number) => {
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file, bytes);
  };
  const reason = () => {
    try {
      log = open();
    } catch (error) {
      return (error as Error).message;
    }
    return 'opened';
  };

  test('F3, L3: one flipped bit in a record before others refuses the start, names the file and cuts nothing', async () => {
    await log.append([event('a'.repeat(50))]);
    now += 1;
    await log.append([event('b'), event('c')]);
    now += 1;
    await log.append([event('d')]);
    await log.close();
    for (const hasMark of [true, false]) {
      if (!hasMark) rmSync(`${dir}.mark`);
      const file = newest();
      const whole = readFileSync(file);
      flip(file, 40);
      const damaged = readFileSync(file);
      expect(reason()).toMatch(
        /0000000000000000\.log is damaged: the record of event 0, at byte 0, was acknowledged/,
      );
      expect(readFileSync(file)).toEqual(damaged);
      writeFileSync(file, whole);
      if (!hasMark) continue;
      expect(reason()).toBe('opened');
      await log.close();
    }
    log = open();
    expect(texts()).toEqual(['a'.repeat(50), 'b', 'c', 'd']);
  });

  test('F3: damage in the last record, or a file that is cut short, is noticed by the mark', async () => {
    await log.append([event('a'), event('bbbb')]);
    await log.close();
    const whole = readFileSync(newest());
    flip(newest(), whole.length - 1);
    expect(reason()).toContain('the record of event 1');
    writeFileSync(newest(), whole.subarray(0, -10));
    expect(reason()).toContain('the record of event 1');
    writeFileSync(newest(), whole.subarray(0, whole.length / 2 - 1));
    expect(reason()).toMatch(/is damaged/);
    writeFileSync(newest(), whole);
    expect(reason()).toBe('opened');
  });

  test('F3: a record out of sequence is damage', async () => {
    await log.append([event('a')]);
    await log.append([event('b')]);
    await log.close();
    const bytes = readFileSync(newest());
    writeFileSync(
      newest(),
      Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)]),
    );
    expect(reason()).toMatch(/is damaged/);
    writeFileSync(newest(), bytes);
    log = open();
  });

  test('L3: a damaged record in an older file refuses the start', async () => {
    await reopen({ segmentBytes: 60 });
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) await log.append([event(text)]);
    await log.close();
    rmSync(`${dir}.mark`);
    const [oldest = ''] = readdirSync(dir).toSorted();
    const whole = readFileSync(join(dir, oldest));
    flip(join(dir, oldest), whole.length - 1);
    expect(reason()).toMatch(/0000000000000000\.log is damaged/);
    writeFileSync(join(dir, oldest), whole.subarray(0, whole.length / 3));
    expect(reason()).toMatch(/is damaged/);
    writeFileSync(join(dir, oldest), whole);
    log = open();
  });

  test('L2: with the damaged file set aside the start goes on, and no number is used twice', async () => {
    await log.append([event('a'), event('b')]);
    await log.close();
    renameSync(newest(), `${newest()}.damaged`);
    log = open();
    expect([log.first, log.last, log.isEmpty]).toEqual([2, 1, true]);
    expect(await log.append([event('c')])).toBe(2);
    expect(texts()).toEqual(['c']);
  });

  test('L2: readers go on after a file in the middle that was set aside', async () => {
    await reopen({ segmentBytes: 60 });
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await log.append([event(text)]);
    const all = log.last;
    await log.close();
    const files = readdirSync(dir).toSorted();
    const second = join(dir, files[1] ?? '');
    renameSync(second, `${second}.damaged`);
    log = open({ segmentBytes: 60 });
    expect(log.last).toBe(all);
    const found: number[] = [];
    for (let at = 0; at <= log.last; ) {
      const events = log.read(at, 100);
      found.push(...events.map(({ sequenceNumber }) => sequenceNumber));
      at = (events.at(-1)?.sequenceNumber ?? log.last) + 1;
    }
    expect(found[0]).toBe(0);
    expect(found.at(-1)).toBe(all);
    expect(new Set(found).size).toBe(found.length);
  });

  test('W2: a mark that cannot be read counts as none', async () => {
    await log.append([event('a')]);
    await log.close();
    writeFileSync(`${dir}.mark`, '999 1\n');
    expect(reason()).toBe('opened');
    expect(texts()).toEqual(['a']);
  });
});

test.skipIf(process.platform !== 'linux')('L1: a file is open for writes that end on the disk', async () => {
  await log.append([event('a')]);
  const [fd] = readdirSync('/proc/self/fd').filter((each) => {
    try {
      return readlinkSync(`/proc/self/fd/${each}`) === newest();
    } catch {
      return false;
    }
  });
  const [, flags = ''] = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  expect(Number.parseInt(flags, 8) & constants.O_DSYNC).toBe(constants.O_DSYNC);
});

/** Appends events of 20 kB until the file may not grow, then one of 10 bytes; says what came of each. */
const FILLS_UP = `
  import { PartitionLog } from ${JSON.stringify(new URL('partition-log.ts', import.meta.url).href)};
  process.on('SIGXFSZ', () => undefined);
  const log = new PartitionLog({ dir: process.argv[1], now: Date.now });
  const append = (length) =>
    log.append([{ partitionKey: undefined, message: Buffer.alloc(length, 'x') }]).then(String, ({ code }) => code);
  const outcomes = [];
  for (let n = 0; n < 20; n++) outcomes.push(await append(20_000));
  outcomes.push(await append(10));
  console.log(JSON.stringify(outcomes));
  process.kill(process.pid, 'SIGKILL');
`;

test.skipIf(process.platform === 'win32')(
  'a write that the disk refuses is refused, leaves nothing, and the next that fits is taken',
  async () => {
    await log.close();
    const script = `ulimit -f 256; exec "$0" --input-type=module-typescript -e "$1" -- "$2"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, FILLS_UP, dir], {
      encoding: 'utf8',
    });
    log = open();
    expect(stderr).toBe('');
    const outcomes = JSON.parse(stdout) as string[];
    const taken = outcomes.filter((outcome) => /^\d+$/.test(outcome));
    expect(taken).toEqual(Array.from({ length: 14 }, (_, n) => String(n)));
    expect(outcomes.slice(13, -1)).toEqual(Array.from({ length: 7 }, () => 'EFBIG'));
    expect(texts().map(({ length }) => length)).toEqual([...Array.from({ length: 13 }, () => 20_000), 10]);
    expect(warnings).toEqual([]);
  },
);

describe('zeros ahead', () => {
  test('are as many as there are records, and no more than a MiB', async () => {
    await log.append([event('a')]);
    const ahead = () => statSync(newest()).size - log.bytes;
    expect(ahead()).toBe(64 * 1024);
    for (let n = 0; n < 40; n++) {
      await log.append([event('x'.repeat(100_000))]);
      expect(ahead()).toBeLessThanOrEqual(Math.max(64 * 1024, Math.min(log.bytes, 1024 * 1024)));
    }
    expect(ahead()).toBeGreaterThan(0);
  });

  test('are cut when the next file begins, and when the log is closed', async () => {
    await reopen({ segmentBytes: 1_000 });
    for (let n = 0; n < 5; n++) await log.append([event('x'.repeat(900))]);
    const sizes = () => readdirSync(dir).map((name) => statSync(join(dir, name)).size);
    expect(
      sizes()
        .slice(0, -1)
        .every((size) => size < 2_000),
    ).toBe(true);
    const { bytes } = log;
    await log.close();
    expect(sizes().reduce((sum, size) => sum + size)).toBe(bytes);
    log = open();
  });

  test('do not count in the size of what is kept', async () => {
    await reopen({ retentionBytes: 8_000 });
    await log.append([event('a')]);
    log.retain();
    expect(log.bytes).toBeLessThan(100);
    expect(texts()).toEqual(['a']);
  });
});

describe.each<WriteStrategy>(['here', 'pool'])('a write that is to be made: %s', (place) => {
  test('has everything in order, on disk when it is acknowledged', async () => {
    await reopen({ commits: commitsAt(place), segmentBytes: 300_000 });
    const sent: string[] = [];
    for (let n = 0; n < 60; n++) {
      const some = Array.from({ length: 1 + (n % 3) }, (_, index) => `${n}-${index}-`.padEnd(n * 400, 'x'));
      sent.push(...some);
      await log.append(some.map((text) => event(text)));
    }
    expect(texts()).toEqual(sent);
    // As a crash now would leave it.
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    for (const name of readdirSync(dir)) copyFileSync(join(dir, name), join(copy, name));
    await log.close();
    dir = copy;
    log = open();
    expect(texts()).toEqual(sent);
    expect(warnings).toEqual([]);
  });
});

describe('retention', () => {
  test('lets go of whole files that are too old', async () => {
    await reopen({ segmentBytes: 30, retentionMs: 1_000 });
    for (const text of ['a', 'b', 'c']) {
      await log.append([event(text)]);
      await log.append([event(text)]);
      now += 600;
    }
    log.retain();
    expect(texts()).toEqual(['b', 'b', 'c', 'c'].slice(-(log.last + 1 - log.first)));
    expect(log.first).toBeGreaterThan(1);
  });

  test('lets go of everything in a quiet partition, and goes on counting', async () => {
    await reopen({ retentionMs: 1_000 });
    await log.append([event('a'), event('b')]);
    now += 5_000;
    log.retain();
    expect([log.first, log.last, log.isEmpty]).toEqual([2, 1, true]);
    await reopen({ retentionMs: 1_000 });
    expect(await log.append([event('c')])).toBe(2);
    expect(readdirSync(dir)).toHaveLength(1);
  });

  test('by size keeps the newest', async () => {
    await reopen({ retentionBytes: 8_000 });
    for (let n = 0; n < 100; n++) await log.append([event(String(n).padEnd(500))]);
    log.retain();
    expect(log.bytes).toBeLessThanOrEqual(8_000);
    expect(texts().at(-1)?.trim()).toBe('99');
    expect(log.read(0, 1)[0]?.sequenceNumber).toBe(log.first);
  });
});

test('the first event after a time is found', async () => {
  for (let n = 0; n < 50; n++) {
    now = 1_000 + n * 10;
    await log.append([event(String(n))]);
  }
  expect([0, 999, 1_000, 1_005, 1_490, 5_000].map((time) => log.sequenceAfter(time))).toEqual([
    0, 0, 1, 1, 50, 50,
  ]);
});

test('a closed log refuses, and has what was appended just before', async () => {
  const appended = log.append([event('last')]);
  await log.close();
  expect(await appended).toBe(0);
  await expect(log.append([event('late')])).rejects.toThrow('closed');
  log = open();
  expect(texts()).toEqual(['last']);
});
