/**
 * Decides on a drone's commands. Pure except that it changes the given drone.
 *
 * D1 a command with a fence older than the newest seen is refused; the newest fence never falls.
 * D2 an answer to a recall is true: `Recalled` means that the parcel is not, and will not be, on board for that
 *    mission; a mission that was recalled before it arrived is refused when it arrives.
 * D3 a mission that has been decided on gets the same answer again, even if another command brings it.
 */
import type { DroneCommand, FlightEventKind, Mission } from '../../shared/contracts/flight.ts';
import { airframeOf } from '../physics/airframes.ts';
import type { Vector } from '../physics/weather.ts';
import { energyAbove, energyFor, type Hop, placeOf } from './forecast.ts';
import { type EventDraft, enterPhase, type SimulatedDrone } from './state.ts';

/** The state of a mission for this drone; kept as long as the drone. */
export type MissionFate =
  | { readonly state: 'Flying' }
  | { readonly state: 'Refused'; readonly reason: string }
  | { readonly state: 'Recalled'; readonly reason: string }
  | { readonly state: 'Aborted' }
  | { readonly state: 'Delivered' }
  | { readonly state: 'Returned' };

export interface Decision {
  readonly events: readonly EventDraft[];
  readonly fate?: MissionFate;
}

export interface Situation {
  readonly wind: Vector;
  readonly fate: MissionFate | undefined;
  /** Length of the recorded flight to the dropoff, if there is one, m. */
  readonly recordedLength?: number;
}

/** Time from the order to take-off, for checks and for the rotors to spin up; seconds. */
const PREFLIGHT_SECONDS = 4;
/** Greatest height of pads and doors above ground, m. */
const MAX_STOP_ALTITUDE = 250;

export function decide(drone: SimulatedDrone, command: DroneCommand, situation: Situation): Decision {
  return command.kind === 'Mission'
    ? decideMission(drone, command.mission, situation)
    : decideRecall(drone, command, situation);
}

function decideMission(drone: SimulatedDrone, mission: Mission, situation: Situation): Decision {
  if (situation.fate) return { events: [draft(mission, ...answerAgain(situation.fate))] };
  const reason = refusal(drone, mission, situation);
  drone.newestFence = Math.max(drone.newestFence, mission.fence);
  if (reason)
    return { events: [draft(mission, 'MissionRefused', reason)], fate: { state: 'Refused', reason } };
  const flying = drone.phase !== 'Parked';
  drone.mission = { order: mission, loaded: false, aborted: false, tookOff: flying, warned: false };
  drone.leg = 'ToPickup';
  if (drone.phase === 'Parked') enterPhase(drone, 'Preflight', PREFLIGHT_SECONDS);
  else if (drone.phase === 'Descent') enterPhase(drone, 'Takeoff');
  const events = [draft(mission, 'MissionAccepted')];
  if (flying) events.push(draft(mission, 'TookOff', 'already in the air'));
  return { events, fate: { state: 'Flying' } };
}

function decideRecall(
  drone: SimulatedDrone,
  command: Extract<DroneCommand, { kind: 'Recall' }>,
  { fate }: Situation,
): Decision {
  drone.newestFence = Math.max(drone.newestFence, command.fence);
  const refuse = (reason: string): Decision => ({
    events: [{ kind: 'RecallRefused', mission: command, reason, occasion: command.commandId }],
  });
  const agree = (reason: string): Decision => ({
    events: [draft(command, 'Recalled', reason)],
    fate: { state: 'Recalled', reason: command.reason },
  });
  const active = drone.mission?.order.missionId === command.missionId ? drone.mission : undefined;
  if (active) {
    if (command.fence < active.order.fence) {
      return refuse(`fence ${command.fence} is older than ${active.order.fence}`);
    }
    if (active.loaded) return refuse('loaded');
    turnHome(drone);
    return agree('not loaded');
  }
  if (!fate) return agree('never began');
  if (fate.state === 'Delivered') return refuse('delivered');
  if (fate.state === 'Returned') return refuse('loaded, and brought back');
  return agree('not loaded');
}

/** Gives the mission up and flies to the base; a drone on the ground at its base stays there. */
export function turnHome(drone: SimulatedDrone): void {
  const before = drone.phase;
  if (!drone.mission?.loaded) drone.mission = undefined;
  if (before === 'Preflight') {
    drone.leg = 'Idle';
    enterPhase(drone, 'Parked');
    return;
  }
  drone.leg = 'ToBase';
  enterPhase(drone, before === 'Cruise' ? 'Cruise' : 'Takeoff');
}

/** The hops of a mission from the drone's current place. */
export function hopsOf(drone: SimulatedDrone, mission: Mission, recordedLength?: number): Hop[] {
  const [pickup, dropoff, base] = [
    placeOf(mission.pickup),
    placeOf(mission.dropoff),
    placeOf(drone.base.position),
  ];
  return [
    { from: drone.body, to: pickup, payload: 0 },
    {
      from: pickup,
      to: dropoff,
      payload: mission.payload,
      ...(recordedLength === undefined ? {} : { length: recordedLength }),
    },
    { from: dropoff, to: base, payload: 0 },
  ];
}

function refusal(drone: SimulatedDrone, mission: Mission, situation: Situation): string | undefined {
  const airframe = airframeOf(drone.model);
  if (mission.droneId !== drone.id) return `the mission is for ${mission.droneId}`;
  if (mission.fence < drone.newestFence) {
    return `fence ${mission.fence} is older than ${drone.newestFence}`;
  }
  if (drone.phase === 'Grounded') return 'out of service: it had to land';
  if (drone.mission) return `busy with delivery ${drone.mission.order.deliveryId}`;
  if (mission.payload > airframe.maxPayload) {
    return `payload ${mission.payload.toFixed(1)} kg exceeds ${airframe.maxPayload.toFixed(1)} kg`;
  }
  const highest = Math.max(mission.pickup.altitude, mission.dropoff.altitude);
  if (highest > MAX_STOP_ALTITUDE) return `a stop at ${highest.toFixed(0)} m exceeds ${MAX_STOP_ALTITUDE} m`;
  const need = energyFor(drone, hopsOf(drone, mission, situation.recordedLength), situation.wind);
  const has = energyAbove(drone, airframe.reserve);
  return need > has
    ? `needs ${need.toFixed(0)} Wh, has ${Math.max(0, has).toFixed(0)} Wh above the reserve`
    : undefined;
}

function answerAgain(fate: MissionFate): [FlightEventKind, string?] {
  if (fate.state === 'Refused') return ['MissionRefused', fate.reason];
  if (fate.state === 'Recalled') return ['MissionRefused', `recalled: ${fate.reason}`];
  return ['MissionAccepted'];
}

function draft(mission: EventDraft['mission'], kind: FlightEventKind, reason?: string): EventDraft {
  return { kind, mission, ...(reason === undefined ? {} : { reason }) };
}
