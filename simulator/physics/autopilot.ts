/** The autopilot steers straight to a place at a height, brakes in time, and corrects for the wind. Metres and m/s. */
import type { Airframe } from './airframe.ts';
import { type Body, CLIMB_ACCELERATION, overGround, type Setpoint } from './body.ts';
import type { Vector } from './weather.ts';

/** Share of its braking power that the autopilot plans with. */
const BRAKING = 0.6;
const HEIGHT_GAIN = 0.5;
/** The drone has arrived within these limits, m and m/s. */
const THERE = { metres: 2.5, speed: 1.5 };
/** Lowest speed over the ground that it demands in a headwind. */
const MIN_HEADWAY = 1;
/** The last metres to the ground are slow. */
const FLARE = { height: 6, speed: 0.9 };

export interface Spot {
  readonly east: number;
  readonly north: number;
}

export const distanceTo = (body: Spot, spot: Spot) =>
  Math.hypot(spot.east - body.east, spot.north - body.north);

export function isThere(body: Body, spot: Spot): boolean {
  const speed = overGround(body);
  return distanceTo(body, spot) < THERE.metres && Math.hypot(speed.east, speed.north) < THERE.speed;
}

/** Level flight to a spot. */
export function steerTo(body: Body, spot: Spot, height: number, wind: Vector, airframe: Airframe): Setpoint {
  const away = distanceTo(body, spot);
  const speed = Math.min(
    headway(body, spot, wind, airframe.cruiseSpeed),
    Math.sqrt(2 * BRAKING * airframe.acceleration * away),
  );
  const share = away > 0.01 ? speed / away : 0;
  return {
    east: (spot.east - body.east) * share,
    north: (spot.north - body.north) * share,
    climb: toHeight(body.up, height, airframe),
  };
}

/** Down on a spot, slowly at the end. */
export function landOn(body: Body, spot: Spot, ground: number, airframe: Airframe): Setpoint {
  const height = body.up - ground;
  const brake =
    Math.sqrt(2 * CLIMB_ACCELERATION * BRAKING * Math.max(0, height - FLARE.height)) + FLARE.speed;
  return {
    east: (spot.east - body.east) * HEIGHT_GAIN,
    north: (spot.north - body.north) * HEIGHT_GAIN,
    climb: -Math.min(airframe.descentRate, brake),
  };
}

/** Straight up over the spot. */
export function climbOver(body: Body, spot: Spot, height: number, airframe: Airframe): Setpoint {
  return {
    east: (spot.east - body.east) * HEIGHT_GAIN,
    north: (spot.north - body.north) * HEIGHT_GAIN,
    climb: toHeight(body.up, height, airframe),
  };
}

function toHeight(up: number, height: number, airframe: Airframe): number {
  return Math.max(-airframe.descentRate, Math.min(airframe.climbRate, (height - up) * HEIGHT_GAIN));
}

/** Speed over the ground towards the spot at cruise speed through the air. */
function headway(body: Body, spot: Spot, wind: Vector, airspeed: number): number {
  const away = distanceTo(body, spot);
  if (away < 0.01) return MIN_HEADWAY;
  const [east, north] = [(spot.east - body.east) / away, (spot.north - body.north) / away];
  const tail = wind.east * east + wind.north * north;
  const cross = wind.east * north - wind.north * east;
  return Math.max(MIN_HEADWAY, Math.sqrt(Math.max(0, airspeed ** 2 - cross ** 2)) + tail);
}
