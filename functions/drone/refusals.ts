/**
 * What is done before a delivery is refused: the fleet is looked through once more, and the reasons are counted.
 *
 * The fleet is read at most once in SUMMARY_MS, for all refusals of that time together, and never for a reservation that
 * succeeds at once.
 */
import { REFUSAL_CODES, type RefusalGroup } from '../../shared/contracts/drones.ts';
import { availableFrom, type FleetDrone, unavailable } from './availability.ts';
import { type RefusalCode, rankOf, type Tally, type Task, unsuitable } from './domain.ts';
import type { AvailableDrone } from './schemas.ts';

export interface RefusalsDeps {
  readonly fleet: () => Promise<readonly FleetDrone[]>;
  readonly now: () => Date;
}

export interface Refusals {
  /**
   * Drones that are available by their own documents, but not stored by place yet: that is done a moment later.
   * @param seen drones that are known already
   */
  overlooked(
    task: Pick<Task, 'weight' | 'size'>,
    seen: ReadonlySet<string>,
  ): Promise<readonly AvailableDrone[]>;
  /**
   * The reasons, in groups.
   * @param tally of the drones that the search looked at; `reserved` are those that other deliveries took meanwhile
   */
  count(task: Pick<Task, 'weight' | 'size' | 'exclude'>, tally: Tally): Promise<readonly RefusalGroup[]>;
}

/** What a refusal needs to know of a drone. */
interface Summary {
  readonly droneId: string;
  readonly bay: number;
  readonly maxPayload: number;
  /** Why it is not available. */
  readonly code: RefusalCode | undefined;
  readonly drone: AvailableDrone | undefined;
}

/** Drones that are looked at once more. */
const MAX_OVERLOOKED = 50;
const SUMMARY_MS = 10_000;

export function createRefusals({ fleet, now }: RefusalsDeps): Refusals {
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

  const overlooked: Refusals['overlooked'] = async (task, seen) =>
    (await summary())
      .flatMap(({ drone, code, bay, maxPayload }) =>
        drone && !code && !seen.has(drone.id) && !unsuitable(bay, maxPayload, task) ? [drone] : [],
      )
      .slice(0, MAX_OVERLOOKED);

  const count: Refusals['count'] = async (task, tally) => {
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

  return { overlooked, count };
}

function summarize(drone: FleetDrone, now: Date): Summary {
  const { droneId, cargoBay = 'Large', performance } = drone.registry;
  const { maxPayload } = performance;
  const code = unavailable(drone, now);
  return { droneId, bay: rankOf(cargoBay), maxPayload, code, drone: availableFrom(drone) };
}
