/** Drones as the contract shows them. */
import type { Drone, DroneState, Reservation } from '../../shared/contracts/drones.ts';
import { isHeld } from './availability.ts';
import type { JobDocument, RegistryDocument, StateDocument } from './schemas.ts';

export function stateView(state: StateDocument): DroneState {
  const { time, position, heading, battery, flightMode, leg, loaded, deliveryId, pickupEta, deliveryEta } =
    state;
  return {
    time,
    position,
    heading,
    battery,
    flightMode,
    leg,
    loaded,
    ...(deliveryId ? { deliveryId } : {}),
    ...(pickupEta ? { pickupEta } : {}),
    ...(deliveryEta ? { deliveryEta } : {}),
  };
}

export function droneView(registry: RegistryDocument, state: StateDocument | undefined, now: Date): Drone {
  const { droneId, model, performance, base, cargoBay = 'Large', health, acceptsMissions, hold } = registry;
  return {
    id: droneId,
    model,
    performance,
    base,
    cargoBay,
    health,
    acceptsMissions,
    ...(hold && isHeld(registry, now) ? { reservedFor: hold.deliveryId } : {}),
    ...(state ? { state: stateView(state) } : {}),
  };
}

export function reservationOf(job: JobDocument): Reservation {
  const { deliveryId, droneId, missionId, fence, leaseUntil, pickupEta, deliveryEta } = job;
  return { deliveryId, droneId, missionId, fence, leaseUntil, pickupEta, deliveryEta };
}
