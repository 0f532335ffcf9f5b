/**
 * Tracking itself, without servers: state, ingest and fan-out, wired. The broker comes in as ports.
 *
 * One process has all roles now. To split owners (state, ingest) from edges (fan-out), what crosses is `watchers.position`,
 * `watchers.stage`, `watchers.link` and `fleet`: a stream from owner to edge takes their place.
 */
import { CloudEvent } from '../shared/contracts/events.ts';
import { DroneCommand, type FlightEvent } from '../shared/contracts/flight.ts';
import { describeErrors, read } from '../shared/read.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { createFleet, type Fleet } from './fan-out/fleet.ts';
import { createTickets, type Tickets } from './fan-out/tickets.ts';
import { createWatchers, type Watchers } from './fan-out/watchers.ts';
import { checkEvent } from './ingest/check-event.ts';
import { createCommands } from './ingest/commands.ts';
import { createDroneSockets, type DroneSockets } from './ingest/drone-sockets.ts';
import { createFlightEvents, type Outcome } from './ingest/flight-events.ts';
import { createIntake, type Intake } from './ingest/intake.ts';
import { createLinkWatch } from './ingest/link-watch.ts';
import { createRecorder } from './ingest/recorder.ts';
import type { Metrics } from './metrics.ts';
import type { HubMessage, PublishFlightEvents, PublishTelemetry } from './ports.ts';
import type { TrackingSettings } from './settings.ts';
import { createDeliveries, type Deliveries, type StateChange } from './state/deliveries.ts';
import { createDrones, type Drones } from './state/drones.ts';

export interface TrackerOptions {
  readonly settings: Pick<
    TrackingSettings,
    | 'TIME_SCALE'
    | 'TELEMETRY_RECORD_SECONDS'
    | 'LINK_LOST_SECONDS'
    | 'ARRIVAL_RADIUS'
    | 'RETAIN_ENDED_SECONDS'
  >;
  readonly publishEvents: PublishFlightEvents;
  readonly publishTelemetry: PublishTelemetry;
  /** Resolves when the hubs' pasts have been read. */
  readonly rebuilt: Promise<void>;
  readonly metrics: Metrics;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface Tracker extends AsyncDisposable {
  readonly deliveries: Deliveries;
  readonly drones: Drones;
  readonly intake: Intake;
  readonly sockets: DroneSockets;
  readonly watchers: Watchers;
  readonly fleet: Fleet;
  readonly tickets: Tickets;
  /** A message of `drone-commands`. */
  readonly onCommand: (message: HubMessage) => void;
  /** A message of `domain-events`. */
  readonly onDomainEvent: (message: HubMessage) => void;
}

/** ms */
const EVERY = {
  clients: 100,
  recorder: 250,
  fleet: 500,
  link: 1_000,
  commands: 2_000,
  beat: 10_000,
  sweep: 30_000,
};
/** Parked drones that left are forgotten after a day. */
const SILENT_DRONE = 24 * 3600 * 1000;

export function createTracker(options: TrackerOptions): Tracker {
  const { settings, publishEvents, publishTelemetry, rebuilt, metrics, log, now } = options;
  const timeScale = settings.TIME_SCALE;
  const lostAfter = settings.LINK_LOST_SECONDS * 1000;
  const count = (name: string, help: string, labels: Record<string, string> = {}) =>
    metrics.counter(`tracking_${name}`, help, labels);

  const deliveries = createDeliveries({ now, retainEnded: settings.RETAIN_ENDED_SECONDS * 1000 });
  const drones = createDrones({ deliveries, now, timeScale });
  const pushes = count('pushes_total', 'Frames given to watchers');
  const conflated = count(
    'positions_conflated_total',
    'Positions that a newer one replaced before they were sent',
  );
  const onPush = (frames: number, replaced: number) => {
    pushes.add(frames);
    conflated.add(replaced);
  };

  const droneOfDelivery = (deliveryId: string) => {
    const drone = drones.find(deliveries.find(deliveryId)?.assignment?.droneId ?? '');
    return drone?.track.latest?.deliveryId === deliveryId && drones.missionOf(drone) ? drone : undefined;
  };
  const watchers = createWatchers({
    find: deliveries.find,
    positionOf: (deliveryId) => {
      const drone = droneOfDelivery(deliveryId);
      return drone?.track.latest && drones.watchPositionOf(drone, drone.track.latest);
    },
    isLinkLost: (deliveryId) =>
      drones.find(deliveries.find(deliveryId)?.assignment?.droneId ?? '')?.linkLost ?? false,
    now,
    onPush,
  });
  const fleet = createFleet({ drones: drones.all, now, lostAfter, onPush });
  const tickets = createTickets(now);

  const sockets = createDroneSockets({
    now,
    onFrame: (droneId, frame) => intake.frame(droneId, frame),
    onRefused: (droneId, reason) => {
      count('frames_refused_total', 'Frames of drones that could not be read', { reason }).add();
      log.debug({ droneId, reason }, 'a frame was refused');
    },
  });
  const commands = createCommands({
    deliveries,
    send: (droneId, command) => sockets.send(droneId, { type: 'command', command }),
    onSent: ({ kind }, again) =>
      count('commands_sent_total', 'Commands sent down', { kind, again: String(again) }).add(),
  });
  const events = createFlightEvents({
    publish: publishEvents,
    ready: rebuilt,
    check: (event, droneId) =>
      checkEvent(event, droneId, drones.find(droneId), {
        deliveries,
        now,
        timeScale,
        arrivalRadius: settings.ARRIVAL_RADIUS,
      }),
    onOutcome: (event, outcome) => tell(event, outcome),
  });
  const tell = ({ kind, droneId, deliveryId, eventId }: FlightEvent, outcome: Outcome) => {
    count('flight_events_total', 'Flight events by what became of them', {
      kind,
      result: outcome.kind,
    }).add();
    const facts = { kind, droneId, deliveryId, eventId };
    if (outcome.kind === 'refused') log.warn({ ...facts, ...outcome.refusal }, 'a flight event was refused');
    else if (outcome.kind === 'unanswered') log.warn({ ...facts, err: outcome.error }, 'not published yet');
    else log.debug({ ...facts, result: outcome.kind }, 'flight event');
  };

  const recorded = (result: string) =>
    count('telemetry_records_total', 'Records for drone-telemetry by what became of them', { result });
  const recorder = createRecorder({
    publish: publishTelemetry,
    recordOf: drones.recordOf,
    now,
    interval: settings.TELEMETRY_RECORD_SECONDS * 1000,
    onOutcome: (records, error) => recorded(error === undefined ? 'published' : 'unanswered').add(records),
    onDropped: () => recorded('replaced').add(),
  });
  const reply = (droneId: string, frame: Parameters<DroneSockets['send']>[1]) =>
    void sockets.send(droneId, frame);
  const intake = createIntake({ drones, watchers, recorder, events, commands, reply, metrics, log, now });
  const links = createLinkWatch({
    drones,
    deliveries,
    events,
    now,
    lostAfter,
    onChange: (drone, mission, state, at) => {
      log.info({ droneId: drone.droneId, deliveryId: mission.deliveryId, state }, 'link');
      watchers.link(mission.deliveryId, state, at);
    },
  });

  const heed = (changes: readonly StateChange[]) => {
    for (const each of changes) {
      if (each.kind === 'stage') watchers.stage(each.delivery, each.change, each.ended);
      else if (each.kind === 'finished') commands.missionFinished(each.missionId);
    }
  };
  const unreadable = (hub: string, { partition, sequenceNumber }: HubMessage, reason: unknown) => {
    count('messages_unreadable_total', 'Messages of a hub that could not be read', { hub }).add();
    log.warn({ hub, partition, sequenceNumber, err: reason }, 'a message of the hub cannot be read');
  };

  let isOpen = false;
  const open = () => {
    isOpen = true;
    deliveries.forgetEnded();
    commands.open();
    log.info({ ...deliveries.size(), pending: commands.pending() }, 'rebuilt');
  };
  rebuilt.then(open, () => undefined);

  const timers = [
    setInterval(() => {
      for (const client of watchers.clients()) client.tick();
      for (const client of fleet.clients()) client.tick();
    }, EVERY.clients),
    setInterval(() => void recorder.flush(), EVERY.recorder),
    setInterval(fleet.tick, EVERY.fleet),
    setInterval(() => {
      if (isOpen) links.tick();
    }, EVERY.link),
    setInterval(commands.repeat, EVERY.commands),
    setInterval(sockets.beat, EVERY.beat),
    setInterval(() => {
      deliveries.forgetEnded();
      drones.forgetSilent(SILENT_DRONE);
      tickets.sweep();
    }, EVERY.sweep),
  ];

  metrics.gauge('tracking_drones_connected', 'Drones with an open socket', sockets.count);
  metrics.gauge('tracking_drones_known', 'Drones with a state', drones.size);
  metrics.gauge('tracking_deliveries_known', 'Deliveries in memory', () => deliveries.size().deliveries);
  metrics.gauge('tracking_missions_known', 'Missions in memory', () => deliveries.size().missions);
  metrics.gauge('tracking_watchers', 'Streams of single deliveries', watchers.count);
  metrics.gauge('tracking_operators', 'Streams of the fleet', fleet.count);
  metrics.gauge('tracking_commands_pending', 'Commands that wait for their confirmation', commands.pending);

  return {
    deliveries,
    drones,
    intake,
    sockets,
    watchers,
    fleet,
    tickets,
    onCommand: (message) => {
      const command = read(DroneCommand, message.body, 'message');
      if (!command.ok) return unreadable('drone-commands', message, describeErrors(command.errors));
      heed(deliveries.applyCommand(command.value));
      commands.offer(command.value);
    },
    onDomainEvent: (message) => {
      const event = read(CloudEvent, message.body, 'message');
      if (!event.ok) return unreadable('domain-events', message, describeErrors(event.errors));
      try {
        heed(deliveries.applyEvent(event.value));
      } catch (error) {
        unreadable('domain-events', message, error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const timer of timers) clearInterval(timer);
      await events.settled();
      await recorder.flush();
      await recorder.flush();
    },
  };
}
