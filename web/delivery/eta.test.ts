import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eta, ms } from './delivery.fixture.ts';
import { clock, duration, etaText, steadyEta, timeLeft } from './eta.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe('time left', () => {
  test.each([
    [-5 * SECOND, 'any moment'],
    [2_999, 'any moment'],
    [3 * SECOND, '3 s'],
    [30 * SECOND, '30 s'],
    [32 * SECOND, '30 s'],
    [33 * SECOND, '35 s'],
    [58 * SECOND, '1 min'],
    [72 * SECOND, '1 min 10 s'],
    [119_999, '2 min'],
    [2 * MINUTE, '2 min'],
    [150 * SECOND, '3 min'],
    [59 * MINUTE, '59 min'],
    [60 * MINUTE, '1 h 0 min'],
    [135 * MINUTE, '2 h 15 min'],
  ])('%i ms is %s', (left, text) => expect(timeLeft(left)).toBe(text));

  test('an hour never has 60 minutes, a minute never 60 seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 48 * 60 * MINUTE }), (left) => {
        expect(timeLeft(left)).not.toMatch(/(^| )60 (s|min$)/);
        expect(duration(left)).not.toMatch(/(^| )60 (s|min$)/);
      }),
    );
  });
});

test('a duration is exact', () => {
  expect([0, 400, 48_000, 60_000, 192_000, 3_600_000, 5_430_000].map(duration)).toEqual([
    '0 s',
    '0 s',
    '48 s',
    '1 min 0 s',
    '3 min 12 s',
    '1 h 0 min',
    '1 h 30 min',
  ]);
});

describe('an arrival in words', () => {
  test('far off: minutes', () => {
    const text = etaText(eta(600, 120), ms(0));
    expect(text).toEqual({
      left: '10 min',
      at: clock(ms(600), false),
      interval: `between ${clock(ms(480), false)} and ${clock(ms(720), false)}`,
    });
  });

  test('soon, or within one minute: seconds', () => {
    expect(etaText(eta(60), ms(0))).toMatchObject({
      at: clock(ms(60), true),
      interval: `between ${clock(ms(50), true)} and ${clock(ms(70), true)}`,
    });
    expect(etaText(eta(630, 5), ms(0)).interval).toBe(
      `between ${clock(ms(625), true)} and ${clock(ms(635), true)}`,
    );
  });

  test('without an interval: a time', () => {
    expect(etaText(eta(60, 0), ms(0)).interval).toBe(`at ${clock(ms(60), true)}`);
  });
});

describe('a steady arrival', () => {
  test('changes by more than 2 s or 1 % of what is left, not by less', () => {
    expect(steadyEta(eta(100), eta(102), ms(0))).toEqual(eta(100));
    expect(steadyEta(eta(100), eta(103), ms(0))).toEqual(eta(103));
    expect(steadyEta(eta(1_000), eta(1_010), ms(0))).toEqual(eta(1_000));
    expect(steadyEta(eta(1_000), eta(1_011), ms(0))).toEqual(eta(1_011));
    expect(steadyEta(eta(100), eta(97), ms(90))).toEqual(eta(97));
  });

  test('appears and goes at once', () => {
    expect(steadyEta(undefined, eta(100), ms(0))).toEqual(eta(100));
    expect(steadyEta(eta(100), undefined, ms(0))).toBeUndefined();
  });
});
