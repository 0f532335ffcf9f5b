/** The fleet as an operator sees it: in the air first, then what needs a look. Pure. */
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import type { SceneDrone } from '../map/scene.ts';

export type FleetDrone = FleetFrame['drones'][number];
export const FILTERS = ['all', 'flying', 'idle', 'lost'] as const;
export type Filter = (typeof FILTERS)[number];

export function toneOf({ link, leg, flightMode }: FleetDrone): SceneDrone['tone'] {
  if (link === 'lost') return 'lost';
  return leg === 'Idle' && flightMode === 'Ready' ? 'idle' : 'flying';
}

export function counts(drones: readonly FleetDrone[]): Readonly<Record<Filter, number>> {
  const of = (tone: SceneDrone['tone']) => drones.filter((drone) => toneOf(drone) === tone).length;
  return { all: drones.length, flying: of('flying'), idle: of('idle'), lost: of('lost') };
}

const RANK = { lost: 0, flying: 1, idle: 2 } as const;

export function listed(drones: readonly FleetDrone[], filter: Filter): FleetDrone[] {
  return drones
    .filter((drone) => filter === 'all' || toneOf(drone) === filter)
    .sort(
      (a, b) =>
        RANK[toneOf(a)] - RANK[toneOf(b)] || a.droneId.localeCompare(b.droneId, undefined, { numeric: true }),
    );
}

const LEGS: Readonly<Record<FleetDrone['leg'], string>> = {
  Idle: 'On its base',
  ToPickup: 'Flying to a pickup',
  AtPickup: 'Loading',
  ToDropoff: 'Carrying a parcel',
  AtDropoff: 'Lowering a parcel',
  ToBase: 'Flying home',
};

export function doing(drone: FleetDrone): string {
  if (drone.link === 'lost') return 'Out of contact';
  return LEGS[drone.leg];
}

/** The stream's times are the drones'; what is drawn needs ours: `skew` is ours minus theirs, ms. */
export function sceneDrones(drones: readonly FleetDrone[], skew: number): SceneDrone[] {
  return drones.map((drone) => ({
    id: drone.droneId,
    takenAt: Date.parse(drone.time) + skew,
    position: drone.position,
    heading: drone.heading,
    tone: toneOf(drone),
  }));
}

/** Ours minus theirs: the newest sample of a frame was taken just now. */
export function skewOf(drones: readonly FleetDrone[], now: number): number {
  const newest = Math.max(
    ...drones.filter(({ link }) => link === 'live').map(({ time }) => Date.parse(time)),
  );
  return Number.isFinite(newest) ? now - newest : 0;
}
