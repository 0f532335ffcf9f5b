/**
 * Keeps `availableDrones` as `drones` says, by the change feed of `drones`.
 *
 * P1 It depends on the documents of a drone alone, so every batch may come again.
 * P2 It writes only when a drone becomes available or ceases to be, or when what the choice needs of it has changed: another
 *    minute of the same parked drone costs nothing.
 * P3 It heals itself: what is remembered of a drone is forgotten after a while, and at its next change both its documents
 *    and its items are read, and what is wrong is put right.
 */
import { distance } from '../../shared/geo/distance.ts';
import { availableFrom, type FleetDrone } from './availability.ts';
import type { AvailableDrones } from './available.ts';
import type { AvailableDrone, RegistryDocument, StateDocument } from './schemas.ts';

export type ProjectDrones = (documents: readonly unknown[], now: Date) => Promise<void>;

export interface ProjectionDeps {
  readonly available: Pick<AvailableDrones, 'cells' | 'put' | 'remove'>;
  readonly drone: (droneId: string) => Promise<Partial<FleetDrone>>;
}

interface Known {
  drone: Partial<FleetDrone>;
  /** As it is stored. */
  stored: AvailableDrone | undefined;
  readonly until: number;
}

const REMEMBERED_MS = 3_600_000;
/** Less than this is no change: of a battery, share of its capacity; of a position, m (that of a parked drone wanders). */
const BATTERY_STEP = 0.05;
const POSITION_STEP = 50;

export function createProjection({ available, drone: readDrone }: ProjectionDeps): ProjectDrones {
  const known = new Map<string, Known>();

  const put = async (droneId: string, cells: readonly string[], next: AvailableDrone | undefined) => {
    if (next) await available.put(next);
    await Promise.all(
      cells.filter((cell) => cell !== next?.cell).map((cell) => available.remove(droneId, cell)),
    );
  };

  const follow = async (droneId: string, changes: Partial<FleetDrone>, entry: Known): Promise<void> => {
    const drone = { ...entry.drone, ...changes };
    const next = availableFrom(drone);
    if (!isSame(entry.stored, next)) {
      known.delete(droneId);
      await put(droneId, entry.stored ? [entry.stored.cell] : [], next);
      known.set(droneId, { ...entry, drone, stored: next });
    } else entry.drone = drone;
  };

  const begin = async (droneIds: readonly string[], now: Date): Promise<void> => {
    if (droneIds.length === 0) return;
    const cells = await available.cells(droneIds);
    await Promise.all(
      droneIds.map(async (droneId) => {
        const drone = await readDrone(droneId);
        const stored = availableFrom(drone);
        await put(droneId, cells.get(droneId) ?? [], stored);
        known.set(droneId, { drone, stored, until: now.getTime() + REMEMBERED_MS });
      }),
    );
  };

  return async (documents, now) => {
    const changes = changesOf(documents);
    const isKnown = (droneId: string) => (known.get(droneId)?.until ?? 0) > now.getTime();
    const ids = [...changes.keys()];
    const [old, fresh] = [ids.filter(isKnown), ids.filter((id) => !isKnown(id))];
    await Promise.all([
      begin(fresh, now),
      ...old.map((id) => follow(id, changes.get(id) ?? {}, known.get(id) as Known)),
    ]);
  };
}

/** The newest of each drone's documents. */
function changesOf(documents: readonly unknown[]): Map<string, Partial<FleetDrone>> {
  const changes = new Map<string, Partial<FleetDrone>>();
  for (const document of documents as readonly (RegistryDocument | StateDocument)[]) {
    if (document.type !== 'registry' && document.type !== 'state') continue;
    const before = changes.get(document.droneId) ?? {};
    changes.set(document.droneId, { ...before, [document.type]: document });
  }
  return changes;
}

function isSame(stored: AvailableDrone | undefined, next: AvailableDrone | undefined): boolean {
  if (!stored || !next) return stored === next;
  return (
    Math.abs(stored.battery - next.battery) < BATTERY_STEP &&
    distance(stored.position, next.position) < POSITION_STEP &&
    fixedPart(stored) === fixedPart(next)
  );
}

const fixedPart = ({ fence, bay, base, performance }: AvailableDrone) =>
  JSON.stringify([fence, bay, base, performance]);
