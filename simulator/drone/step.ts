/**
 * Advances a drone by one step: weather, autopilot, body, battery and events. Deterministic: the drone's random stream is
 * part of its state.
 *
 * F1 the order of a mission's events is MissionAccepted, TookOff, ArrivedAtPickup, PickedUp, ArrivedAtDropoff, Delivered.
 * F2 the battery's energy falls in the air, and rises only on the pad.
 * F3 a drone on the ground does not move.
 */
import { airframeOf } from '../physics/airframes.ts';
import { climbOver, isThere, landOn, type Spot, steerTo } from '../physics/autopilot.ts';
import { charge, discharge } from '../physics/battery.ts';
import { overGround, type Setpoint, stand, stepBody } from '../physics/body.ts';
import { normal } from '../physics/random.ts';
import { stepGust, type Vector, type Weather, windAt } from '../physics/weather.ts';
import { type MovedTrack, onTrack } from '../replay/track.ts';
import { type Place, placeOf } from './forecast.ts';
import { checkBattery, crash } from './safety.ts';
import { capacityOf, type EventDraft, enterPhase, type SimulatedDrone } from './state.ts';

export interface StepContext {
  readonly weather: Weather;
  /** The recorded flight for this mission's dropoff leg, if there is one. */
  readonly trackFor: (drone: SimulatedDrone) => MovedTrack | undefined;
}

/** Length of a step in the air, and on the pad, seconds. */
export const AIR_STEP = 0.1;
/** Share of the cruise altitude at which it turns to its target while still climbing. */
const TURN_AT = 0.6;
/** Interval of the energy checks, seconds. */
const BATTERY_CHECK_SECONDS = 2;
/** Real handling times differ from the stated ones by person and parcel. */
const HANDLING_SPREAD = 0.12;
const RECOVERY_SECONDS = 1800;
const MIN_SPEED_FOR_HEADING = 1;

/** Advances the drone by `dt` seconds. Returns the events in order. */
export function stepDrone(drone: SimulatedDrone, dt: number, context: StepContext): EventDraft[] {
  drone.inPhase += dt;
  switch (drone.phase) {
    case 'Parked':
      drone.power = 0;
      drone.energy = charge(drone.energy, capacityOf(drone), dt);
      return [];
    case 'Preflight':
      if (drone.inPhase >= drone.lasts) enterPhase(drone, 'Takeoff');
      return [];
    case 'Handling':
      return drone.inPhase >= drone.lasts ? handled(drone) : [];
    case 'Grounded':
      return drone.inPhase >= drone.lasts ? recovered(drone) : [];
    case 'Takeoff':
    case 'Cruise':
    case 'Replay':
    case 'Descent':
      return inTheAir(drone, dt, context);
    default:
      return drone.phase satisfies never;
  }
}

/** The destination of the leg. */
export function targetOf(drone: SimulatedDrone): Place {
  const order = drone.mission?.order;
  if (order && drone.leg === 'ToPickup') return placeOf(order.pickup);
  if (order && drone.leg === 'ToDropoff') return placeOf(order.dropoff);
  return placeOf(drone.base.position);
}

/** Weight that the rotors carry beside the drone's own, kg. */
export const loadOf = (drone: SimulatedDrone) => (drone.mission?.loaded ? drone.mission.order.payload : 0);

/** Mean wind where the drone is. */
export const windOf = (drone: SimulatedDrone, weather: Weather): Vector => windAt(weather, drone.body.up);

function inTheAir(drone: SimulatedDrone, dt: number, context: StepContext): EventDraft[] {
  const airframe = airframeOf(drone.model);
  const mean = windOf(drone, context.weather);
  stepGust(drone.random, drone.gust, Math.hypot(mean.east, mean.north), dt);
  const wind = { east: mean.east + drone.gust.east, north: mean.north + drone.gust.north };
  const before = { east: drone.body.east, north: drone.body.north };
  const track = drone.leg === 'ToDropoff' ? context.trackFor(drone) : undefined;
  const power =
    drone.phase === 'Replay' && track
      ? followTrack(drone, track, dt)
      : stepBody(
          drone.body,
          setpointOf(drone, mean, track),
          wind,
          airframe,
          airframe.emptyMass + loadOf(drone),
          dt,
        );
  drone.power = power * drone.traits.thirst;
  drone.energy = discharge(airframe, drone.energy, drone.power, dt);
  drone.odometer += Math.hypot(drone.body.east - before.east, drone.body.north - before.north);
  face(drone);
  if (drone.energy <= 0) return crash(drone, RECOVERY_SECONDS);
  const looks = Math.floor(drone.inPhase / BATTERY_CHECK_SECONDS);
  const looked = Math.floor((drone.inPhase - dt) / BATTERY_CHECK_SECONDS);
  const safety = looks > looked ? checkBattery(drone, mean) : [];
  return [...tookOff(drone), ...safety, ...nextPhase(drone, track)];
}

function setpointOf(drone: SimulatedDrone, wind: Vector, track: MovedTrack | undefined): Setpoint {
  const airframe = airframeOf(drone.model);
  const target = targetOf(drone);
  const level = Math.max(airframe.cruiseAltitude, target.up);
  if (drone.phase === 'Descent') return landOn(drone.body, landingSpot(drone, track), target.up, airframe);
  if (drone.phase === 'Cruise') return steerTo(drone.body, target, level, wind, airframe);
  if (track) return climbOver(drone.body, startOf(track), startOf(track).up, airframe);
  return climbOver(drone.body, drone.body, level, airframe);
}

function nextPhase(drone: SimulatedDrone, track: MovedTrack | undefined): EventDraft[] {
  const { body } = drone;
  const target = targetOf(drone);
  const level = Math.max(airframeOf(drone.model).cruiseAltitude, target.up);
  if (drone.phase === 'Takeoff') {
    if (!track && body.up >= level * TURN_AT) enterPhase(drone, 'Cruise');
    if (track && isThere(body, startOf(track)) && Math.abs(body.up - startOf(track).up) < 1) {
      enterPhase(drone, 'Replay', track.duration);
    }
  } else if (drone.phase === 'Cruise' && isThere(body, target)) enterPhase(drone, 'Descent');
  else if (drone.phase === 'Replay' && drone.inPhase >= drone.lasts) enterPhase(drone, 'Descent');
  else if (drone.phase === 'Descent' && body.up <= target.up + 0.05) return landed(drone, target.up);
  return [];
}

function landed(drone: SimulatedDrone, ground: number): EventDraft[] {
  stand(drone.body, ground);
  drone.power = 0;
  const mission = drone.mission;
  if (mission && drone.leg !== 'ToBase') {
    const pickup = drone.leg === 'ToPickup';
    drone.leg = pickup ? 'AtPickup' : 'AtDropoff';
    enterPhase(drone, 'Handling', handlingSeconds(drone));
    return [{ kind: pickup ? 'ArrivedAtPickup' : 'ArrivedAtDropoff', mission: mission.order }];
  }
  if (mission?.loaded) {
    enterPhase(drone, 'Handling', handlingSeconds(drone));
    return [];
  }
  drone.leg = 'Idle';
  enterPhase(drone, 'Parked');
  return [];
}

function handled(drone: SimulatedDrone): EventDraft[] {
  const mission = drone.mission;
  if (!mission) {
    drone.leg = 'Idle';
    enterPhase(drone, 'Parked');
    return [];
  }
  if (drone.leg === 'AtPickup') {
    mission.loaded = true;
    drone.leg = 'ToDropoff';
    enterPhase(drone, 'Takeoff');
    return [{ kind: 'PickedUp', mission: mission.order }];
  }
  mission.loaded = false;
  drone.mission = undefined;
  if (drone.leg === 'AtDropoff') {
    drone.leg = 'ToBase';
    enterPhase(drone, 'Takeoff');
    return [{ kind: 'Delivered', mission: mission.order }];
  }
  drone.leg = 'Idle';
  enterPhase(drone, 'Parked');
  return [{ kind: 'Returned', mission: mission.order, reason: `the parcel is at ${drone.base.baseId}` }];
}

/** The crew has fetched the drone: it stands on its pad, and the end of the parcel's journey is reported. */
function recovered(drone: SimulatedDrone): EventDraft[] {
  const { east, north, up } = placeOf(drone.base.position);
  drone.body.east = east;
  drone.body.north = north;
  stand(drone.body, up);
  const mission = drone.mission;
  drone.mission = undefined;
  drone.leg = 'Idle';
  enterPhase(drone, 'Parked');
  return mission?.loaded
    ? [
        {
          kind: 'Returned',
          mission: mission.order,
          reason: `the crew brought the parcel to ${drone.base.baseId}`,
        },
      ]
    : [];
}

function tookOff(drone: SimulatedDrone): EventDraft[] {
  const mission = drone.mission;
  if (!mission || mission.tookOff || drone.body.up < 1) return [];
  mission.tookOff = true;
  return [{ kind: 'TookOff', mission: mission.order }];
}

/** Puts the body on the recording, at the recording's time. Returns the power that this flight takes. */
function followTrack(drone: SimulatedDrone, track: MovedTrack, dt: number): number {
  const { east, north, up, velocity } = onTrack(track, drone.inPhase);
  Object.assign(drone.body, { east, north, up, climb: velocity.up });
  drone.body.air = { east: velocity.east, north: velocity.north };
  drone.body.wind = { east: 0, north: 0 };
  const airframe = airframeOf(drone.model);
  const still = { ...drone.body };
  return stepBody(
    still,
    { east: velocity.east, north: velocity.north, climb: velocity.up },
    { east: 0, north: 0 },
    airframe,
    airframe.emptyMass + loadOf(drone),
    dt,
  );
}

const startOf = (track: MovedTrack): Place => track.points[0] as Place;

function landingSpot(drone: SimulatedDrone, track: MovedTrack | undefined): Spot {
  return track ? (track.points.at(-1) as Place) : targetOf(drone);
}

function face(drone: SimulatedDrone): void {
  const speed = overGround(drone.body);
  if (Math.hypot(speed.east, speed.north) < MIN_SPEED_FOR_HEADING) return;
  drone.heading = Math.atan2(speed.east, speed.north);
}

function handlingSeconds(drone: SimulatedDrone): number {
  const stated = airframeOf(drone.model).handlingTime;
  return Math.max(stated / 2, stated * (1 + HANDLING_SPREAD * normal(drone.random)));
}
