/**
 * Computes the power of a multirotor: induced (momentum theory with forward flight, Glauert), parasitic drag, climbing, avionics.
 * W, m/s, kg.
 */
import type { Airframe } from './airframe.ts';

const GRAVITY = 9.80665;
const AIR_DENSITY = 1.21;
/** Losses of real rotors over the ideal disc. */
const INDUCED_FACTOR = 1.15;
/** In a descent the rotors recover part of the potential energy; more would be autorotation. */
const DESCENT_GAIN = 0.4;
const MIN_SHARE_OF_INDUCED = 0.6;
/** Fixed-point rounds for the induced speed; it converges to a percent within a few. */
const ROUNDS = 8;

export interface Flow {
  readonly mass: number;
  /** Horizontal speed through the air. */
  readonly airspeed: number;
  /** Positive upwards. */
  readonly climb: number;
}

/** The power that the battery must give, W. */
export function electricPower(airframe: Airframe, { mass, airspeed, climb }: Flow): number {
  const weight = mass * GRAVITY;
  const drag = 0.5 * AIR_DENSITY * airframe.dragArea * airspeed ** 2;
  const thrust = Math.hypot(weight, drag);
  const hoverFlow = thrust / (2 * AIR_DENSITY * airframe.discArea);
  let induced = Math.sqrt(hoverFlow);
  for (let i = 0; i < ROUNDS; i += 1) induced = (induced + hoverFlow / Math.hypot(airspeed, induced)) / 2;
  const inducedPower = INDUCED_FACTOR * thrust * induced;
  const lift = weight * climb * (climb < 0 ? DESCENT_GAIN : 1);
  const air = Math.max(inducedPower * MIN_SHARE_OF_INDUCED, inducedPower + lift) + drag * airspeed;
  return air / airframe.efficiency + airframe.avionics;
}
