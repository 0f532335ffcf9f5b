/** Orders the fleet for operators: drones out of contact first, then in the air, then at base. Pure. */
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import type { SceneDrone } from '../map/scene.ts';

export type FleetDrone = FleetFrame['drones'][number];
export const FILTERS = ['all', 'flying', 'idle', 'lost'] as const;
export type Filter = (typeof FILTERS)[number];
export type Tone = Exclude<Filter, 'all'>;

export function toneOf({ link, leg, flightMode }: FleetDrone): Tone {
  if (link === 'lost') return 'lost';
  return leg === 'Idle' && flightMode === 'Ready' ? 'idle' : 'flying';
}

export function counts(drones: readonly FleetDrone[]): Readonly<Record<Filter, number>> {
  const count = { all: drones.length, flying: 0, idle: 0, lost: 0 };
  for (const drone of drones) count[toneOf(drone)] += 1;
  return count;
}

const RANK = { lost: 0, flying: 1, idle: 2 } as const;
const IDS = new Intl.Collator(undefined, { numeric: true });

/** The rank of each id, by its number. Comparing thousands of ids takes longer than a frame: keep it while the ids stay. */
export function orderOf(ids: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...ids].sort(IDS.compare).map((id, index) => [id, index]));
}

export function listed(
  drones: readonly FleetDrone[],
  filter: Filter,
  order: ReadonlyMap<string, number>,
): FleetDrone[] {
  const keyed = drones.map((drone) => {
    const tone = toneOf(drone);
    return { drone, tone, key: RANK[tone] * order.size + (order.get(drone.droneId) ?? 0) };
  });
  const shown = filter === 'all' ? keyed : keyed.filter(({ tone }) => tone === filter);
  return shown.sort((a, b) => a.key - b.key).map(({ drone }) => drone);
}

const LEGS: Readonly<Record<FleetDrone['leg'], string>> = {
  Idle: 'At its base',
  ToPickup: 'Flying to a pickup',
  AtPickup: 'Loading',
  ToDropoff: 'Carrying a parcel',
  AtDropoff: 'Lowering a parcel',
  ToBase: 'Flying home',
};

export function activity({ link, leg }: FleetDrone): string {
  return link === 'lost' ? 'Out of contact' : LEGS[leg];
}

export interface SceneOptions {
  /** The browser's clock minus the drones', ms (`skewOf`). */
  readonly skew: number;
  /** The page has lost the stream, so its content is old. */
  readonly isStale: boolean;
}

export function sceneDrones(drones: readonly FleetDrone[], { skew, isStale }: SceneOptions): SceneDrone[] {
  return drones.map((drone) => ({
    id: drone.droneId,
    takenAt: Date.parse(drone.time) + skew,
    position: drone.position,
    heading: drone.heading,
    tone: isStale ? 'stale' : toneOf(drone),
  }));
}

/** The browser's clock minus the drones': the newest sample of a frame was taken just now. */
export function skewOf(drones: readonly FleetDrone[], now: number): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { link, time } of drones) if (link === 'live') newest = Math.max(newest, Date.parse(time));
  return Number.isFinite(newest) ? now - newest : 0;
}
