/**
 * Runs the fleet in simulated time: advances drones, decides on commands, and keeps both on disk.
 *
 * V1 nothing is reported (event, `received`, telemetry) that is not committed; a restart continues from the reported state.
 * V2 a command is decided on once per commandId.
 * V3 the same seed and the same commands at the same simulated times give the same flights, for any division into steps.
 */
import { createHash } from 'node:crypto';
import type { DroneCommand, FlightEvent, Telemetry } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { decide, type MissionFate } from '../drone/decide.ts';
import { batteryOf, buildDrone, type EventDraft, type SimulatedDrone, truePosition } from '../drone/state.ts';
import { AIR_STEP, type StepContext, stepDrone } from '../drone/step.ts';
import { createWeather, stepWeather, type Weather, windAt } from '../physics/weather.ts';
import { endOf, type MovedTrack, moveTrack, type Track } from '../replay/track.ts';
import { createJournal } from './journal.ts';
import type { FleetStore, World } from './store.ts';
import { telemetryOf } from './telemetry.ts';

export interface FleetOptions {
  readonly store: FleetStore;
  readonly drones: number;
  readonly seed: number;
  /** Wall clock. */
  readonly now: () => Date;
  /** Recorded flight for missions that end where it does. */
  readonly recording?: Track;
  /** Distinguishes the telemetry of this run from that of earlier ones. */
  readonly boot: string;
  /** Called with the problem when the store begins to fail, and without one when it accepts changes again. */
  readonly onStoreTrouble?: (problem?: unknown) => void;
}

/** The decision on a command waits for the store. */
export class NotCommitted extends Error {
  override readonly name = 'NotCommitted';
}

export interface Fleet {
  readonly boot: string;
  readonly drones: readonly SimulatedDrone[];
  readonly weather: Weather;
  /** Simulated seconds since the beginning. */
  readonly time: () => number;
  /** Advances all drones by simulated seconds and commits. Returns the events, in order. */
  readonly advance: (seconds: number) => FlightEvent[];
  /**
   * Decides on a command and commits; the events of the decision (none when it was decided before).
   * @throws NotCommitted when the store does not take it now: the events come from `advance` when it does
   */
  readonly handle: (command: DroneCommand) => FlightEvent[];
  readonly sample: (droneId: string) => Telemetry;
  readonly drone: (droneId: string) => SimulatedDrone | undefined;
  /** Commits all drones, even parked ones. */
  readonly save: () => void;
}

/** A dropoff within this distance of the moved recording's end counts as that end, m. */
const SAME_PLACE = 25;
/** Interval at which parked drones are written, simulated seconds. */
const SAVE_PARKED_EVERY = 60;
const MAX_ID_LENGTH = 100;

export function createFleet(options: FleetOptions): Fleet {
  const { store, boot } = options;
  const world = store.world();
  const seed = world?.seed ?? options.seed;
  const weather = world?.weather ?? createWeather(seed);
  const drones = assemble(store, seed, options.drones);
  const byId = new Map(drones.map((drone) => [drone.id, drone]));
  const trackOf = createTracks(options.recording);
  const sequence = new Map<string, number>();
  const lastSample = new Map<string, number>();
  let time = world?.time ?? 0;
  let steps = Math.round(time / AIR_STEP);
  let owed = 0;
  let parkedSavedAt = Number.NEGATIVE_INFINITY;
  const journal = createJournal(store, options.onStoreTrouble ?? (() => undefined));

  const context: StepContext = { weather, trackFor: ({ mission }) => mission && trackOf(mission.order) };
  const worldNow = (): World => ({ seed, time, weather });

  const toEvent = (drone: SimulatedDrone, draft: EventDraft) => eventOf(drone, draft, options.now());

  const stepAll = (events: FlightEvent[], moved: Set<SimulatedDrone>) => {
    stepWeather(weather, AIR_STEP);
    for (const drone of drones) {
      if (drone.phase !== 'Parked') moved.add(drone);
      for (const draft of stepDrone(drone, AIR_STEP, context)) events.push(toEvent(drone, draft));
    }
    steps += 1;
    time = steps * AIR_STEP;
  };

  return {
    boot,
    drones,
    weather,
    time: () => time,
    drone: (droneId) => byId.get(droneId),
    advance: (seconds) => {
      const events: FlightEvent[] = [];
      const moved = new Set<SimulatedDrone>();
      owed += seconds / AIR_STEP;
      const whole = Math.floor(owed + 1e-9);
      owed -= whole;
      for (let i = 0; i < whole; i += 1) stepAll(events, moved);
      const all = time - parkedSavedAt >= SAVE_PARKED_EVERY;
      if (all) parkedSavedAt = time;
      journal.add({ drones: all ? drones : [...moved], events, fates: fatesOf(events) });
      return journal.flush(worldNow());
    },
    handle: (command) => {
      const drone = byId.get(command.droneId);
      if (!drone || store.isDecided(command.commandId)) return [];
      if (journal.isWaiting(command.commandId)) throw new NotCommitted();
      const track = command.kind === 'Mission' ? trackOf(command.mission) : undefined;
      const decision = decide(drone, command, {
        wind: windAt(weather, drone.body.up),
        fate: store.fate(command.missionId),
        ...(track ? { recordedLength: track.length } : {}),
      });
      const events = decision.events.map((draft) => toEvent(drone, draft));
      const fates = decision.fate ? [{ missionId: command.missionId, fate: decision.fate }] : [];
      journal.add({ drones: [drone], events, fates, commandIds: [command.commandId] });
      const committed = journal.flush(worldNow());
      if (journal.isWaiting(command.commandId)) throw new NotCommitted();
      return committed.filter(({ droneId }) => droneId === drone.id);
    },
    sample: (droneId) => {
      const drone = existing(byId.get(droneId), droneId);
      const seq = sequence.get(droneId) ?? 0;
      sequence.set(droneId, seq + 1);
      const since = time - (lastSample.get(droneId) ?? time);
      lastSample.set(droneId, time);
      return telemetryOf(drone, { boot, seq, time: options.now().toISOString(), since, weather });
    },
    save: () => {
      journal.add({ drones });
      journal.flush(worldNow());
    },
  };
}

type FlightPlace = Parameters<typeof moveTrack>[1];
type FlightOrder = {
  readonly missionId: string;
  readonly pickup: FlightPlace;
  readonly dropoff: FlightPlace;
};

/** The recording, moved to the start of a mission, if the mission ends where it does. */
function createTracks(recording: Track | undefined): (order: FlightOrder) => MovedTrack | undefined {
  const tracks = new Map<string, MovedTrack | undefined>();
  return (order) => {
    if (!recording) return undefined;
    if (!tracks.has(order.missionId)) {
      const moved = moveTrack(recording, order.pickup);
      tracks.set(order.missionId, distance(endOf(moved), order.dropoff) <= SAME_PLACE ? moved : undefined);
    }
    return tracks.get(order.missionId);
  };
}

function eventOf(drone: SimulatedDrone, draft: EventDraft, now: Date): FlightEvent {
  return {
    eventId: eventIdOf(draft),
    kind: draft.kind,
    droneId: drone.id,
    deliveryId: draft.mission.deliveryId,
    missionId: draft.mission.missionId,
    fence: draft.mission.fence,
    time: now.toISOString(),
    position: truePosition(drone),
    battery: batteryOf(drone),
    ...(draft.reason === undefined ? {} : { reason: draft.reason.slice(0, 500) }),
  };
}

/** The same id on every repetition: it consists of the mission, the kind of event, and the command that it answers, if any. */
export function eventIdOf(draft: EventDraft): string {
  const parts = [draft.mission.missionId, draft.kind, ...(draft.occasion ? [draft.occasion] : [])];
  const id = parts.join('.');
  return id.length <= MAX_ID_LENGTH ? id : createHash('sha256').update(id).digest('hex');
}

function assemble(store: FleetStore, seed: number, count: number): SimulatedDrone[] {
  const kept = new Map(store.drones().map((drone) => [drone.id, drone]));
  for (let index = 0; index < count; index += 1) {
    const drone = buildDrone(seed, index);
    if (!kept.has(drone.id)) kept.set(drone.id, drone);
  }
  return [...kept.values()].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}

function fatesOf(events: readonly FlightEvent[]): { missionId: string; fate: MissionFate }[] {
  return events.flatMap(({ kind, missionId }) =>
    kind === 'Delivered' || kind === 'Returned' || kind === 'Aborted'
      ? [{ missionId, fate: { state: kind } }]
      : [],
  );
}

function existing(drone: SimulatedDrone | undefined, droneId: string): SimulatedDrone {
  if (!drone) throw new RangeError(`there is no drone ${droneId}`);
  return drone;
}
