import * as fc from 'fast-check';

const STEPS = 2 ** 31 - 1;

/**
 * Numbers that lie evenly between two bounds. `fc.double` chooses evenly among representations instead, of which most are next to
 * zero: half of its angles point north, and most of its winds are a calm.
 */
export function evenly(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: STEPS }).map((step) => min + ((max - min) * step) / STEPS);
}
