/**
 * Stands between the fleet and its store: keeps changes that the store cannot take now (a full disk), and passes them on later.
 *
 * J1 Events are handed out only after they are committed, each once, in their order.
 * J2 A failing store stops nothing: the failure is reported once, the flights go on in memory, and once the store accepts
 *    changes again, it has everything that waited.
 */
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import type { SimulatedDrone } from '../drone/state.ts';
import type { Change, FleetStore, World } from './store.ts';

export interface Journal {
  readonly add: (change: Omit<Change, 'world'>) => void;
  /** Commits everything that waits. Returns the events committed by this; none while the store fails. */
  readonly flush: (world: World) => FlightEvent[];
  /** Whether the command has been decided on, but the decision is not committed yet. */
  readonly isWaiting: (commandId: string) => boolean;
}

/** @param say is called at the first failure, and at its end */
export function createJournal(store: Pick<FleetStore, 'commit'>, say: (problem?: unknown) => void): Journal {
  const drones = new Set<SimulatedDrone>();
  const commandIds = new Set<string>();
  let events: FlightEvent[] = [];
  let fates: NonNullable<Change['fates']>[number][] = [];
  let isFailing = false;
  return {
    add: (change) => {
      for (const drone of change.drones ?? []) drones.add(drone);
      for (const id of change.commandIds ?? []) commandIds.add(id);
      events.push(...(change.events ?? []));
      fates.push(...(change.fates ?? []));
    },
    flush: (world) => {
      if (drones.size === 0 && events.length === 0 && commandIds.size === 0) return [];
      try {
        store.commit({ world, drones: [...drones], events, fates, commandIds: [...commandIds] });
      } catch (error) {
        if (!isFailing) say(error);
        isFailing = true;
        return [];
      }
      if (isFailing) say();
      isFailing = false;
      const committed = events;
      drones.clear();
      commandIds.clear();
      events = [];
      fates = [];
      return committed;
    },
    isWaiting: (commandId) => commandIds.has(commandId),
  };
}
