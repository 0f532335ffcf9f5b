/**
 * Reports when a flying drone falls silent, and when it is heard again.
 *
 * L1 `LinkLost` is reported once per silence, `LinkRestored` only after it, in this order on the hub.
 * L2 an event that the broker has not acknowledged is published again until it has.
 */
import type { FlightEvent, Mission } from '../../shared/contracts/flight.ts';
import type { Deliveries } from '../state/deliveries.ts';
import type { Drone, Drones } from '../state/drones.ts';
import type { FlightEvents } from './flight-events.ts';

export interface LinkWatchOptions {
  readonly drones: Drones;
  readonly deliveries: Pick<Deliveries, 'activeMissions' | 'find'>;
  readonly events: Pick<FlightEvents, 'assert'>;
  readonly now: () => number;
  /** ms */
  readonly lostAfter: number;
  readonly onChange: (drone: Drone, mission: Mission, state: 'live' | 'lost', at: string) => void;
}

export interface LinkWatch {
  /** Call it about once a second. */
  readonly tick: () => void;
}

const UNDER_WAY: ReadonlySet<string> = new Set(['HeadedToPickup', 'HeadedToDropoff', 'Returning']);

export function createLinkWatch(options: LinkWatchOptions): LinkWatch {
  const { drones, deliveries, events, now, lostAfter, onChange } = options;
  const unsaid = new Map<string, FlightEvent[]>();
  const saying = new Set<string>();
  const startedAt = now();

  const say = async (droneId: string) => {
    const queue = unsaid.get(droneId) ?? [];
    if (saying.has(droneId)) return;
    saying.add(droneId);
    try {
      for (let next = queue[0]; next; next = queue[0]) {
        const outcome = await events.assert(next);
        if (outcome.kind === 'unanswered') return;
        queue.shift();
      }
      unsaid.delete(droneId);
    } finally {
      saying.delete(droneId);
    }
  };

  const change = (drone: Drone, mission: Mission, kind: 'LinkLost' | 'LinkRestored', silent: number) => {
    const at = new Date(now()).toISOString();
    const queue = unsaid.get(drone.droneId) ?? [];
    queue.push(eventOf(drone, mission, kind, at, silent));
    unsaid.set(drone.droneId, queue);
    onChange(drone, mission, kind === 'LinkLost' ? 'lost' : 'live', at);
  };

  /** After a restart no drone has been heard yet, but the stage of a delivery tells that its drone is in the air. */
  const isFlying = (drone: Drone | undefined, mission: Mission) => {
    const sample = drone?.track.latest;
    if (sample) return sample.leg !== 'Idle' && sample.missionId === mission.missionId;
    return UNDER_WAY.has(deliveries.find(mission.deliveryId)?.stage ?? '');
  };

  return {
    tick: () => {
      for (const { mission } of deliveries.activeMissions()) {
        const known = drones.find(mission.droneId);
        const silent = now() - (known?.lastFrameAt ?? startedAt);
        if (known?.linkLost && silent < lostAfter) {
          known.linkLost = false;
          change(known, mission, 'LinkRestored', silent);
        } else if (!known?.linkLost && silent >= lostAfter && isFlying(known, mission)) {
          const drone = known ?? drones.touch(mission.droneId);
          if (!known) drone.lastFrameAt = startedAt;
          drone.linkLost = true;
          change(drone, mission, 'LinkLost', silent);
        }
      }
      for (const droneId of unsaid.keys()) void say(droneId);
    },
  };
}

function eventOf(
  { droneId, track, lastFrameAt }: Drone,
  mission: Mission,
  kind: 'LinkLost' | 'LinkRestored',
  time: string,
  silent: number,
): FlightEvent {
  const { missionId, deliveryId, fence, base } = mission;
  return {
    eventId: `${missionId.slice(0, 60)}.${kind}.${lastFrameAt}`,
    kind,
    droneId,
    deliveryId,
    missionId,
    fence,
    time,
    position: track.latest?.position ?? base.position,
    battery: track.latest?.battery ?? 0,
    reason:
      kind === 'LinkRestored'
        ? 'heard again'
        : track.latest
          ? `silent for ${(silent / 1000).toFixed(0)} s`
          : `not heard since tracking started ${(silent / 1000).toFixed(0)} s ago; position and battery are unknown`,
  };
}
