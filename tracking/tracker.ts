/**
 * Wires tracking without its servers: state, ingest and fan-out. The broker and the supervisor come in as ports.
 *
 * One process has all roles today. To split owners (state, ingest) from edges (fan-out), `watchers.position`,
 * `watchers.stage`, `watchers.link` and `fleet` cross between them: a stream from owner to edge takes their place.
 */
import type { WebSocket } from 'ws';
import type { WatchPosition } from '../shared/contracts/flight.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { createFleet, type Fleet } from './fan-out/fleet.ts';
import { createTickets, type Tickets } from './fan-out/tickets.ts';
import { createWatchers, type Watchers } from './fan-out/watchers.ts';
import { registerGauges } from './gauges.ts';
import type { Guard } from './guard.ts';
import { createMessages, type Messages } from './hubs/apply-messages.ts';
import { createDeadLetters } from './hubs/dead-letters.ts';
import type { MissionTraces } from './hubs/mission-traces.ts';
import { checkEvent } from './ingest/check-event.ts';
import { createCommands } from './ingest/commands.ts';
import { createDroneSockets, type DroneSockets } from './ingest/drone-sockets.ts';
import { createEventLog } from './ingest/event-log.ts';
import { createFlightEvents } from './ingest/flight-events.ts';
import { createIntake, type Intake, type IntakeOptions } from './ingest/intake.ts';
import { createLinkWatch, type LinkWatch, type LinkWatchOptions } from './ingest/link-watch.ts';
import { createRecorder, type Recorder } from './ingest/recorder.ts';
import type { Metrics } from './metrics.ts';
import type { PublishFlightEvents, PublishTelemetry, RecordDeadLetter } from './ports.ts';
import type { TrackingSettings } from './settings.ts';
import { createDeliveries, type Deliveries } from './state/deliveries.ts';
import { createDrones, type Drones } from './state/drones.ts';
import { startTimers } from './timers.ts';

export interface TrackerOptions {
  readonly settings: Pick<
    TrackingSettings,
    | 'TIME_SCALE'
    | 'TELEMETRY_RECORD_SECONDS'
    | 'TELEMETRY_PARKED_SECONDS'
    | 'LINK_LOST_SECONDS'
    | 'ARRIVAL_RADIUS'
    | 'RETAIN_ENDED_SECONDS'
    | 'LIMIT_FRAMES_PER_SECOND'
  >;
  readonly publishEvents: PublishFlightEvents;
  readonly publishTelemetry: PublishTelemetry;
  readonly recordDeadLetter: RecordDeadLetter;
  readonly traces: Pick<MissionTraces, 'remember'>;
  /** Resolves when the hubs' past messages have been read. */
  readonly rebuilt: Promise<void>;
  readonly metrics: Metrics;
  readonly guard: Guard;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface Tracker extends Messages, AsyncDisposable {
  readonly deliveries: Deliveries;
  readonly drones: Drones;
  readonly intake: Intake;
  readonly sockets: DroneSockets;
  readonly watchers: Watchers;
  readonly fleet: Fleet;
  readonly tickets: Tickets;
  /** Accepts a drone's socket, opened with a token that expires at `expiresAt`, ms since the epoch. */
  readonly acceptDrone: (droneId: string, socket: WebSocket, expiresAt: number) => void;
}

export function createTracker(options: TrackerOptions): Tracker {
  const { settings, rebuilt, metrics, guard, log, now, traces } = options;
  const timeScale = settings.TIME_SCALE;
  const lostAfter = settings.LINK_LOST_SECONDS * 1000;
  const counters = countersOf(metrics);

  const deliveries = createDeliveries({ now, retainEnded: settings.RETAIN_ENDED_SECONDS * 1000 });
  const drones = createDrones({ deliveries, now, timeScale });
  const watchers = createWatchers({
    find: deliveries.find,
    ...viewsOf(deliveries, drones),
    now,
    onPush: counters.pushed,
  });
  const fleet = createFleet({ drones: drones.all, now, lostAfter, onPush: counters.pushed });
  const tickets = createTickets(now);

  const maxFramesPerSecond = settings.LIMIT_FRAMES_PER_SECOND;
  const sockets = createDroneSockets({ now, guard, maxFramesPerSecond, onRefused: counters.frameRefused });
  const commands = createCommands({
    deliveries,
    send: (droneId, command) => sockets.send(droneId, { type: 'command', command }),
    onSent: ({ kind }, again) => counters.commandSent(kind, again),
  });
  const arrivalRadius = settings.ARRIVAL_RADIUS;
  const events = createFlightEvents({
    publish: options.publishEvents,
    ready: rebuilt,
    check: (event, droneId) =>
      checkEvent(event, droneId, drones.find(droneId), { deliveries, now, timeScale, arrivalRadius }),
    onOutcome: createEventLog(metrics, log),
  });
  const recorder = recorderOf(options, drones);
  const reply: IntakeOptions['reply'] = (droneId, frame) => void sockets.send(droneId, frame);
  const intake = createIntake({ drones, watchers, recorder, events, commands, reply, metrics, guard, now });
  const onChange: LinkWatchOptions['onChange'] = (drone, mission, state, at) => {
    log.info({ droneId: drone.droneId, deliveryId: mission.deliveryId, state }, 'link');
    watchers.link(mission.deliveryId, state, at);
  };
  const linkWatch = createLinkWatch({ drones, deliveries, events, now, lostAfter, onChange });
  const deadLetters = createDeadLetters({
    record: options.recordDeadLetter,
    log,
    onOutcome: counters.deadLetter,
  });
  const messages = createMessages({ deliveries, commands, watchers, deadLetters, traces });

  let links: LinkWatch | undefined;
  const open = () => {
    links = linkWatch;
    deliveries.forgetEnded();
    commands.open();
    log.info({ ...deliveries.size(), pending: commands.pending() }, 'rebuilt');
  };
  rebuilt.then(guard('rebuilt', open), () => undefined);

  const timed = { watchers, fleet, recorder, links: () => links, commands, sockets };
  const stopTimers = startTimers({ ...timed, deliveries, drones, tickets, guard });
  registerGauges(metrics, { sockets, drones, deliveries, watchers, fleet, commands, deadLetters });

  return {
    ...messages,
    deliveries,
    drones,
    intake,
    sockets,
    watchers,
    fleet,
    tickets,
    acceptDrone: (droneId, socket, expiresAt) => sockets.accept(droneId, socket, expiresAt, intake.frame),
    [Symbol.asyncDispose]: async () => {
      stopTimers();
      deadLetters.close();
      await events.settled();
      await recorder.flush();
      await recorder.flush();
    },
  };
}

/** The drone of a delivery as its watchers see it. */
function viewsOf(deliveries: Deliveries, drones: Drones) {
  const assignedTo = (deliveryId: string) =>
    drones.find(deliveries.find(deliveryId)?.assignment?.droneId ?? '');
  return {
    isLinkLost: (deliveryId: string) => assignedTo(deliveryId)?.linkLost ?? false,
    positionOf: (deliveryId: string): WatchPosition | undefined => {
      const drone = assignedTo(deliveryId);
      const latest = drone?.track.latest;
      if (!drone || latest?.deliveryId !== deliveryId || !drones.missionOf(drone)) return undefined;
      return drones.watchPositionOf(drone, latest);
    },
  };
}

function recorderOf({ settings, publishTelemetry, metrics, now }: TrackerOptions, drones: Drones): Recorder {
  const recorded = (result: string) =>
    metrics.counter('tracking_telemetry_records_total', 'Records for drone-telemetry by their outcome', {
      result,
    });
  return createRecorder({
    publish: publishTelemetry,
    recordOf: drones.recordOf,
    now,
    interval: settings.TELEMETRY_RECORD_SECONDS * 1000,
    parkedInterval: settings.TELEMETRY_PARKED_SECONDS * 1000,
    onOutcome: (records, error) => recorded(error === undefined ? 'published' : 'unanswered').add(records),
    onDropped: () => recorded('replaced').add(),
  });
}

function countersOf({ counter }: Metrics) {
  const pushes = counter('tracking_pushes_total', 'Frames given to watchers');
  const conflated = counter(
    'tracking_positions_conflated_total',
    'Positions that a newer one replaced before they were sent',
  );
  return {
    pushed: (frames: number, replaced: number) => {
      pushes.add(frames);
      conflated.add(replaced);
    },
    frameRefused: (_droneId: string, reason: string) =>
      counter('tracking_frames_refused_total', 'Refused frames of drones', { reason }).add(),
    commandSent: (kind: string, again: boolean) =>
      counter('tracking_commands_sent_total', 'Commands sent down', { kind, again: String(again) }).add(),
    deadLetter: (hub: string, result: string) =>
      counter('tracking_dead_letters_total', 'Messages that could not be processed', { hub, result }).add(),
  };
}
