import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Telemetry } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { evenly } from '../../tests/harness/evenly.ts';
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
    fc.property(evenly(-0.1, 0.1), evenly(-0.1, 0.1), (n, e) => {
      const to = { latitude: DROPOFF.latitude + n, longitude: DROPOFF.longitude + e, altitude: 0 };
      const exact = distance(DROPOFF, to);
      expect(Math.abs(roughDistance(DROPOFF, to) - exact)).toBeLessThanOrEqual(exact * 0.01 + 0.01);
    }),
  );
});

test('O1 a number that leaves the window is late, no matter how often it arrives, and disturbs no other', () => {
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

/** Degrees of latitude for metres, as `roughDistance` measures them. */
const north = (metres: number) => ({
  ...at(0).position,
  latitude: at(0).position.latitude + metres / 111_320,
});

describe('against a model', () => {
  test('O1 of the last 32 numbers each is known, an older one is late', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(numbers, (order) => {
        const track = newTrack();
        const seen = new Set<number>();
        for (const seq of order) {
          const newest = Math.max(...seen);
          const expected =
            seen.size === 0 || seq > newest
              ? 'applied'
              : newest - seq < 32 && seen.has(seq)
                ? 'duplicate'
                : 'late';
          expect(take(track, at(seq), 1)).toBe(expected);
          // A number that is too old leaves no trace.
          if (expected !== 'late' || newest - seq < 32) seen.add(seq);
        }
        expect(track.seq).toBe(Math.max(...seen));
      }),
    );
  });
});

describe('boots', () => {
  const boot = (name: string, second: number, seq = 0) => at(second, { boot: name, seq });

  test('O2 eight that were left are remembered, and one that says hello again is the current one', () => {
    const track = newTrack();
    for (let n = 1; n <= 10; n += 1) {
      beginBoot(track, `b${n}`);
      expect(take(track, boot(`b${n}`, n), 1)).toBe('applied');
    }
    expect(track.leftBoots).toEqual(['b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'b9']);
    expect(take(track, boot('b5', 99), 1)).toBe('oldBoot');
    beginBoot(track, 'b5');
    expect(track).toMatchObject({ boot: 'b5', seq: -1, seen: 0 });
    expect(track.leftBoots).not.toContain('b5');
    expect(take(track, boot('b5', 11), 1)).toBe('applied');
  });

  test('O2 the same hello again forgets nothing', () => {
    const track = newTrack();
    beginBoot(track, 'boot-1');
    expect(track.leftBoots).toEqual([]);
    take(track, at(5), 1);
    beginBoot(track, 'boot-1');
    expect(track.leftBoots).toEqual([]);
    expect(take(track, at(5), 1)).toBe('duplicate');
  });

  test('O2 a sample of a new boot that is as old as the newest one begins it, an older one does not', () => {
    const track = newTrack();
    take(track, at(10), 1);
    const of = (name: string, ms: number) =>
      at(0, { boot: name, time: new Date(track.latestTime + ms).toISOString() });
    expect(take(track, of('boot-2', -1), 1)).toBe('oldBoot');
    expect(take(track, of('boot-2', 0), 1)).toBe('applied');
    expect(track.leftBoots).toEqual(['boot-1']);
  });
});

describe('O3 how far a drone can have flown', () => {
  const reaches = (metres: number, seconds: number, accuracy: number | undefined, timeScale: number) => {
    const track = newTrack();
    const sample = (seq: number, position: Telemetry['position']) => {
      const { accuracy: _, ...rest } = at(seq, { position });
      const time = new Date(1_800_000_000_000 + seq * seconds * 1000).toISOString();
      return { ...rest, time, ...(accuracy === undefined ? {} : { accuracy }) };
    };
    take(track, sample(0, north(0)), timeScale);
    return take(track, sample(1, north(metres)), timeScale) === 'applied';
  };

  test.each([
    ['60 m/s and 30 m', 630, 10, undefined, 1],
    ['five times the accuracy of both', 60 * 10 + 30 + 50, 10, 5, 1],
    ['fast time: faster, and a larger error', 20 * (60 * 10 + 30), 10, undefined, 20],
    ['slow time: the error stays', 0.5 * 60 * 10 + 30, 10, undefined, 0.5],
    ['no time at all', 30, 0, undefined, 1],
  ])('%s', (_, metres, seconds, accuracy, timeScale) => {
    expect(reaches(metres * 0.999, seconds, accuracy, timeScale)).toBe(true);
    expect(reaches(metres * 1.001, seconds, accuracy, timeScale)).toBe(false);
  });

  test('a clock that goes back gives no more room than none', () => {
    const track = newTrack();
    take(track, at(1), 1);
    const back = at(2, { time: at(-60).time, position: north(29) });
    expect(take(track, back, 1)).toBe('applied');
    expect(take(track, at(3, { time: at(-120).time, position: north(90) }), 1)).toBe('outlier');
  });

  test('a flight that goes on between makes the count begin again', () => {
    const track = newTrack();
    take(track, at(1), 1);
    const verdicts = [there(2), there(3), at(4), there(5), there(6), there(7), there(8)];
    expect(verdicts.map((sample) => take(track, sample, 1))).toEqual([
      'outlier',
      'outlier',
      'applied',
      'outlier',
      'outlier',
      'outlier',
      'applied',
    ]);
    expect(track).toMatchObject({ suspect: undefined, agreed: 0 });
  });

  test('jumps that agree in pairs only are not believed', () => {
    const track = newTrack();
    take(track, at(1), 1);
    const other = { latitude: 10, longitude: 10, altitude: 0 };
    const verdicts = [there(2), there(3), at(4, { position: other }), at(5, { position: other }), there(6)];
    expect(new Set(verdicts.map((sample) => take(track, sample, 1)))).toEqual(new Set(['outlier']));
  });
});

test('the rough distance goes the short way over the date line, and counts the height', () => {
  const place = (longitude: number, altitude = 0) => ({ latitude: 0, longitude, altitude });
  expect(roughDistance(place(179.999), place(-179.999))).toBeCloseTo(222.64, 1);
  expect(roughDistance(place(-179.999), place(179.999))).toBeCloseTo(222.64, 1);
  expect(roughDistance(place(-90), place(90))).toBeCloseTo(180 * 111_320, 0);
  expect(roughDistance(place(90), place(-90))).toBeCloseTo(180 * 111_320, 0);
  expect(roughDistance(place(0, 10), place(0, 50))).toBe(40);
});
