import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { createLog } from '../../shared/telemetry/log.ts';
import type { HubMessage, Letter } from '../ports.ts';
import { createDeadLetters } from './dead-letters.ts';

const log = createLog({ name: 'test', level: 'silent' });
const messageOf = (bytes: Uint8Array, sequenceNumber = 7): HubMessage => ({
  bytes,
  partition: '2',
  sequenceNumber,
  properties: {},
});
const away = () => new AppError('dependency_unavailable', 'away');

function setUp(record: (letter: Letter) => Promise<void>) {
  const outcomes: string[] = [];
  const pauses: number[] = [];
  let wake = () => undefined as void;
  const sleep = (ms: number) => {
    pauses.push(ms);
    return new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  const onOutcome = (_: string, result: string) => outcomes.push(result);
  const letters = createDeadLetters({ record, log, sleep, onOutcome });
  const add = (n: number) =>
    letters.add('drone-commands', messageOf(Buffer.from('x'), n), 'not JSON', 'parse');
  /** Lets the pause under way end, and what follows it happen. */
  const pass = async () => {
    wake();
    await turn();
  };
  return { letters, outcomes, pauses, add, pass };
}

test('D1 while the supervisor is away, letters wait in their order; once it is back it gets them all', async () => {
  const recorded: number[] = [];
  let isAway = true;
  const { letters, outcomes, pauses, add, pass } = setUp(async ({ sequenceNumber }) => {
    if (isAway) throw away();
    recorded.push(sequenceNumber);
  });
  for (const n of [1, 2, 3]) add(n);
  for (let n = 0; n < 8; n += 1) await pass();
  expect([recorded, letters.waiting()]).toEqual([[], 3]);
  expect(pauses.slice(0, 7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  isAway = false;
  await pass();
  expect([recorded, letters.waiting(), outcomes]).toEqual([
    [1, 2, 3],
    0,
    ['recorded', 'recorded', 'recorded'],
  ]);
});

test('D2 adding returns at once, even while an attempt is under way', async () => {
  const { letters, add } = setUp(() => new Promise(() => undefined));
  add(1);
  add(2);
  await turn();
  expect(letters.waiting()).toBe(2);
});

test('D3 memory is bounded in number and in bytes; the letters that do not fit are counted', async () => {
  const { letters, outcomes, add } = setUp(async () => {
    throw away();
  });
  for (let n = 0; n < 1_005; n += 1) add(n);
  expect([letters.waiting(), outcomes.filter((result) => result === 'dropped').length]).toEqual([1_000, 5]);
  const large = setUp(async () => {
    throw away();
  });
  const bytes = Buffer.alloc(190_000, 'x');
  for (let n = 0; n < 100; n += 1) large.letters.add('domain-events', messageOf(bytes, n), 'reason', 'parse');
  expect(large.letters.waiting()).toBe(Math.floor((16 * 1024 * 1024) / 190_000));
});

test('those behind a letter that is refused have their turn', async () => {
  const tried: number[] = [];
  const { outcomes, add } = setUp(async ({ sequenceNumber }) => {
    tried.push(sequenceNumber);
    if (sequenceNumber === 1) throw new AppError('invalid_request', 'refused');
  });
  add(1);
  add(2);
  await turn();
  expect(tried).toEqual([1, 2]);
  expect(outcomes).toEqual(['refused', 'recorded']);
});
