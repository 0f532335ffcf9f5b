/**
 * Between the fleet and its store: keeps what the store cannot take now (a full disk), and gives it with what comes next.
 *
 * J1 Events are handed out only after they are committed, each once, in their order.
 * J2 A store that fails ends nothing: it is said once, the flights go on in memory, and once the store takes changes again
 *    everything that waited is in it.
 */
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import type { SimulatedDrone } from '../drone/state.ts';
import type { Change, FleetStore, World } from './store.ts';

export interface Journal {
  readonly add: (change: Omit<Change, 'world'>) => void;
  /** Commits all that waits; the events that are committed by it. None while the store fails. */
  readonly flush: (world: World) => FlightEvent[];
  /** Has the command been decided on, without its decision being committed yet? */
  readonly isWaiting: (commandId: string) => boolean;
}

/** @param say is told of the first failure, and of the end of it */
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
