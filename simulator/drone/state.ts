/** A simulated drone as plain data: it is kept on disk, and each step advances it. */
import type { Position } from '../../shared/contracts/common.ts';
import type { FlightEventKind, FlightLeg, Mission } from '../../shared/contracts/flight.ts';
import { fromLocal, toLocal } from '../../shared/geo/distance.ts';
import { type NamedBase, SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { AIRFRAMES, airframeOf } from '../physics/airframes.ts';
import type { Body } from '../physics/body.ts';
import type { GpsError } from '../physics/gps.ts';
import { type RandomState, randomStream, uniform } from '../physics/random.ts';
import type { Vector } from '../physics/weather.ts';

export type Phase =
  | 'Parked'
  | 'Preflight'
  | 'Takeoff'
  | 'Cruise'
  | 'Replay'
  | 'Descent'
  | 'Handling'
  | 'Grounded';

export interface ActiveMission {
  readonly order: Mission;
  loaded: boolean;
  /** The mission was given up; the drone is on its way back. */
  aborted: boolean;
  tookOff: boolean;
  warned: boolean;
}

export interface SimulatedDrone {
  readonly id: string;
  readonly model: string;
  readonly base: { readonly baseId: string; readonly position: Position };
  /** Differences from the data sheet: power that it needs, capacity that it still has (shares). */
  readonly traits: { readonly thirst: number; readonly health: number };
  readonly random: RandomState;
  /** The receiver has its own noise, so the number of fixes does not change the flight. */
  readonly senses: RandomState;
  readonly body: Body;
  readonly gust: Vector;
  readonly drift: GpsError;
  /** Wh in the battery; W drawn in the last step. */
  energy: number;
  power: number;
  /** Radians clockwise from north. */
  heading: number;
  phase: Phase;
  leg: FlightLeg;
  /** Seconds (simulated) in this phase, and its duration if that is known. */
  inPhase: number;
  lasts: number;
  mission: ActiveMission | undefined;
  newestFence: number;
  /** m over ground since it was built. */
  odometer: number;
}

/** A flight event without its time and place. */
export interface EventDraft {
  readonly kind: FlightEventKind;
  readonly mission: Pick<Mission, 'missionId' | 'deliveryId' | 'fence'>;
  readonly reason?: string;
  /** Distinguishes two events of the same kind and mission. */
  readonly occasion?: string;
}

/** Distance between the pads of a base, m. */
const PAD_SPACING = 12;
const PADS_PER_ROW = 10;

/** Drone number `index` (from 0) of the fleet of a seed: its model, base, pad and traits. */
export function buildDrone(seed: number, index: number): SimulatedDrone {
  const id = `drone-${index + 1}`;
  const random = randomStream(seed, id);
  const airframe = AIRFRAMES[index % AIRFRAMES.length] as (typeof AIRFRAMES)[number];
  const traits = { thirst: 0.97 + 0.06 * uniform(random), health: 0.94 + 0.06 * uniform(random) };
  const position = padOf(index);
  const { east, north } = toLocal(SERVICE_AREA.center, position);
  return {
    id,
    model: airframe.model,
    base: { baseId: baseOf(index).baseId, position },
    traits,
    random,
    senses: randomStream(seed, `${id}/senses`),
    body: { east, north, up: 0, air: { east: 0, north: 0 }, climb: 0, wind: { east: 0, north: 0 } },
    gust: { east: 0, north: 0 },
    drift: { east: 0, north: 0, up: 0 },
    energy: airframe.capacity * traits.health * (0.9 + 0.1 * uniform(random)),
    power: 0,
    heading: 0,
    phase: 'Parked',
    leg: 'Idle',
    inPhase: 0,
    lasts: 0,
    mission: undefined,
    newestFence: 0,
    odometer: 0,
  };
}

export const capacityOf = (drone: SimulatedDrone) => airframeOf(drone.model).capacity * drone.traits.health;

/** Charge as a share of the battery's present capacity, 0 to 1. */
export const batteryOf = (drone: SimulatedDrone) =>
  Math.max(0, Math.min(1, drone.energy / capacityOf(drone)));

/** Its true position. */
export function truePosition(drone: SimulatedDrone): Position {
  const { east, north, up } = drone.body;
  return fromLocal(SERVICE_AREA.center, { east, north, up });
}

export function enterPhase(drone: SimulatedDrone, phase: Phase, lasts = 0): void {
  drone.phase = phase;
  drone.inPhase = 0;
  drone.lasts = lasts;
}

const baseOf = (index: number) => SERVICE_AREA.bases[index % SERVICE_AREA.bases.length] as NamedBase;

/** Models alternate fastest; bases alternate in steps of their own, so each base gets every model. */
function padOf(index: number): Position {
  const pad = Math.floor(index / SERVICE_AREA.bases.length);
  const place = fromLocal(baseOf(index).position, {
    east: (pad % PADS_PER_ROW) * PAD_SPACING,
    north: Math.floor(pad / PADS_PER_ROW) * PAD_SPACING,
    up: 0,
  });
  return { latitude: round(place.latitude), longitude: round(place.longitude), altitude: 0 };
}

const round = (degrees: number) => Math.round(degrees * 1e7) / 1e7;
