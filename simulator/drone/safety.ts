/** The drone's own safety rules in the air: it warns when the reserve is touched, and gives up while it can still reach its base. */
import { airframeOf } from '../physics/airframes.ts';
import type { Vector } from '../physics/weather.ts';
import { hopsOf, turnHome } from './decide.ts';
import { energyAbove, energyFor, type Hop } from './forecast.ts';
import { batteryOf, type EventDraft, enterPhase, type SimulatedDrone } from './state.ts';

/** Shares of the reserve that must stay untouched: below the first it warns, below the second it gives up. */
const WARN_AT = 0.75;
const GIVE_UP_AT = 0.4;

/** `LowBattery` and `Aborted`, at most once each. */
export function checkBattery(drone: SimulatedDrone, wind: Vector): EventDraft[] {
  const mission = drone.mission;
  if (!mission || mission.aborted) return [];
  const { reserve } = airframeOf(drone.model);
  const need = energyFor(drone, restOf(drone), wind);
  const events: EventDraft[] = [];
  const percent = `${(batteryOf(drone) * 100).toFixed(0)} %`;
  if (!mission.warned && need > energyAbove(drone, reserve * WARN_AT)) {
    mission.warned = true;
    events.push({ kind: 'LowBattery', mission: mission.order, reason: `battery at ${percent}` });
  }
  const has = energyAbove(drone, reserve * GIVE_UP_AT);
  if (need > has) {
    const parcel = mission.loaded ? 'returns with the parcel' : 'not loaded';
    const reason = `battery at ${percent}: needs ${need.toFixed(0)} Wh, may use ${Math.max(0, has).toFixed(0)} Wh; ${parcel}`;
    events.push({ kind: 'Aborted', mission: mission.order, reason });
    mission.aborted = true;
    turnHome(drone);
  }
  return events;
}

/** When the battery is empty, the drone comes down by parachute where it is, and waits to be fetched. */
export function crash(drone: SimulatedDrone, recoverySeconds: number): EventDraft[] {
  const mission = drone.mission;
  drone.body.up = 0;
  drone.body.air = { east: 0, north: 0 };
  drone.body.wind = { east: 0, north: 0 };
  drone.body.climb = 0;
  drone.power = 0;
  enterPhase(drone, 'Grounded', recoverySeconds);
  if (!mission || mission.aborted) return [];
  mission.aborted = true;
  if (!mission.loaded) drone.mission = undefined;
  return [{ kind: 'Aborted', mission: mission.order, reason: 'battery empty: it had to land where it was' }];
}

function restOf(drone: SimulatedDrone): Hop[] {
  const order = drone.mission?.order;
  if (!order) return [];
  const [toPickup, toDropoff, toBase] = hopsOf(drone, order) as [Hop, Hop, Hop];
  if (drone.leg === 'ToPickup' || drone.leg === 'AtPickup') return [toPickup, toDropoff, toBase];
  if (drone.leg === 'ToDropoff') return [{ ...toDropoff, from: drone.body }, toBase];
  return [{ ...toBase, from: drone.body }];
}
