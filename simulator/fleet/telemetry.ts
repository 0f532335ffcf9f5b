/** Makes a drone's telemetry: its state as its own sensors measure it. */
import type { DroneFlightMode } from '../../shared/contracts/common.ts';
import type { Telemetry } from '../../shared/contracts/flight.ts';
import { fromLocal } from '../../shared/geo/distance.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { batteryOf, type Phase, type SimulatedDrone } from '../drone/state.ts';
import { overGround } from '../physics/body.ts';
import { GPS_ACCURACY, nextFix } from '../physics/gps.ts';
import { type Weather, windAt } from '../physics/weather.ts';

export interface SampleContext {
  readonly boot: string;
  readonly seq: number;
  readonly time: string;
  /** Simulated seconds since the previous sample. */
  readonly since: number;
  readonly weather: Weather;
}

const MODES: Readonly<Record<Phase, DroneFlightMode>> = {
  Parked: 'Ready',
  Preflight: 'Takeoff',
  Takeoff: 'Takeoff',
  Cruise: 'Inflight',
  Replay: 'Inflight',
  Descent: 'Landing',
  Handling: 'Landing',
  Grounded: 'Offline',
};

/** Takes one sample, and advances the receiver's drift. */
export function telemetryOf(drone: SimulatedDrone, context: SampleContext): Telemetry {
  const { body, mission } = drone;
  const error = nextFix(drone.senses, drone.drift, context.since);
  const fix = fromLocal(SERVICE_AREA.center, {
    east: body.east + error.east,
    north: body.north + error.north,
    up: body.up + error.up,
  });
  const speed = overGround(body);
  const wind = windAt(context.weather, body.up);
  return {
    droneId: drone.id,
    boot: context.boot,
    seq: context.seq,
    time: context.time,
    position: {
      latitude: round(fix.latitude, 1e7),
      longitude: round(fix.longitude, 1e7),
      altitude: round(fix.altitude, 100),
    },
    velocity: { north: round(speed.north, 100), east: round(speed.east, 100), up: round(body.climb, 100) },
    heading: round(((drone.heading * 180) / Math.PI + 360) % 360, 10),
    battery: round(batteryOf(drone), 1e4),
    flightMode: MODES[drone.phase],
    leg: drone.leg,
    loaded: mission?.loaded ?? false,
    ...(mission
      ? {
          missionId: mission.order.missionId,
          deliveryId: mission.order.deliveryId,
          fence: mission.order.fence,
        }
      : {}),
    accuracy: GPS_ACCURACY,
    wind: { north: round(wind.north, 100), east: round(wind.east, 100) },
  };
}

const round = (value: number, parts: number) => Math.round(value * parts) / parts;
