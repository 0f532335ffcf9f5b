/**
 * Keeps the latest state of each drone, with the ETA of the mission that it flies.
 *
 * D1 a sample that names a delivery is shown to that delivery's watchers only if the mission is really this drone's.
 * D2 the ETA is computed once per sample at most, and only on demand.
 */
import type { Eta } from '../../shared/contracts/common.ts';
import type { Mission, Telemetry, TelemetryRecord, WatchPosition } from '../../shared/contracts/flight.ts';
import { type ObservedSpeed, observeSpeed, type Remaining, remaining } from '../../shared/geo/eta.ts';
import type { Deliveries } from './deliveries.ts';
import { isoOf } from './iso.ts';
import { beginBoot, newTrack, type Track, take, type Verdict } from './track.ts';

export interface Etas {
  readonly pickupEta?: Eta;
  readonly deliveryEta?: Eta;
}

export interface Drone {
  readonly droneId: string;
  readonly track: Track;
  observed: ObservedSpeed | undefined;
  /** ms since the epoch, on the server's clock: when the leg began, when a frame last came, when a record was last made. */
  legSince: number;
  lastFrameAt: number;
  recordedAt: number;
  /** Battery in that record. */
  recordedBattery: number;
  linkLost: boolean;
  etas: Etas | undefined;
}

export interface DronesOptions {
  readonly deliveries: Pick<Deliveries, 'mission' | 'newestFence'>;
  readonly now: () => number;
  readonly timeScale: number;
}

export interface Drones {
  readonly find: (droneId: string) => Drone | undefined;
  readonly all: () => Iterable<Drone>;
  readonly size: () => number;
  /** A frame of any kind has arrived: the link is alive. */
  readonly touch: (droneId: string) => Drone;
  readonly hello: (droneId: string, boot: string) => void;
  readonly apply: (drone: Drone, sample: Telemetry) => Verdict;
  /** The mission that the latest sample names, if it is this drone's. */
  readonly missionOf: (drone: Drone) => Mission | undefined;
  readonly etasOf: (drone: Drone) => Etas;
  readonly recordOf: (drone: Drone, sample: Telemetry) => TelemetryRecord;
  readonly watchPositionOf: (drone: Drone, sample: Telemetry) => WatchPosition;
  /** Drops drones that have been silent for longer than this, ms. */
  readonly forgetSilent: (longest: number) => number;
}

const NO_ETAS: Etas = {};

export function createDrones({ deliveries, now, timeScale }: DronesOptions): Drones {
  const drones = new Map<string, Drone>();

  const droneOf = (droneId: string): Drone => {
    const known = drones.get(droneId);
    if (known) return known;
    const made = newDrone(droneId, now());
    drones.set(droneId, made);
    return made;
  };

  const missionOf = ({ droneId, track }: Drone): Mission | undefined => {
    const sample = track.latest;
    if (sample?.missionId === undefined) return undefined;
    const known = deliveries.mission(sample.missionId);
    if (known?.mission.droneId !== droneId || known.mission.deliveryId !== sample.deliveryId)
      return undefined;
    return known.mission.fence === deliveries.newestFence(droneId) ? known.mission : undefined;
  };

  const etasOf = (drone: Drone): Etas => {
    if (drone.etas) return drone.etas;
    const { latest: sample } = drone.track;
    const mission = missionOf(drone);
    drone.etas = sample && mission ? computeEtas(drone, sample, mission, now(), timeScale) : NO_ETAS;
    return drone.etas;
  };

  return {
    find: (droneId) => drones.get(droneId),
    all: () => drones.values(),
    size: () => drones.size,
    touch: (droneId) => {
      const drone = droneOf(droneId);
      drone.lastFrameAt = now();
      return drone;
    },
    hello: (droneId, boot) => beginBoot(droneOf(droneId).track, boot),
    apply: (drone, sample) => {
      const before = drone.track.latest;
      const verdict = take(drone.track, sample, timeScale);
      if (verdict !== 'applied') return verdict;
      if (before?.leg !== sample.leg || before.missionId !== sample.missionId) drone.legSince = now();
      drone.etas = undefined;
      const mission = missionOf(drone);
      drone.observed = mission ? observeSpeed(drone.observed, sample, mission.performance) : undefined;
      return verdict;
    },
    missionOf,
    etasOf,
    recordOf: (drone, sample) => ({ ...sample, ...etasOf(drone) }),
    watchPositionOf: (drone, { time, position, velocity, heading, leg, loaded }) => ({
      time,
      age: Math.max(0, now() - drone.track.latestTime),
      position,
      velocity,
      heading,
      leg,
      loaded,
      ...etasOf(drone),
    }),
    forgetSilent: (longest) => {
      let forgotten = 0;
      for (const [droneId, { lastFrameAt }] of drones) {
        if (now() - lastFrameAt < longest) continue;
        drones.delete(droneId);
        forgotten += 1;
      }
      return forgotten;
    },
  };
}

const newDrone = (droneId: string, now: number): Drone => ({
  droneId,
  track: newTrack(),
  observed: undefined,
  legSince: now,
  lastFrameAt: now,
  recordedAt: Number.NEGATIVE_INFINITY,
  recordedBattery: 0,
  linkLost: false,
  etas: undefined,
});

function computeEtas(
  drone: Drone,
  sample: Telemetry,
  mission: Mission,
  now: number,
  timeScale: number,
): Etas {
  const { toPickup, toDropoff } = remaining({
    mission,
    position: sample.position,
    leg: sample.leg,
    loaded: sample.loaded,
    handlingFor: (now - drone.legSince) / 1000,
    timeScale,
    ...(drone.observed ? { observed: drone.observed } : {}),
    ...(sample.wind ? { wind: sample.wind } : {}),
  });
  return {
    ...(toPickup ? { pickupEta: etaOf(now, toPickup) } : {}),
    ...(toDropoff ? { deliveryEta: etaOf(now, toDropoff) } : {}),
  };
}

/** Like `etaFrom` of shared/geo/eta.ts (tested to be equal), but with the faster formatter of the hot path. */
export function etaOf(now: number, { seconds, low, high }: Remaining): Eta {
  const after = (value: number) => isoOf(now + Math.max(0, value) * 1000);
  return {
    at: after(seconds),
    earliest: after(Math.min(low, seconds)),
    latest: after(Math.max(high, seconds)),
  };
}
