/**
 * Estimates the ETA of a mission under way: the rest of the phase plan at the observed ground speed, with an 80 %
 * interval. Times in seconds.
 *
 * E1 the estimate does not grow while a drone flies its plan exactly (tested by flying plans).
 * E2 the interval contains the estimate, is never negative, and shrinks to the handling's own spread at the end.
 * E3 the observed speed is weighted by its samples, `(plan·20 + observed·n) / (20 + n)`, and only on the leg of its observation.
 */
import type { Eta, Position } from '../contracts/common.ts';
import type { FlightLeg, FlightPerformance, Mission, Telemetry } from '../contracts/flight.ts';
import { bearing } from './distance.ts';
import { type Flown, fly, groundSpeed, type Wind } from './flight-plan.ts';

/** Ground speed in cruise, filtered, on one leg; `samples` is the number of observations. */
export interface ObservedSpeed {
  readonly leg: FlightLeg;
  readonly speed: number;
  readonly samples: number;
  readonly lastTime: number;
}

export interface RemainingRequest {
  readonly mission: Pick<Mission, 'pickup' | 'dropoff' | 'payload' | 'performance'>;
  readonly position: Position;
  readonly leg: FlightLeg;
  /** Whether the parcel is on board. */
  readonly loaded: boolean;
  readonly observed?: ObservedSpeed;
  readonly wind?: Wind;
  /** Seconds (wall clock) since the handling began, on the legs AtPickup and AtDropoff. */
  readonly handlingFor?: number;
  /** Simulated seconds per second of the wall clock; default 1. */
  readonly timeScale?: number;
}

/** Seconds on the wall clock with their 80 % interval. */
export interface Remaining {
  readonly seconds: number;
  readonly low: number;
  readonly high: number;
}

export interface RemainingTimes {
  /** Until the drone stands at the pickup; absent once it has been there. */
  readonly toPickup?: Remaining;
  /** Until the parcel is delivered; absent once it has been, or when it will not be. */
  readonly toDropoff?: Remaining;
}

/** Weight of the plan's own speed, in samples: reference of the phase-plan estimator with filtered ground speed. */
const PLAN_WEIGHT = 20;
/** Half of the 80 % interval of a normal distribution, in sigmas. */
const EIGHTY_PERCENT = 1.2816;
/** Sigma of each phase as a share of its duration: wind en route, guidance, hands at the winch. */
const SPREAD = { cruise: 0.05, unseenCruise: 0.08, vertical: 0.05, handling: 0.12 };
/** Sigma that remains at the very end, seconds of flight. */
const LEAST_SPREAD = 1;
/** Share of cruise speed and of the cruise altitude from which a sample counts as cruise. */
const CRUISING = { speed: 0.5, altitude: 0.85 };
const SMOOTHING = 0.15;

/**
 * Seconds from the drone's position to the pickup and to the delivery. A drone that no longer has a parcel of this mission
 * (leg ToBase, Idle) has neither.
 */
export function remaining(request: RemainingRequest): RemainingTimes {
  const { mission, position, leg, loaded } = request;
  const { pickup, dropoff, payload, performance } = mission;
  const scale = request.timeScale ?? 1;
  const hands = performance.handlingTime;
  const flying = (from: Position, to: Position, weight: number) =>
    flightTime(
      fly(from, to, weight, performance, request.wind, speedOn(request, from, to)),
      request.observed?.leg === leg,
    );
  const later = () => flightTime(fly(pickup, dropoff, payload, performance, request.wind), false);
  const handlingLeft = Math.max(0, hands - (request.handlingFor ?? 0) * scale);
  switch (leg) {
    case 'ToPickup': {
      const there = flying(position, pickup, 0);
      const after = add(there, handling(hands), later(), handling(hands));
      return { toPickup: onTheClock(there, scale), toDropoff: onTheClock(after, scale) };
    }
    case 'AtPickup': {
      const after = add(handling(loaded ? 0 : handlingLeft), later(), handling(hands));
      return { toDropoff: onTheClock(after, scale) };
    }
    case 'ToDropoff':
      return { toDropoff: onTheClock(add(flying(position, dropoff, payload), handling(hands)), scale) };
    case 'AtDropoff':
      return loaded ? { toDropoff: onTheClock(handling(handlingLeft), scale) } : {};
    case 'ToBase':
    case 'Idle':
      return {};
    default:
      return leg satisfies never;
  }
}

/**
 * Adds one sample to the filtered ground speed. A new leg starts the filter again; samples that are late, duplicate or not
 * in cruise change nothing.
 */
export function observeSpeed(
  observed: ObservedSpeed | undefined,
  sample: Pick<Telemetry, 'leg' | 'velocity' | 'time' | 'position'>,
  performance: FlightPerformance,
): ObservedSpeed | undefined {
  const kept = observed?.leg === sample.leg ? observed : undefined;
  const time = Date.parse(sample.time);
  const speed = Math.hypot(sample.velocity.north, sample.velocity.east);
  const cruising =
    speed >= performance.cruiseSpeed * CRUISING.speed &&
    sample.position.altitude >= performance.cruiseAltitude * CRUISING.altitude;
  if (!cruising || (kept && time <= kept.lastTime)) return kept;
  return {
    leg: sample.leg,
    speed: kept ? kept.speed + (speed - kept.speed) * SMOOTHING : speed,
    samples: (kept?.samples ?? 0) + 1,
    lastTime: time,
  };
}

/**
 * A point in time with its interval. `spread` is half of the interval's width (seconds), or its two ends as seconds from
 * now. The interval never begins before now.
 * @example etaFrom(new Date('2026-01-01T00:00:00Z'), 60, 10).at // '2026-01-01T00:01:00.000Z'
 */
export function etaFrom(
  now: Date,
  seconds: number,
  spread: number | { readonly low: number; readonly high: number },
): Eta {
  const at = (after: number) => new Date(now.getTime() + Math.max(0, after) * 1000).toISOString();
  const low = typeof spread === 'number' ? seconds - spread : spread.low;
  const high = typeof spread === 'number' ? seconds + spread : spread.high;
  return { at: at(seconds), earliest: at(Math.min(low, seconds)), latest: at(Math.max(high, seconds)) };
}

interface Stretch {
  readonly seconds: number;
  readonly variance: number;
}

function speedOn(request: RemainingRequest, from: Position, to: Position): number | undefined {
  const { observed, leg, mission } = request;
  if (!observed || observed.leg !== leg) return undefined;
  const wind = request.wind ?? { north: 0, east: 0 };
  const planned = groundSpeed(bearing(from, to), mission.performance.cruiseSpeed, wind);
  return (planned * PLAN_WEIGHT + observed.speed * observed.samples) / (PLAN_WEIGHT + observed.samples);
}

function flightTime(flown: Flown, seen: boolean): Stretch {
  const cruise = flown.cruise * (seen ? SPREAD.cruise : SPREAD.unseenCruise);
  const vertical = (flown.climb + flown.descent) * SPREAD.vertical;
  return { seconds: flown.duration, variance: cruise ** 2 + vertical ** 2 };
}

function handling(seconds: number): Stretch {
  return { seconds, variance: (seconds * SPREAD.handling) ** 2 };
}

function add(...parts: readonly Stretch[]): Stretch {
  return {
    seconds: parts.reduce((sum, part) => sum + part.seconds, 0),
    variance: parts.reduce((sum, part) => sum + part.variance, 0),
  };
}

function onTheClock(stretch: Stretch, scale: number): Remaining {
  const half = EIGHTY_PERCENT * Math.sqrt(stretch.variance + LEAST_SPREAD ** 2);
  return {
    seconds: stretch.seconds / scale,
    low: Math.max(0, stretch.seconds - half) / scale,
    high: (stretch.seconds + half) / scale,
  };
}
