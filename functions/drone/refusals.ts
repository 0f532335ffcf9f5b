/**
 * Says why no drone can fly a delivery, in groups by reason.
 *
 * The drones that a search looked at are counted by the search. The others (reserved, in flight, silent, in maintenance) are
 * counted in a summary of the fleet that is at most SUMMARY_MS old: it is made by reading the fleet, so it is made for all
 * refusals of that time together, and never for a reservation that succeeds.
 */
import { REFUSAL_CODES, type RefusalGroup } from '../../shared/contracts/drones.ts';
import { type FleetDrone, unavailable } from './availability.ts';
import { type RefusalCode, rankOf, type Task, unsuitable } from './domain.ts';
import type { Tally } from './search.ts';

export interface RefusalsDeps {
  readonly fleet: () => Promise<readonly FleetDrone[]>;
  readonly now: () => Date;
}

/** @param tally of the drones that the search looked at; `reserved` are those that other deliveries took meanwhile */
export type CountRefusals = (
  task: Pick<Task, 'weight' | 'size' | 'exclude'>,
  tally: Tally,
) => Promise<readonly RefusalGroup[]>;

/** What a refusal needs to know of a drone. */
interface Summary {
  readonly droneId: string;
  readonly bay: number;
  readonly maxPayload: number;
  /** Why it is not available. */
  readonly code: RefusalCode | undefined;
}

const SUMMARY_MS = 10_000;

export function createRefusals({ fleet, now }: RefusalsDeps): CountRefusals {
  let latest: Promise<readonly Summary[]> | undefined;
  let madeAt = Number.NEGATIVE_INFINITY;

  const summary = (): Promise<readonly Summary[]> => {
    const at = now().getTime();
    if (latest && Math.abs(at - madeAt) < SUMMARY_MS) return latest;
    madeAt = at;
    latest = fleet().then((drones) => drones.map((drone) => summarize(drone, now())));
    latest.catch(() => {
      latest = undefined;
    });
    return latest;
  };

  return async (task, tally) => {
    const counts = new Map<RefusalCode, number>();
    const add = (code: RefusalCode, count = 1) => counts.set(code, (counts.get(code) ?? 0) + count);
    let available = 0;
    for (const { droneId, bay, maxPayload, code } of await summary()) {
      const lasting = unsuitable(bay, maxPayload, task);
      if (lasting) add(lasting);
      else if (code === 'in_maintenance' || code === 'accepts_no_missions') add(code);
      else if (task.exclude.includes(droneId)) add('tried_before');
      else if (code) add(code);
      else available += 1;
    }
    for (const code of ['reserved', 'too_late'] as const) {
      const count = Math.min(available, tally.get(code) ?? 0);
      if (count > 0) add(code, count);
      available -= count;
    }
    if (available > 0) add('out_of_range', available);
    return REFUSAL_CODES.flatMap((code) => {
      const count = counts.get(code);
      return count === undefined ? [] : [{ code, count }];
    });
  };
}

function summarize(drone: FleetDrone, now: Date): Summary {
  const { droneId, cargoBay = 'Large', performance } = drone.registry;
  const { maxPayload } = performance;
  return { droneId, bay: rankOf(cargoBay), maxPayload, code: unavailable(drone, now) };
}
