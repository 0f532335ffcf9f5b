/** Says whether a drone is available, from what is stored of it. Pure. */
import { type RefusalCode, rankOf } from './domain.ts';
import { cellOf } from './place.ts';
import type { AvailableDrone, RegistryDocument, StateDocument } from './schemas.ts';

export interface FleetDrone {
  readonly registry: RegistryDocument;
  readonly state: StateDocument | undefined;
}

/** A drone that has been silent for this long is not available, ms. Idle drones are stored once a minute. */
export const SILENCE_MS = 90_000;

/** The reason why a drone cannot be reserved now for any task. */
export function unavailable({ registry, state }: FleetDrone, now: Date): RefusalCode | undefined {
  if (registry.health !== 'Ok') return 'in_maintenance';
  if (!registry.acceptsMissions) return 'accepts_no_missions';
  if (!state) return 'never_heard';
  if (state.silentSince !== undefined || isSilent(state, now)) return 'silent';
  if (isHeld(registry, now)) return 'reserved';
  return state.leg === 'Idle' ? undefined : 'in_flight';
}

/**
 * The drone as it is stored by place; undefined while it is not available. Depends on the documents alone: the time at
 * which a lease or a silence begins to count is written into them by the sweep.
 */
export function availableFrom({ registry, state }: Partial<FleetDrone>): AvailableDrone | undefined {
  if (!registry || !state || registry.hold !== null || state.silentSince !== undefined) return undefined;
  if (registry.health !== 'Ok' || !registry.acceptsMissions || state.leg !== 'Idle') return undefined;
  const { droneId, fence, base, performance, cargoBay = 'Large' } = registry;
  const { position, battery } = state;
  return {
    id: droneId,
    type: 'available',
    cell: cellOf(position),
    fence,
    position,
    battery,
    base,
    performance,
    bay: rankOf(cargoBay),
  };
}

export function isSilent(state: StateDocument, now: Date): boolean {
  return now.getTime() - Date.parse(state.time) > SILENCE_MS;
}

export function isHeld({ hold }: RegistryDocument, now: Date): boolean {
  return hold !== null && (hold.until === null || hold.until > now.toISOString());
}
