/**
 * Looks for drones that can fly a delivery, the nearest first.
 *
 * S1 Rings around the pickup widen until one of them has a drone that can; within a ring the least cost is best. What it
 *    costs depends on how far away the next available drone is, not on the size of the fleet.
 * S2 Before the search gives up it looks at drones whose lease has just run out, and at those that are not stored by place yet.
 */
import { distance } from '../../shared/geo/distance.ts';
import { availableFrom } from './availability.ts';
import type { AvailableDrones } from './available.ts';
import { type Candidate, type ChoiceContext, choose, type Tally, type Task } from './domain.ts';
import type { ReserveRequest } from './intent.ts';
import type { Refusals } from './refusals.ts';
import type { DroneRepository } from './repository.ts';
import type { AvailableDrone, JobDocument } from './schemas.ts';
import type { FleetSweep } from './sweep.ts';

export interface SearchDeps {
  readonly available: Pick<AvailableDrones, 'within'>;
  readonly sweep: Pick<FleetSweep, 'freeLapsed'>;
  readonly refusals: Pick<Refusals, 'overlooked'>;
}

/** Half the sides of the rings, m. The last is beyond the reach of any drone that can come back. */
const RINGS = [2_000, 4_000, 12_000, 36_000];
/** Drones of one look, and looks at one ring: most of a large fleet stands at a few bases. */
const AT_ONCE = 24;
const MAX_LOOKS = 4;

export interface Search {
  readonly task: Task;
  readonly context: ChoiceContext;
  /** Counts the drones that cannot. */
  readonly tally: Tally;
  /** Drones that have become available so lately that they may not be stored by place yet. */
  readonly lately?: readonly AvailableDrone[];
}

/** The drones that can, ring by ring, the best of each ring first. */
export async function* candidatesFor(
  { task, context, tally, lately = [] }: Search,
  { available, sweep, refusals }: SearchDeps,
): AsyncGenerator<Candidate, void> {
  const seen = new Set(task.exclude);
  const consider = (drones: readonly AvailableDrone[]): readonly Candidate[] => {
    for (const { id } of drones) seen.add(id);
    const { candidates, refused } = choose(drones, task, context);
    for (const code of refused) tally.set(code, (tally.get(code) ?? 0) + 1);
    return candidates;
  };
  const unseen = (drones: readonly AvailableDrone[], others: readonly AvailableDrone[] = []) =>
    drones.filter(({ id }) => !seen.has(id) && !others.some((other) => other.id === id));
  for (const radius of RINGS) {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const query = { centre: task.pickup, radius, task, except: [...seen], limit: AT_ONCE };
      const drones = await available.within(query);
      const inRing = lately.filter(({ position }) => distance(task.pickup, position) <= radius);
      yield* consider([...drones, ...unseen(inRing, drones)]);
      if (drones.length < AT_ONCE) break;
    }
  }
  const freed = await sweep.freeLapsed(context.now);
  yield* consider(unseen(freed.flatMap((drone) => availableFrom(drone) ?? [])));
  yield* consider(await refusals.overlooked(task, seen));
}

/** The drone that an earlier generation of the delivery has just given back: it may be the best again. */
export async function givenBack(
  { generation, exclude }: Pick<ReserveRequest, 'generation' | 'exclude'>,
  earlier: JobDocument | undefined,
  { drone: read }: Pick<DroneRepository, 'drone'>,
): Promise<readonly AvailableDrone[]> {
  if (!earlier || earlier.generation >= generation || exclude.includes(earlier.droneId)) return [];
  const drone = availableFrom(await read(earlier.droneId));
  return drone ? [drone] : [];
}
