import { expect, test } from 'vitest';
import { newFrameRate, takeFrame } from './frame-rate.ts';

test('R1 as many as the limit are taken each second; of those beyond, the first is told', () => {
  const rate = newFrameRate();
  for (const second of [5, 6, 60]) {
    const verdicts = Array.from({ length: 6 }, (_, n) => takeFrame(rate, 3, second * 1000 + n * 100));
    expect(verdicts).toEqual(['taken', 'taken', 'taken', 'told', 'refused', 'refused']);
  }
});

test('R2 ten crowded seconds on end cut the drone off; a calm second begins the count again', () => {
  const rate = newFrameRate();
  const crowd = (second: number) => Array.from({ length: 5 }, () => takeFrame(rate, 3, second * 1000)).at(-1);
  for (let second = 0; second < 9; second += 1) expect(crowd(second)).toBe('refused');
  takeFrame(rate, 3, 9_000);
  for (let second = 10; second < 20; second += 1) expect(crowd(second)).toBe('refused');
  expect(crowd(20)).toBe('cut');
});
