/**
 * Keeps the deliveries under way: drone, owner and stage of each. They come from `drone-commands` and `domain-events`
 * alone, so reading both from their beginning restores them after a crash.
 *
 * K1 Applying the same message again, or an older one after a newer one, changes nothing (stages are ordered by sequence).
 * K2 A mission counts for its drone only while its fence is the newest of that drone (missions.ts).
 * K3 A delivery that has ended is forgotten after a while, so memory is proportional to the deliveries under way.
 */
import type { Owner, Position } from '../../shared/contracts/common.ts';
import type { CloudEvent, DomainEventData } from '../../shared/contracts/events.ts';
import { DOMAIN_EVENTS, type DomainEventType } from '../../shared/contracts/events.ts';
import type { DroneCommand } from '../../shared/contracts/flight.ts';
import { AppError } from '../../shared/errors.ts';
import { describeErrors, read } from '../../shared/read.ts';
import { createMissions, type MissionRecord } from './missions.ts';

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
  /** ms since the epoch: when it ended, and when the last message about it came. */
  endedAt?: number;
  touchedAt: number;
}

export interface Assignment {
  readonly droneId: string;
  readonly missionId: string;
  readonly fence: number;
}

/** The changes that a message made, for the code that passes them on. */
export type StateChange =
  | {
      readonly kind: 'stage';
      readonly delivery: Delivery;
      readonly change: StageChange;
      readonly ended: boolean;
    }
  | { readonly kind: 'finished'; readonly missionId: string }
  | { readonly kind: 'mission'; readonly record: MissionRecord };

export interface DeliveriesOptions {
  readonly now: () => number;
  /** ms that an ended delivery is kept for late watchers and repeated events. */
  readonly retainEnded: number;
}

export interface Deliveries {
  readonly find: (deliveryId: string) => Delivery | undefined;
  readonly mission: (missionId: string) => MissionRecord | undefined;
  /** The mission with the newest fence of a drone, finished or not. */
  readonly newestOf: (droneId: string) => MissionRecord | undefined;
  readonly newestFence: (droneId: string) => number;
  readonly applyCommand: (command: DroneCommand) => StateChange[];
  /** @throws AppError `invalid_request` when the event's type is known, but its data do not fit it */
  readonly applyEvent: (event: CloudEvent) => StateChange[];
  /** The unfinished missions of drones. */
  readonly activeMissions: () => Iterable<MissionRecord>;
  readonly forgetEnded: () => number;
  readonly size: () => { readonly deliveries: number; readonly missions: number };
}

const ENDS: ReadonlySet<string> = new Set(['Completed', 'Cancelled', 'Failed']);
/** A delivery without a message for this long is forgotten, ms; longer than the hubs keep their messages. */
const SILENCE_MS = 8 * 24 * 3600 * 1000;
/** Stage changes kept for watchers that resume. */
const MAX_STAGES = 50;

export function createDeliveries({ now, retainEnded }: DeliveriesOptions): Deliveries {
  const deliveries = new Map<string, Delivery>();
  const missions = createMissions();

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

  const applyStage = (facts: DomainEventData<'DeliveryCreated'>): StateChange[] => {
    const delivery = deliveryOf(facts.deliveryId);
    if (facts.sequence <= delivery.sequence) return [];
    const change = advance(delivery, facts);
    const ended = ENDS.has(facts.stage);
    const changes: StateChange[] = [{ kind: 'stage', delivery, change, ended }];
    if (!ended) return changes;
    delivery.endedAt = Math.min(now(), Date.parse(facts.at));
    return [...changes, ...missions.finishAll(facts.deliveryId).map(finished)];
  };

  const applyAssigned = (data: DomainEventData<'DroneAssigned'>): StateChange[] => {
    const { deliveryId, droneId, missionId, fence, owner, pickup, dropoff } = data;
    const assignment = { droneId, missionId, fence };
    Object.assign(deliveryOf(deliveryId), { owner, pickup, dropoff, assignment });
    return [];
  };

  const applyReleased = (data: DomainEventData<'DroneReleased'>): StateChange[] => {
    const delivery = deliveryOf(data.deliveryId);
    const { assignment } = delivery;
    if (assignment?.droneId === data.droneId && assignment.fence <= data.fence) delete delivery.assignment;
    return missions.release(data.deliveryId, data.droneId, data.fence).map(finished);
  };

  return {
    find: (deliveryId) => deliveries.get(deliveryId),
    mission: missions.find,
    newestOf: missions.newestOf,
    newestFence: (droneId) => missions.newestOf(droneId)?.mission.fence ?? 0,
    applyCommand: (command) => {
      if (command.kind !== 'Mission' || missions.find(command.missionId)) return [];
      const { mission } = command;
      const delivery = deliveryOf(mission.deliveryId);
      const record = missions.add(mission, delivery.endedAt !== undefined);
      delivery.owner ??= mission.owner;
      delivery.pickup ??= mission.pickup;
      delivery.dropoff ??= mission.dropoff;
      delivery.base = mission.base.position;
      const { droneId, missionId, fence } = mission;
      if (!record.finished) delivery.assignment ??= { droneId, missionId, fence };
      return [{ kind: 'mission', record }];
    },
    applyEvent: (event) => {
      if (event.type === 'DroneAssigned') return applyAssigned(dataOf(event.type, event));
      if (event.type === 'DroneReleased') return applyReleased(dataOf(event.type, event));
      return isStageEvent(event.type) ? applyStage(dataOf(event.type, event)) : [];
    },
    activeMissions: missions.active,
    forgetEnded: () => {
      let forgotten = 0;
      for (const [deliveryId, { endedAt, touchedAt }] of deliveries) {
        const ended = endedAt !== undefined && now() - Math.max(endedAt, touchedAt) >= retainEnded;
        if (!ended && now() - touchedAt < SILENCE_MS) continue;
        deliveries.delete(deliveryId);
        missions.forget(deliveryId);
        forgotten += 1;
      }
      return forgotten;
    },
    size: () => ({ deliveries: deliveries.size, missions: missions.size() }),
  };
}

/** The events whose data are a delivery's facts. */
const STAGE_EVENTS = [
  'DeliveryCreated',
  'DeliveryRescheduled',
  'DeliveryHeadedToPickup',
  'DeliveryHeadedToDropoff',
  'DeliveryReturning',
  'DeliveryCompleted',
  'DeliveryCancelled',
  'DeliveryFailed',
] as const satisfies DomainEventType[];
type StageEvent = (typeof STAGE_EVENTS)[number];

const isStageEvent = (type: string): type is StageEvent => (STAGE_EVENTS as readonly string[]).includes(type);

const finished = (missionId: string): StateChange => ({ kind: 'finished', missionId });

function advance(delivery: Delivery, facts: DomainEventData<'DeliveryCreated'>): StageChange {
  const { stage, sequence, at, owner, pickup, dropoff } = facts;
  Object.assign(delivery, { owner, pickup, dropoff, stage, sequence });
  const change: StageChange = { stage, sequence, at };
  delivery.stages.push(change);
  if (delivery.stages.length > MAX_STAGES) delivery.stages.shift();
  return change;
}

function dataOf<T extends DomainEventType>(type: T, event: Pick<CloudEvent, 'data'>): DomainEventData<T> {
  const data = read(DOMAIN_EVENTS[type], event.data, 'message.data');
  if (!data.ok) throw new AppError('invalid_request', describeErrors(data.errors));
  return data.value as DomainEventData<T>;
}
