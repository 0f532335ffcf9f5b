/**
 * What tracking knows of deliveries and missions: which drone flies which delivery, for whom, and in which stage. StateChange from
 * `drone-commands` and `domain-events` alone, so that reading both from their beginning brings it back after a crash.
 *
 * K1 learning the same message again, or an older one after a newer one, changes nothing (stages go by their sequence).
 * K2 a mission counts for its drone only while its fence is the newest of that drone.
 * K3 what has ended is forgotten after a while, so that memory follows the deliveries under way and not those ever made.
 */
import type { Owner, Position } from '../../shared/contracts/common.ts';
import type { CloudEvent, DomainEventData } from '../../shared/contracts/events.ts';
import { DOMAIN_EVENTS } from '../../shared/contracts/events.ts';
import type { DroneCommand, Mission } from '../../shared/contracts/flight.ts';

export interface StageChange {
  readonly stage: string;
  readonly sequence: number;
  readonly at: string;
}

export interface Delivery {
  readonly deliveryId: string;
  owner?: Owner;
  stage: string;
  /** -1 until the delivery's first event has been seen. */
  sequence: number;
  pickup?: Position;
  dropoff?: Position;
  base?: Position;
  /** Newest last. */
  readonly stages: StageChange[];
  assignment?: Assignment;
  /** ms since the epoch: when it ended, and when it was last heard of. */
  endedAt?: number;
  touchedAt: number;
}

export interface Assignment {
  readonly droneId: string;
  readonly missionId: string;
  readonly fence: number;
}

export interface MissionRecord {
  readonly mission: Mission;
  /** Released, or its delivery has ended: nothing more is to be done for it. */
  finished: boolean;
}

/** What a message changed, for those who push it on. */
export type StateChange =
  | {
      readonly kind: 'stage';
      readonly delivery: Delivery;
      readonly change: StageChange;
      readonly ended: boolean;
    }
  | { readonly kind: 'finished'; readonly missionId: string }
  | { readonly kind: 'mission'; readonly known: MissionRecord };

export interface DeliveriesOptions {
  readonly now: () => number;
  /** ms that an ended delivery is kept for late watchers and repeated events. */
  readonly retainEnded: number;
}

export interface Deliveries {
  readonly find: (deliveryId: string) => Delivery | undefined;
  readonly mission: (missionId: string) => MissionRecord | undefined;
  /** The mission with the newest fence of a drone, over or not. */
  readonly newestOf: (droneId: string) => MissionRecord | undefined;
  readonly newestFence: (droneId: string) => number;
  readonly applyCommand: (command: DroneCommand) => StateChange[];
  /** @throws ZodError when the event is of a type that is known, but its data is not */
  readonly applyEvent: (event: CloudEvent) => StateChange[];
  /** Missions that are not over, of the drones that have them. */
  readonly activeMissions: () => Iterable<MissionRecord>;
  readonly forgetEnded: () => number;
  readonly size: () => { readonly deliveries: number; readonly missions: number };
}

type DeliveryFacts = DomainEventData<'DeliveryCreated'>;

const ENDS: ReadonlySet<string> = new Set(['Completed', 'Cancelled', 'Failed']);
/** A delivery that nothing was heard of for so long is forgotten: longer than the hubs keep their messages, ms. */
const SILENCE = 8 * 24 * 3600 * 1000;
/** Stage changes kept for watchers that resume. */
const MAX_STAGES = 50;

export function createDeliveries({ now, retainEnded }: DeliveriesOptions): Deliveries {
  const deliveries = new Map<string, Delivery>();
  const missions = new Map<string, MissionRecord>();
  const newest = new Map<string, MissionRecord>();
  const missionsOf = new Map<string, Set<string>>();
  /** By drone, of a delivery: a release may be read before the mission that it ends, since the hubs are read side by side. */
  const releases = new Map<string, Map<string, number>>();

  const deliveryOf = (deliveryId: string): Delivery => {
    const known = deliveries.get(deliveryId);
    if (known) {
      known.touchedAt = now();
      return known;
    }
    const made: Delivery = { deliveryId, stage: 'Created', sequence: -1, stages: [], touchedAt: now() };
    deliveries.set(deliveryId, made);
    return made;
  };

  const end = (known: MissionRecord | undefined): StateChange[] => {
    if (!known || known.finished) return [];
    known.finished = true;
    return [{ kind: 'finished', missionId: known.mission.missionId }];
  };

  const applyStage = (facts: DeliveryFacts): StateChange[] => {
    const delivery = deliveryOf(facts.deliveryId);
    if (facts.sequence <= delivery.sequence) return [];
    const change: StageChange = { stage: facts.stage, sequence: facts.sequence, at: facts.at };
    delivery.owner = facts.owner;
    delivery.pickup = facts.pickup;
    delivery.dropoff = facts.dropoff;
    delivery.stage = facts.stage;
    delivery.sequence = facts.sequence;
    delivery.stages.push(change);
    if (delivery.stages.length > MAX_STAGES) delivery.stages.shift();
    const ended = ENDS.has(facts.stage);
    const changes: StateChange[] = [{ kind: 'stage', delivery, change, ended }];
    if (!ended) return changes;
    delivery.endedAt = Math.min(now(), Date.parse(facts.at));
    for (const id of missionsOf.get(facts.deliveryId) ?? []) changes.push(...end(missions.get(id)));
    return changes;
  };

  const applyAssigned = (data: DomainEventData<'DroneAssigned'>): StateChange[] => {
    const { deliveryId, droneId, missionId, fence, owner, pickup, dropoff } = data;
    const delivery = deliveryOf(deliveryId);
    Object.assign(delivery, { owner, pickup, dropoff });
    delivery.assignment = { droneId, missionId, fence };
    return [];
  };

  const applyReleased = (data: DomainEventData<'DroneReleased'>): StateChange[] => {
    const delivery = deliveryOf(data.deliveryId);
    const { assignment } = delivery;
    if (assignment?.droneId === data.droneId && assignment.fence <= data.fence) delete delivery.assignment;
    const changes: StateChange[] = [];
    for (const id of missionsOf.get(data.deliveryId) ?? []) {
      const known = missions.get(id);
      if (known && known.mission.droneId === data.droneId && known.mission.fence <= data.fence) {
        changes.push(...end(known));
      }
    }
    const fences = releases.get(data.deliveryId) ?? new Map<string, number>();
    releases.set(
      data.deliveryId,
      fences.set(data.droneId, Math.max(data.fence, fences.get(data.droneId) ?? 0)),
    );
    return changes;
  };
  return {
    find: (deliveryId) => deliveries.get(deliveryId),
    mission: (missionId) => missions.get(missionId),
    newestOf: (droneId) => newest.get(droneId),
    newestFence: (droneId) => newest.get(droneId)?.mission.fence ?? 0,
    applyCommand: (command) => {
      if (command.kind !== 'Mission' || missions.has(command.missionId)) return [];
      const { mission } = command;
      const delivery = deliveryOf(mission.deliveryId);
      const releasedFence = releases.get(mission.deliveryId)?.get(mission.droneId) ?? 0;
      const finished = delivery.endedAt !== undefined || releasedFence >= mission.fence;
      const known: MissionRecord = { mission, finished };
      missions.set(mission.missionId, known);
      const siblings = missionsOf.get(mission.deliveryId) ?? new Set();
      missionsOf.set(mission.deliveryId, siblings.add(mission.missionId));
      delivery.owner ??= mission.owner;
      delivery.pickup ??= mission.pickup;
      delivery.dropoff ??= mission.dropoff;
      delivery.base = mission.base.position;
      if (!finished) {
        delivery.assignment ??= {
          droneId: mission.droneId,
          missionId: mission.missionId,
          fence: mission.fence,
        };
      }
      const before = newest.get(mission.droneId);
      if (!before || before.mission.fence < mission.fence) newest.set(mission.droneId, known);
      return [{ kind: 'mission', known }];
    },
    applyEvent: (event) => {
      switch (event.type) {
        case 'DroneAssigned':
          return applyAssigned(DOMAIN_EVENTS.DroneAssigned.parse(event.data));
        case 'DroneReleased':
          return applyReleased(DOMAIN_EVENTS.DroneReleased.parse(event.data));
        case 'DeliveryCreated':
        case 'DeliveryRescheduled':
        case 'DeliveryHeadedToPickup':
        case 'DeliveryHeadedToDropoff':
        case 'DeliveryReturning':
        case 'DeliveryCompleted':
        case 'DeliveryCancelled':
        case 'DeliveryFailed':
          return applyStage(DOMAIN_EVENTS[event.type].parse(event.data));
        default:
          return [];
      }
    },
    *activeMissions() {
      for (const known of newest.values()) if (!known.finished) yield known;
    },
    forgetEnded: () => {
      let forgotten = 0;
      for (const [deliveryId, { endedAt, touchedAt }] of deliveries) {
        const ended = endedAt !== undefined && now() - Math.max(endedAt, touchedAt) >= retainEnded;
        if (!ended && now() - touchedAt < SILENCE) continue;
        deliveries.delete(deliveryId);
        releases.delete(deliveryId);
        for (const id of missionsOf.get(deliveryId) ?? []) missions.delete(id);
        missionsOf.delete(deliveryId);
        forgotten += 1;
      }
      return forgotten;
    },
    size: () => ({ deliveries: deliveries.size, missions: missions.size }),
  };
}
