/**
 * Decides whether a flight event is credible: the drone asserts it, tracking compares it with mission, plan and position.
 *
 * P1 an event of a mission that this drone never got is not passed on.
 * P2 events of a mission whose drone has a newer one (by the fence) are stale, except those that answer or end it: the
 *    workflow of the older mission may still wait for these.
 * P3 a parcel is picked up at the pickup and delivered at the dropoff, and no drone is where it cannot have flown.
 */
import type { FlightEvent, FlightEventKind, Mission } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import type { Deliveries } from '../state/deliveries.ts';
import type { Drone } from '../state/drones.ts';
import { roughDistance } from '../state/track.ts';
import { MAX_AHEAD_MS } from './clock.ts';

export type Refusal = {
  readonly code:
    | 'wrong_drone'
    | 'unknown_mission'
    | 'stale'
    | 'not_there'
    | 'made_by_tracking'
    | 'wrong_time';
  readonly detail: string;
};

export interface CheckOptions {
  readonly deliveries: Pick<Deliveries, 'mission' | 'newestFence'>;
  readonly now: () => number;
  readonly timeScale: number;
  /** m */
  readonly arrivalRadius: number;
}

const PLACES: Partial<Record<FlightEventKind, 'pickup' | 'dropoff'>> = {
  ArrivedAtPickup: 'pickup',
  PickedUp: 'pickup',
  ArrivedAtDropoff: 'dropoff',
  Delivered: 'dropoff',
};
const ANSWERS: ReadonlySet<FlightEventKind> = new Set([
  'MissionRefused',
  'Recalled',
  'RecallRefused',
  'Delivered',
  'Returned',
  'Aborted',
]);
const OWN: ReadonlySet<FlightEventKind> = new Set(['LinkLost', 'LinkRestored']);
/** Positions are compared up to this distance in time, s; m/s; m. */
const COMPARABLE = 30;
const MAX_SPEED = 60;
const SLACK = 250;

/** Undefined: credible. @param droneId the owner of the socket */
export function checkEvent(
  event: FlightEvent,
  droneId: string,
  drone: Drone | undefined,
  options: CheckOptions,
): Refusal | undefined {
  if (event.droneId !== droneId) return { code: 'wrong_drone', detail: `this socket is ${droneId}'s` };
  if (OWN.has(event.kind)) return { code: 'made_by_tracking', detail: `only tracking reports ${event.kind}` };
  const mission = options.deliveries.mission(event.missionId)?.mission;
  const newest = options.deliveries.newestFence(droneId);
  if (!mission || mission.droneId !== droneId || mission.deliveryId !== event.deliveryId) {
    return event.fence < newest
      ? { code: 'stale', detail: `fence ${event.fence} is no longer valid; the current one is ${newest}` }
      : { code: 'unknown_mission', detail: `${droneId} has no such mission` };
  }
  if (mission.fence !== event.fence || (event.fence < newest && !ANSWERS.has(event.kind))) {
    return { code: 'stale', detail: `fence ${event.fence} is no longer valid; the current one is ${newest}` };
  }
  if (Date.parse(event.time) > options.now() + MAX_AHEAD_MS) {
    return { code: 'wrong_time', detail: 'the event lies in the future' };
  }
  return offPlan(event, mission, options) ?? offTrack(event, drone, options);
}

function offPlan(event: FlightEvent, mission: Mission, { arrivalRadius }: CheckOptions): Refusal | undefined {
  const place = PLACES[event.kind];
  if (!place) return undefined;
  const metres = distance(event.position, mission[place]);
  return metres <= arrivalRadius
    ? undefined
    : { code: 'not_there', detail: `${event.kind} ${metres.toFixed(0)} m from the ${place}` };
}

/** Compares the event with the telemetry around the same time; without telemetry it passes. */
function offTrack(event: FlightEvent, drone: Drone | undefined, options: CheckOptions): Refusal | undefined {
  const sample = drone?.track.latest;
  if (!sample || drone.track.suspect) return undefined;
  const seconds = Math.abs(Date.parse(event.time) - drone.track.latestTime) / 1000;
  if (seconds > COMPARABLE) return undefined;
  const reach = (seconds + 1) * MAX_SPEED * options.timeScale + SLACK;
  const metres = roughDistance(event.position, sample.position);
  return metres <= reach
    ? undefined
    : { code: 'not_there', detail: `${event.kind} ${metres.toFixed(0)} m from where its telemetry is` };
}
