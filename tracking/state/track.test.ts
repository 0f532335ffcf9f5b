import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Telemetry } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { DROPOFF, sampleOf } from '../world.fixture.ts';
import { beginBoot, newTrack, roughDistance, take } from './track.ts';

const at = (seq: number, changes: Partial<Telemetry> = {}) =>
  sampleOf('d', { seq, time: new Date(1_800_000_000_000 + seq * 1000).toISOString(), ...changes });
const there = (seq: number) => at(seq, { position: DROPOFF });

describe('order', () => {
  test('O1 every order of samples, with repetitions, ends in the newest and applies each at most once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 80 }), (order) => {
        const track = newTrack();
        const applied: number[] = [];
        for (const seq of order) if (take(track, at(seq), 1) === 'applied') applied.push(seq);
        expect(track.latest?.seq).toBe(Math.max(...order));
        expect(applied).toEqual([...new Set(applied)].sort((a, b) => a - b));
      }),
    );
  });

  test('what was seen is a duplicate, what was not is late, what is long gone is late', () => {
    const track = newTrack();
    const seqs = [40, 42, 41, 41, 42, 40, 3, 100, 99, 99];
    expect(seqs.map((seq) => take(track, at(seq), 1))).toEqual([
      'applied',
      'applied',
      'late',
      'duplicate',
      'duplicate',
      'duplicate',
      'late',
      'applied',
      'late',
      'duplicate',
    ]);
  });

  test('O2 a new boot begins again, and the old one does not come back', () => {
    const track = newTrack();
    take(track, at(50), 1);
    expect(take(track, at(51, { boot: 'boot-2', seq: 0 }), 1)).toBe('applied');
    expect(take(track, at(52), 1)).toBe('oldBoot');
    expect(take(track, at(10, { boot: 'boot-3' }), 1)).toBe('oldBoot');
    beginBoot(track, 'boot-3');
    expect(take(track, at(60, { boot: 'boot-3', seq: 0 }), 1)).toBe('applied');
    expect(track.latest?.boot).toBe('boot-3');
  });
});

describe('outliers', () => {
  test('O3 one jump is held back, the flight goes on', () => {
    const track = newTrack();
    expect([at(1), there(2), at(3), at(4)].map((sample) => take(track, sample, 1))).toEqual([
      'applied',
      'outlier',
      'applied',
      'applied',
    ]);
    expect(track.latest?.position).toEqual(at(4).position);
  });

  test('O3 a drone that stays where it jumped to is believed', () => {
    const track = newTrack();
    take(track, at(1), 1);
    const verdicts = [2, 3, 4, 5, 6].map((seq) => take(track, there(seq), 1));
    expect(verdicts).toEqual(['outlier', 'outlier', 'outlier', 'applied', 'applied']);
  });

  test('jumps that disagree with each other are never believed', () => {
    const track = newTrack();
    take(track, at(1), 1);
    for (let seq = 2; seq < 40; seq += 1) {
      const position = { latitude: 10 + seq, longitude: 0, altitude: 0 };
      expect(take(track, at(seq, { position }), 1)).toBe('outlier');
    }
  });

  test('after a gap, or in fast time, the drone may have flown far', () => {
    const [gap, fast] = [newTrack(), newTrack()];
    take(gap, at(1), 1);
    expect(take(gap, there(100), 1)).toBe('applied');
    take(fast, at(1), 100);
    expect(take(fast, there(2), 100)).toBe('applied');
  });
});

test('the rough distance is within 1 % of the exact one in a city', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -0.1, max: 0.1, noNaN: true }),
      fc.double({ min: -0.1, max: 0.1, noNaN: true }),
      (n, e) => {
        const to = { latitude: DROPOFF.latitude + n, longitude: DROPOFF.longitude + e, altitude: 0 };
        const exact = distance(DROPOFF, to);
        expect(Math.abs(roughDistance(DROPOFF, to) - exact)).toBeLessThanOrEqual(exact * 0.01 + 0.01);
      },
    ),
  );
});

test('O1 a number that leaves the window is late, however often it comes, and disturbs no other', () => {
  const track = newTrack();
  expect([100, 68, 68, 69, 69, 100].map((seq) => take(track, at(seq), 1))).toEqual([
    'applied',
    'late',
    'late',
    'late',
    'duplicate',
    'duplicate',
  ]);
});
