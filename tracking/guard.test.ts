import { expect, test } from 'vitest';
import type { Log } from '../shared/telemetry/log.ts';
import { createGuard } from './guard.ts';

interface Line {
  readonly cause: string;
  readonly faults: number;
  readonly err: unknown;
}

function setUp() {
  const lines: Line[] = [];
  const counted: string[] = [];
  const clock = { now: 0 };
  const log = { error: (line: Line) => lines.push(line) } as unknown as Log;
  const guard = createGuard({ log, now: () => clock.now, onCount: (cause) => counted.push(cause) });
  return { guard, lines, counted, clock };
}

const broken = new Error('broken');
const throwing = () => {
  throw broken;
};

test('G1 neither an exception nor a rejection leaves the listener', async () => {
  const { guard, lines } = setUp();
  expect(guard('timer', throwing)()).toBeUndefined();
  expect(guard('receiver', () => Promise.reject(broken))()).toBeUndefined();
  await expect.poll(() => lines.length).toBe(2);
  expect(lines.map(({ cause, err }) => [cause, err])).toEqual([
    ['timer', broken],
    ['receiver', broken],
  ]);
});

test('a listener that succeeds gets its arguments, and nothing is reported', () => {
  const { guard, lines, counted } = setUp();
  const given: unknown[] = [];
  guard('socket', (a: number, b: string) => given.push(a, b))(1, 'two');
  expect(given).toEqual([1, 'two']);
  expect([lines, counted]).toEqual([[], []]);
});

test('G2 a fault ends what its own listener served, and a fault of that end stays inside, too', () => {
  const { guard, lines } = setUp();
  const ended: string[] = [];
  const one = guard('socket', throwing as (socket: string) => void, (socket) => ended.push(socket));
  guard(
    'socket',
    (socket: string) => socket,
    () => ended.push('never'),
  )('b');
  one('a');
  expect(ended).toEqual(['a']);
  guard('end', throwing, throwing)();
  expect(lines.map(({ cause }) => cause)).toEqual(['socket', 'end']);
});

test('G3 a cause has one line a minute, with the number of its faults; another cause has its own', () => {
  const { guard, lines, counted, clock } = setUp();
  const timer = guard('timer', throwing);
  for (let fault = 0; fault < 100; fault += 1) timer();
  guard('socket', throwing)();
  clock.now = 59_999;
  timer();
  expect(lines.map(({ cause, faults }) => [cause, faults])).toEqual([
    ['timer', 1],
    ['socket', 1],
  ]);
  clock.now = 60_000;
  timer();
  expect(lines.at(-1)).toMatchObject({ cause: 'timer', faults: 101 });
  expect(counted.filter((cause) => cause === 'timer')).toHaveLength(102);
});
