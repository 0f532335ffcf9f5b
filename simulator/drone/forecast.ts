/**
 * The drone's own estimate of the energy for a flight, from its power curve and the wind that it feels; it does not use
 * the plan of the drone service. Wh.
 */
import type { Position } from '../../shared/contracts/common.ts';
import { toLocal } from '../../shared/geo/distance.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import type { Airframe } from '../physics/airframe.ts';
import { airframeOf } from '../physics/airframes.ts';
import { electricPower } from '../physics/power.ts';
import type { Vector } from '../physics/weather.ts';
import { capacityOf, type SimulatedDrone } from './state.ts';

const SECONDS_PER_HOUR = 3600;
/** Allowance for handling, braking and everything else outside the formulas. */
const MARGIN = 1.08;
const MIN_HEADWAY = 3;

export interface Place {
  readonly east: number;
  readonly north: number;
  readonly up: number;
}

export const placeOf = (position: Position): Place => toLocal(SERVICE_AREA.center, position);

/** One hop from place to place with `payload` on board. */
export interface Hop {
  readonly from: Place;
  readonly to: Place;
  readonly payload: number;
  /** m, if the route is longer than the straight line (a recorded flight). */
  readonly length?: number;
}

/** Energy for the hops one after the other, with the hover at each end. */
export function energyFor(drone: SimulatedDrone, hops: readonly Hop[], wind: Vector): number {
  const airframe = airframeOf(drone.model);
  const air = hops.reduce((sum, hop) => sum + hopEnergy(airframe, hop, wind), 0);
  return air * drone.traits.thirst * MARGIN;
}

/** Energy above the share of the capacity that must stay untouched. */
export const energyAbove = (drone: SimulatedDrone, share: number) => drone.energy - share * capacityOf(drone);

function hopEnergy(airframe: Airframe, { from, to, payload, length }: Hop, wind: Vector): number {
  const mass = airframe.emptyMass + payload;
  const [east, north] = [to.east - from.east, to.north - from.north];
  const straight = Math.hypot(east, north);
  const tail = straight > 0 ? (wind.east * east + wind.north * north) / straight : 0;
  const level = Math.max(airframe.cruiseAltitude, to.up);
  const power = (airspeed: number, climb: number) => electricPower(airframe, { mass, airspeed, climb });
  const seconds =
    (length ?? straight) / Math.max(MIN_HEADWAY, airframe.cruiseSpeed + tail) +
    airframe.cruiseSpeed / airframe.acceleration;
  const joules =
    power(airframe.cruiseSpeed, 0) * seconds +
    power(0, airframe.climbRate) * (Math.max(0, level - from.up) / airframe.climbRate) +
    power(0, -airframe.descentRate) * (Math.max(0, level - to.up) / airframe.descentRate);
  return joules / SECONDS_PER_HOUR;
}
