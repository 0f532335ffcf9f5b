/** Statuses, events and frames of a delivery for tests. */
import type { WatchFrame, WatchPosition } from '../../shared/contracts/flight.ts';
import type { DeliveryState, Event, Status } from './state.ts';
import { newDelivery, reduce } from './state.ts';

/** A moment of the delivery: seconds after its request. */
export const at = (second: number) => new Date(Date.UTC(2026, 10, 28, 12, 0, second)).toISOString();
export const ms = (second: number) => Date.parse(at(second));
export const eta = (second: number, spread = 10) => ({
  at: at(second),
  earliest: at(second - spread),
  latest: at(second + spread),
});

export const PICKUP = { latitude: 47.595, longitude: -122.321, altitude: 0 };
export const DROPOFF = { latitude: 47.607, longitude: -122.287, altitude: 0 };

export function status(change: Partial<Status> = {}): Status {
  return {
    deliveryId: 'd1',
    state: 'Processing',
    step: 'recorded',
    attempts: 1,
    generation: 1,
    acceptedAt: at(0),
    updatedAt: at(1),
    request: {
      deliveryId: 'd1',
      ownerId: 'contoso',
      pickupLocation: PICKUP,
      dropOffLocation: DROPOFF,
      expedited: false,
      confirmationRequired: 'None',
      packageInfo: { packageId: 'p1', size: 'Small', weight: 1.2 },
    },
    ...change,
  };
}

export function position(change: Partial<WatchPosition> = {}): WatchPosition {
  return {
    time: at(20),
    age: 100,
    position: { latitude: 47.6, longitude: -122.3, altitude: 80 },
    velocity: { north: 0, east: 15, up: 0 },
    heading: 90,
    leg: 'ToPickup',
    loaded: false,
    ...change,
  };
}

export const STAGES = ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'] as const;

/** The first events of a delivery that goes well, ten seconds apart. */
export function events(count: number): Event[] {
  return STAGES.slice(0, count).map((stage, index) => ({
    sequence: index + 1,
    stage,
    at: at((index + 1) * 10),
  }));
}

export function withFrames(state: DeliveryState, ...frames: readonly WatchFrame[]): DeliveryState {
  return frames.reduce(
    (current, frame) => reduce(current, { kind: 'frame', frame, receivedAt: ms(20), serverNow: ms(20) }),
    state,
  );
}

/** A state with a status and the first events. */
export function delivery(change: Partial<Status> = {}, count = 0): DeliveryState {
  const known = reduce(newDelivery('d1'), { kind: 'status', status: status(change) });
  return reduce(known, { kind: 'events', events: events(count) });
}
