/**
 * Models the body of a drone in the air. The autopilot sets its velocity through the air, which changes no faster than the
 * rotors allow, and the wind carries it. Metres, m/s, seconds; east, north, up of the city's centre.
 *
 * B1 speed through the air changes by at most `acceleration`, climb by at most CLIMB_ACCELERATION.
 * B2 it moves by exactly (airspeed + wind) · dt.
 */
import type { Airframe } from './airframe.ts';
import { electricPower } from './power.ts';
import type { Vector } from './weather.ts';

export interface Body {
  east: number;
  north: number;
  up: number;
  /** Velocity through the air, and upwards. */
  air: Vector;
  climb: number;
  /** Wind and gust that carried it in the last step. */
  wind: Vector;
}

/** The autopilot's setpoint: velocity over the ground, and upwards. */
export interface Setpoint {
  readonly east: number;
  readonly north: number;
  readonly climb: number;
}

export const CLIMB_ACCELERATION = 1.5;
/** First-order lag of the attitude loop. */
const LAG = 0.7;
/** How far airspeed may exceed cruise speed when the wind requires it. */
const AIRSPEED_MARGIN = 1.2;

/** Moves the body by one step. Returns the electric power that this took, W. */
export function stepBody(
  body: Body,
  setpoint: Setpoint,
  wind: Vector,
  airframe: Airframe,
  mass: number,
  dt: number,
): number {
  const wanted = limit(
    { east: setpoint.east - wind.east, north: setpoint.north - wind.north },
    airframe.cruiseSpeed * AIRSPEED_MARGIN,
  );
  const gain = Math.min(1, dt / LAG);
  const change = limit(
    { east: (wanted.east - body.air.east) * gain, north: (wanted.north - body.air.north) * gain },
    airframe.acceleration * dt,
  );
  body.air.east += change.east;
  body.air.north += change.north;
  const climbChange = (setpoint.climb - body.climb) * gain;
  body.climb += Math.max(-CLIMB_ACCELERATION * dt, Math.min(CLIMB_ACCELERATION * dt, climbChange));
  body.wind = { east: wind.east, north: wind.north };
  body.east += (body.air.east + wind.east) * dt;
  body.north += (body.air.north + wind.north) * dt;
  body.up += body.climb * dt;
  return electricPower(airframe, {
    mass,
    airspeed: Math.hypot(body.air.east, body.air.north),
    climb: body.climb,
  });
}

/** Puts the body down: it stands still, and the wind no longer carries it. */
export function stand(body: Body, up: number): void {
  body.up = up;
  body.air = { east: 0, north: 0 };
  body.wind = { east: 0, north: 0 };
  body.climb = 0;
}

/** Velocity over the ground. */
export const overGround = (body: Body): Vector => ({
  east: body.air.east + body.wind.east,
  north: body.air.north + body.wind.north,
});

function limit(vector: Vector, most: number): Vector {
  const length = Math.hypot(vector.east, vector.north);
  return length <= most
    ? vector
    : { east: (vector.east / length) * most, north: (vector.north / length) * most };
}
