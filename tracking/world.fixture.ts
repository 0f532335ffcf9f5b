/** For tests: missions, samples and events of a small world around one place. */
import type { CloudEvent, DomainEventType } from '../shared/contracts/events.ts';
import type {
  DroneCommand,
  FlightEvent,
  FlightEventKind,
  Mission,
  Telemetry,
} from '../shared/contracts/flight.ts';

export const OWNER = { userId: 'user-1', accountId: 'account-1' };
export const BASE = { latitude: 47.6, longitude: -122.33, altitude: 0 };
export const PICKUP = { latitude: 47.61, longitude: -122.33, altitude: 0 };
export const DROPOFF = { latitude: 47.62, longitude: -122.32, altitude: 0 };

const ETA = {
  at: '2026-11-24T00:10:00.000Z',
  earliest: '2026-11-24T00:09:00.000Z',
  latest: '2026-11-24T00:11:00.000Z',
};

export function missionOf(droneId: string, deliveryId: string, fence = 1): Mission {
  return {
    missionId: `${deliveryId}-m${fence}`,
    deliveryId,
    droneId,
    owner: OWNER,
    fence,
    pickup: PICKUP,
    dropoff: DROPOFF,
    base: { baseId: 'base-1', position: BASE },
    payload: 1,
    performance: {
      cruiseSpeed: 16,
      climbRate: 4,
      descentRate: 3,
      cruiseAltitude: 80,
      emptyMass: 6,
      maxPayload: 3,
      batteryCapacity: 500,
      cruiseEnergy: 0.02,
      hoverPower: 600,
      handlingTime: 20,
      reserve: 0.2,
    },
    pickupEta: ETA,
    deliveryEta: ETA,
  };
}

export function missionCommand(mission: Mission): Extract<DroneCommand, { kind: 'Mission' }> {
  const { droneId, deliveryId, missionId, fence } = mission;
  return { kind: 'Mission', commandId: missionId, droneId, deliveryId, missionId, fence, mission };
}

export function recallCommand(mission: Mission): DroneCommand {
  const { droneId, deliveryId, missionId, fence } = mission;
  const commandId = `${missionId}-recall`;
  return { kind: 'Recall', commandId, droneId, deliveryId, missionId, fence, reason: 'cancelled' };
}

export function sampleOf(droneId: string, changes: Partial<Telemetry> = {}): Telemetry {
  return {
    droneId,
    boot: 'boot-1',
    seq: 0,
    time: new Date().toISOString(),
    position: BASE,
    velocity: { north: 0, east: 0, up: 0 },
    heading: 0,
    battery: 0.9,
    flightMode: 'Ready',
    leg: 'Idle',
    loaded: false,
    accuracy: 1.5,
    ...changes,
  };
}

/** A sample of a drone that flies its mission. */
export function flyingSample(mission: Mission, seq: number, changes: Partial<Telemetry> = {}): Telemetry {
  const { droneId, missionId, deliveryId, fence } = mission;
  return sampleOf(droneId, {
    seq,
    flightMode: 'Inflight',
    leg: 'ToPickup',
    velocity: { north: 16, east: 0, up: 0 },
    position: { latitude: BASE.latitude + seq * 0.00014, longitude: BASE.longitude, altitude: 80 },
    missionId,
    deliveryId,
    fence,
    ...changes,
  });
}

const PLACES: Partial<Record<FlightEventKind, typeof BASE>> = {
  ArrivedAtPickup: PICKUP,
  PickedUp: PICKUP,
  ArrivedAtDropoff: DROPOFF,
  Delivered: DROPOFF,
};

export function flightEvent(
  mission: Mission,
  kind: FlightEventKind,
  changes: Partial<FlightEvent> = {},
): FlightEvent {
  const { droneId, deliveryId, missionId, fence } = mission;
  return {
    eventId: `${missionId}.${kind}`,
    kind,
    droneId,
    deliveryId,
    missionId,
    fence,
    time: new Date().toISOString(),
    position: PLACES[kind] ?? BASE,
    battery: 0.8,
    ...changes,
  };
}

const STAGE_EVENTS: Record<string, DomainEventType> = {
  Created: 'DeliveryCreated',
  HeadedToPickup: 'DeliveryHeadedToPickup',
  HeadedToDropoff: 'DeliveryHeadedToDropoff',
  Completed: 'DeliveryCompleted',
  Cancelled: 'DeliveryCancelled',
  Returning: 'DeliveryReturning',
};

export function stageEvent(
  deliveryId: string,
  stage: string,
  sequence: number,
  at = new Date().toISOString(),
): CloudEvent {
  const data = { deliveryId, owner: OWNER, stage, sequence, at, pickup: PICKUP, dropoff: DROPOFF };
  return eventOf(STAGE_EVENTS[stage] ?? 'DeliveryCreated', `${deliveryId}-${sequence}`, deliveryId, data);
}

export function assignedEvent(mission: Mission): CloudEvent {
  const { deliveryId, droneId, missionId, fence, owner, pickup, dropoff, pickupEta, deliveryEta } = mission;
  const data = { deliveryId, droneId, missionId, fence, owner, pickup, dropoff, pickupEta, deliveryEta };
  return eventOf('DroneAssigned', `${deliveryId}-assigned-${fence}`, deliveryId, data);
}

export function releasedEvent({ deliveryId, droneId, fence }: Mission): CloudEvent {
  const data = { deliveryId, droneId, fence };
  return eventOf('DroneReleased', `${deliveryId}-released-${fence}`, deliveryId, data);
}

function eventOf(type: DomainEventType, id: string, subject: string, data: unknown): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source: '/test',
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}
