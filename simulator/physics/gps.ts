/** Models the satellite receiver: the true place plus a wandering drift and noise. Metres. */
import { gaussMarkov, normal, type RandomState } from './random.ts';

export interface GpsError {
  east: number;
  north: number;
  up: number;
}

/** One sigma of the horizontal error, as the receiver itself reports it. */
export const GPS_ACCURACY = 1.2;

const DRIFT = { seconds: 60, sigma: 0.7 };
const NOISE = 0.35;
const VERTICAL_FACTOR = 1.5;

/** Advances the drift by `dt` seconds, in place, and returns the error of one fix. */
export function nextFix(random: RandomState, drift: GpsError, dt: number): GpsError {
  drift.east = gaussMarkov(random, drift.east, dt, DRIFT.seconds, DRIFT.sigma);
  drift.north = gaussMarkov(random, drift.north, dt, DRIFT.seconds, DRIFT.sigma);
  drift.up = gaussMarkov(random, drift.up, dt, DRIFT.seconds, DRIFT.sigma * VERTICAL_FACTOR);
  return {
    east: drift.east + normal(random) * NOISE,
    north: drift.north + normal(random) * NOISE,
    up: drift.up + normal(random) * NOISE * VERTICAL_FACTOR,
  };
}
