import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowRange } from './row-window.ts';

const LIST = { screenHeight: 800, rowHeight: 64, count: 2_000 };

test('the top of a list that begins below the header', () => {
  expect(rowRange({ ...LIST, top: 300 })).toEqual({ first: 0, end: 16 });
});

test('every row on the screen is rendered, and never more than the screen and some', () => {
  fc.assert(
    fc.property(fc.integer({ min: -130_000, max: 1_000 }), (top) => {
      const { first, end } = rowRange({ ...LIST, top });
      for (let index = 0; index < LIST.count; index += 1) {
        const [above, below] = [top + index * 64, top + (index + 1) * 64];
        if (below > 0 && above < 800) expect(index >= first && index < end).toBe(true);
      }
      expect(end - first).toBeLessThanOrEqual(13 + 1 + 16);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(LIST.count);
      expect(end).toBeGreaterThanOrEqual(first);
    }),
    { numRuns: 50 },
  );
});

test('a short list is rendered whole, an empty one not at all', () => {
  expect(rowRange({ ...LIST, count: 3, top: 100 })).toEqual({ first: 0, end: 3 });
  expect(rowRange({ ...LIST, count: 0, top: 100 })).toEqual({ first: 0, end: 0 });
});
