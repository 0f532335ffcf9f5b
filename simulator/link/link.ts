/**
 * Speaks a drone's side of the protocol with tracking: hello, telemetry and flight events up, commands and acknowledgements down.
 *
 * L1 An event is repeated, also on reconnect, until it is acknowledged; events are sent in order.
 * L2 `received` is sent only after the command has been decided on and committed.
 * L3 Telemetry is never queued without bound: while the link is down, the newest samples are kept and the oldest dropped.
 * L4 A fault while a frame is handled ends neither the link nor the process: tracking sends the frame again.
 */
import type { RawData } from 'ws';
import {
  type DroneCommand,
  type DroneFrame,
  type FlightEvent,
  type Telemetry,
  ToDroneFrame,
} from '../../shared/contracts/flight.ts';
import { readJson } from '../../shared/read.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Gate } from './gate.ts';
import { openLine } from './line.ts';
import type { TokenSource } from './token-source.ts';

export interface LinkOptions {
  readonly droneId: string;
  /** `ws://…/telemetry` */
  readonly url: string;
  readonly token: TokenSource;
  readonly gate: Gate;
  readonly hello: () => { readonly boot: string; readonly newestFence: number };
  readonly pending: () => FlightEvent[];
  /** Decides and commits. Returns the events of the decision. @throws Error when it could not be committed */
  readonly onCommand: (command: DroneCommand) => FlightEvent[];
  readonly onAck: (eventId: string) => void;
  readonly log: Log;
  readonly random: () => number;
  /** ms */
  readonly timing?: { readonly firstRetry: number; readonly longestRetry: number };
}

export interface Link extends AsyncDisposable {
  readonly isOpen: () => boolean;
  readonly telemetry: (samples: readonly Telemetry[]) => void;
  readonly events: (events: readonly FlightEvent[]) => void;
  /** Sends unacknowledged events again. */
  readonly repeat: () => void;
  readonly ping: () => void;
}

const TIMING = { firstRetry: 200, longestRetry: 5_000 };
const MAX_SAMPLES = 100;
/** Samples wait while more than this is unsent; bytes. */
const BACK_PRESSURE = 256 * 1024;

export function openLink(options: LinkOptions): Link {
  const { droneId, log } = options;
  let waiting: Telemetry[] = [];

  const send = (frame: DroneFrame) => line.send(JSON.stringify(frame));
  const sendEvents = (events: readonly FlightEvent[]) => {
    for (const event of events) send({ type: 'event', event });
  };
  const flushTelemetry = () => {
    if (!line.isOpen() || waiting.length === 0 || line.buffered() > BACK_PRESSURE) return;
    send({ type: 'telemetry', samples: waiting });
    waiting = [];
  };
  const execute = (command: DroneCommand) => {
    if (command.droneId !== droneId) {
      log.warn({ droneId, for: command.droneId }, 'a command for another drone');
      return;
    }
    const events = options.onCommand(command);
    send({ type: 'received', commandId: command.commandId });
    sendEvents(events);
  };
  const handle = (frame: ToDroneFrame) => {
    if (frame.type === 'command') execute(frame.command);
    else if (frame.type === 'ack') options.onAck(frame.eventId);
    else log.warn({ droneId, code: frame.code }, frame.detail);
  };

  const line = openLine({
    ...TIMING,
    ...options.timing,
    droneId,
    url: options.url,
    token: options.token,
    gate: options.gate,
    log,
    random: options.random,
    onOpen: () => {
      send({ type: 'hello', ...options.hello() });
      sendEvents(options.pending());
      flushTelemetry();
    },
    onMessage: (data) => {
      const frame = readJson(ToDroneFrame, bytesOf(data), 'frame');
      if (!frame.ok) {
        log.warn({ droneId }, 'a frame from tracking cannot be read');
        return;
      }
      try {
        handle(frame.value);
      } catch (error) {
        log.debug({ droneId, err: error }, 'a frame could not be handled; tracking will send it again');
      }
    },
  });

  return {
    isOpen: line.isOpen,
    telemetry: (samples) => {
      waiting = [...waiting, ...samples].slice(-MAX_SAMPLES);
      flushTelemetry();
    },
    events: sendEvents,
    repeat: () => {
      if (line.isOpen()) sendEvents(options.pending());
    },
    ping: line.ping,
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

const bytesOf = (data: RawData) =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
