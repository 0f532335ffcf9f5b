/**
 * Plans a delivery flight by phases: climb, cruise (with acceleration and braking, in the wind), descent, handling;
 * base → pickup → dropoff → base. Pure. From the plan the drone service decides whether a drone can fly, and takes the
 * first ETA. The simulator's flight dynamics are not used here, so the flights are an independent test of the plan.
 *
 * P1 `energy` and `toBase` cover the return to the base; a feasible plan lands there with at least the reserve.
 * P2 a plan that is not feasible lists every reason, with figures; a feasible one has none.
 * P3 more payload, more distance or less battery never makes an infeasible plan feasible.
 */
import type { Position } from '../contracts/common.ts';
import type { FlightPerformance } from '../contracts/flight.ts';
import { bearing, distance } from './distance.ts';

/** The direction in which the air moves, m/s. */
export interface Wind {
  readonly north: number;
  readonly east: number;
}

export interface FlightRequest {
  readonly from: Position;
  readonly pickup: Position;
  readonly dropoff: Position;
  readonly base: Position;
  /** kg */
  readonly payload: number;
  readonly performance: FlightPerformance;
  /** Share of the capacity, 0 to 1. */
  readonly battery: number;
  readonly wind?: Wind;
}

export type PlannedLegKind = 'ToPickup' | 'AtPickup' | 'ToDropoff' | 'AtDropoff' | 'ToBase';

export interface PlannedLeg {
  readonly kind: PlannedLegKind;
  /** m, s, Wh */
  readonly distance: number;
  readonly duration: number;
  readonly energy: number;
}

export interface FlightPlan {
  readonly legs: readonly PlannedLeg[];
  /** Seconds from now until the drone stands at the pickup. */
  readonly toPickup: number;
  /** Seconds from now until the parcel is delivered. */
  readonly toDropoff: number;
  /** Seconds from now until the drone is back at its base. */
  readonly toBase: number;
  /** m flown and Wh used until the drone is back at its base. */
  readonly distance: number;
  readonly energy: number;
  /** Share of the capacity that is left at the base; below 0 if the battery does not last. */
  readonly batteryAfter: number;
  readonly feasible: boolean;
  readonly reasons: readonly string[];
}

export interface Flown {
  readonly distance: number;
  readonly climb: number;
  readonly cruise: number;
  readonly descent: number;
  readonly duration: number;
  readonly energy: number;
}

/** Acceleration and braking of a loaded multirotor, m/s²: gentler than it could, to protect the parcel. */
const ACCELERATION = 2;
/** Lowest ground speed that a plan accepts, m/s; below it, the wind keeps the drone on the ground. */
const LEAST_HEADWAY = 3;
const GRAVITY = 9.80665;
/** Efficiency of a climb: the potential energy gained, as a share of the energy that the battery gives for it. */
const CLIMB_EFFICIENCY = 0.7;
const SECONDS_PER_HOUR = 3600;

const CALM: Wind = { north: 0, east: 0 };

/** Plans base → pickup → dropoff → base for a drone that is at `from` (on the ground or in the air). */
export function planFlight(request: FlightRequest): FlightPlan {
  const { from, pickup, dropoff, base, payload, performance, battery } = request;
  const wind = request.wind ?? CALM;
  const flights = [
    fly(from, pickup, 0, performance, wind),
    fly(pickup, dropoff, payload, performance, wind),
    fly(dropoff, base, 0, performance, wind),
  ] as const;
  const legs: PlannedLeg[] = [
    leg('ToPickup', flights[0]),
    handling('AtPickup', performance, payload),
    leg('ToDropoff', flights[1]),
    handling('AtDropoff', performance, payload),
    leg('ToBase', flights[2]),
  ];
  const after = (count: number) => legs.slice(0, count).reduce((sum, each) => sum + each.duration, 0);
  const energy = legs.reduce((sum, each) => sum + each.energy, 0);
  const reasons = [
    ...payloadReasons(payload, performance),
    ...windReasons(wind, performance),
    ...energyReasons(energy, battery, performance),
  ];
  return {
    legs,
    toPickup: after(1),
    toDropoff: after(4),
    toBase: after(5),
    distance: legs.reduce((sum, each) => sum + each.distance, 0),
    energy,
    batteryAfter: battery - energy / performance.batteryCapacity,
    feasible: reasons.length === 0,
    reasons,
  };
}

/**
 * One flight from place to place: climb from the start's altitude, cruise, descend to the target's. A drone that is already
 * in the air climbs only the rest. Seconds, m and Wh.
 */
export function fly(
  from: Position,
  to: Position,
  payload: number,
  performance: FlightPerformance,
  wind: Wind = CALM,
  /** Ground speed observed on this leg, m/s; replaces the wind triangle. */
  observedSpeed?: number,
): Flown {
  const metres = distance(from, to);
  const factor = massFactor(payload, performance);
  const level = Math.max(performance.cruiseAltitude, to.altitude);
  const climb = Math.max(0, level - from.altitude) / performance.climbRate;
  const descent = Math.max(0, Math.max(level, from.altitude) - to.altitude) / performance.descentRate;
  const speed = observedSpeed ?? groundSpeed(bearing(from, to), performance.cruiseSpeed, wind);
  const cruise = cruiseTime(metres, Math.max(speed, LEAST_HEADWAY));
  const lift = ((performance.emptyMass + payload) * GRAVITY * performance.climbRate) / CLIMB_EFFICIENCY;
  const energy =
    ((performance.hoverPower * factor + lift) * climb + performance.hoverPower * factor * descent) /
      SECONDS_PER_HOUR +
    performance.cruiseEnergy * factor * performance.cruiseSpeed * cruise;
  return { distance: metres, climb, cruise, descent, duration: climb + cruise + descent, energy };
}

/** Ground speed (m/s) along a track, for an airspeed and a wind: the wind triangle. 0 or less: no headway. */
export function groundSpeed(trackDegrees: number, airspeed: number, wind: Wind): number {
  const track = (trackDegrees * Math.PI) / 180;
  const tail = wind.north * Math.cos(track) + wind.east * Math.sin(track);
  const cross = wind.east * Math.cos(track) - wind.north * Math.sin(track);
  if (Math.abs(cross) >= airspeed) return 0;
  return Math.sqrt(airspeed ** 2 - cross ** 2) + tail;
}

/** Hover and cruise power grow with mass to the power 1.5 (momentum theory of a rotor disc). */
export function massFactor(payload: number, performance: FlightPerformance): number {
  return ((performance.emptyMass + payload) / performance.emptyMass) ** 1.5;
}

function cruiseTime(metres: number, speed: number): number {
  const rampUpAndDown = speed ** 2 / ACCELERATION;
  return metres < rampUpAndDown
    ? 2 * Math.sqrt(metres / ACCELERATION)
    : metres / speed + speed / ACCELERATION;
}

const leg = (kind: PlannedLegKind, flown: Flown): PlannedLeg => ({
  kind,
  distance: flown.distance,
  duration: flown.duration,
  energy: flown.energy,
});

/** Counts as hovering at the winch, the more expensive of the two ways to hand over a parcel. */
function handling(kind: PlannedLegKind, performance: FlightPerformance, payload: number): PlannedLeg {
  const power = performance.hoverPower * massFactor(payload, performance);
  return {
    kind,
    distance: 0,
    duration: performance.handlingTime,
    energy: (power * performance.handlingTime) / SECONDS_PER_HOUR,
  };
}

function payloadReasons(payload: number, performance: FlightPerformance): string[] {
  return payload > performance.maxPayload
    ? [`payload ${figure(payload)} kg exceeds ${figure(performance.maxPayload)} kg`]
    : [];
}

function windReasons(wind: Wind, performance: FlightPerformance): string[] {
  const strength = Math.hypot(wind.north, wind.east);
  const limit = performance.cruiseSpeed - LEAST_HEADWAY;
  return strength > limit ? [`wind ${figure(strength)} m/s exceeds ${figure(limit)} m/s`] : [];
}

function energyReasons(energy: number, battery: number, performance: FlightPerformance): string[] {
  const has = Math.max(0, (battery - performance.reserve) * performance.batteryCapacity);
  return energy > has ? [`needs ${figure(energy)} Wh, has ${figure(has)} Wh above the reserve`] : [];
}

/** One decimal, or two where one would show zero. */
const figure = (value: number) =>
  value !== 0 && Math.abs(value) < 0.1 ? value.toFixed(2) : value.toFixed(1);
