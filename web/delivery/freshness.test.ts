import { expect, test } from 'vitest';
import { freshness, liveChip } from './freshness.ts';

const facts = { age: 500, isConnected: true, isLinkLost: false, hasEnded: false };

test('fresh to 3 s, delayed to 15 s, then lost', () => {
  expect([0, 3_000, 3_001, 15_000, 15_001].map(freshness)).toEqual([
    'fresh',
    'fresh',
    'delayed',
    'delayed',
    'lost',
  ]);
});

test.each([
  [{}, 'live', 'Live · updated now'],
  [{ age: 2_400 }, 'live', 'Live · updated 2 s ago'],
  [{ age: 4_000 }, 'warn', 'Delayed · 4 s ago'],
  [{ isConnected: false }, 'warn', 'Reconnecting · now'],
  [{ age: 24_000, isConnected: false }, 'lost', 'Connection lost · 24 s ago'],
  [{ age: 24_000, isLinkLost: true }, 'lost', 'Drone out of contact · 24 s ago'],
  [{ age: undefined }, 'quiet', 'Live · waiting for the drone'],
  [{ age: undefined, isConnected: false }, 'warn', 'Connecting…'],
  [{ age: 24_000, hasEnded: true }, 'quiet', 'Ended'],
] as const)('%o', (change, tone, text) => {
  expect(liveChip({ ...facts, ...change })).toEqual({ tone, text });
});
