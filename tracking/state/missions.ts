/**
 * Keeps the missions of drones, by mission, by drone and by delivery.
 *
 * M1 A mission counts for its drone only while its fence is the newest of that drone.
 * M2 A mission is finished when its drone was released from it or its delivery has ended, in either order: the hubs are
 *    read side by side.
 */
import type { Mission } from '../../shared/contracts/flight.ts';

export interface MissionRecord {
  readonly mission: Mission;
  /** Its drone was released, or its delivery has ended: it needs nothing more. */
  finished: boolean;
}

export interface Missions {
  readonly find: (missionId: string) => MissionRecord | undefined;
  /** The mission with the newest fence of a drone, finished or not. */
  readonly newestOf: (droneId: string) => MissionRecord | undefined;
  /** @param ended whether the delivery has ended */
  readonly add: (mission: Mission, ended: boolean) => MissionRecord;
  /** Releases the drone from the delivery's missions up to this fence. Returns the ids of the missions that this finished. */
  readonly release: (deliveryId: string, droneId: string, fence: number) => string[];
  /** Ends the delivery. Returns the ids of the missions that this finished. */
  readonly finishAll: (deliveryId: string) => string[];
  /** Missions that are not finished, of the drones whose newest they are. */
  readonly active: () => Iterable<MissionRecord>;
  readonly forget: (deliveryId: string) => void;
  readonly size: () => number;
}

export function createMissions(): Missions {
  const missions = new Map<string, MissionRecord>();
  const newest = new Map<string, MissionRecord>();
  const idsOf = new Map<string, Set<string>>();
  /** By delivery and drone: the newest fence that was released. */
  const releases = new Map<string, Map<string, number>>();

  const finish = (deliveryId: string, which: (mission: Mission) => boolean): string[] => {
    const finished: string[] = [];
    for (const id of idsOf.get(deliveryId) ?? []) {
      const record = missions.get(id);
      if (!record || record.finished || !which(record.mission)) continue;
      record.finished = true;
      finished.push(id);
    }
    return finished;
  };

  return {
    find: (missionId) => missions.get(missionId),
    newestOf: (droneId) => newest.get(droneId),
    add: (mission, ended) => {
      const { missionId, deliveryId, droneId, fence } = mission;
      const released = (releases.get(deliveryId)?.get(droneId) ?? 0) >= fence;
      const record: MissionRecord = { mission, finished: ended || released };
      missions.set(missionId, record);
      idsOf.set(deliveryId, (idsOf.get(deliveryId) ?? new Set()).add(missionId));
      const before = newest.get(droneId);
      if (!before || before.mission.fence < fence) newest.set(droneId, record);
      return record;
    },
    release: (deliveryId, droneId, fence) => {
      const fences = releases.get(deliveryId) ?? new Map<string, number>();
      releases.set(deliveryId, fences.set(droneId, Math.max(fence, fences.get(droneId) ?? 0)));
      return finish(deliveryId, (mission) => mission.droneId === droneId && mission.fence <= fence);
    },
    finishAll: (deliveryId) => finish(deliveryId, () => true),
    *active() {
      for (const record of newest.values()) if (!record.finished) yield record;
    },
    forget: (deliveryId) => {
      releases.delete(deliveryId);
      for (const id of idsOf.get(deliveryId) ?? []) missions.delete(id);
      idsOf.delete(deliveryId);
    },
    size: () => missions.size,
  };
}
