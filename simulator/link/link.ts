/**
 * One drone's WebSocket to tracking: hello, telemetry and flight events up, commands and acknowledgements down.
 *
 * L1 an event is repeated, on reconnect too, until it is acknowledged; events go out in their order.
 * L2 `received` is sent only after the command has been decided on and committed.
 * L3 telemetry is never queued without bound: in a gap the newest samples are kept, the oldest dropped.
 * L4 a link that died in silence is found by pings; a token's end is met with a new connection before it comes.
 */
import { type RawData, WebSocket } from 'ws';
import {
  type DroneCommand,
  type DroneFrame,
  type FlightEvent,
  type Telemetry,
  ToDroneFrame,
} from '../../shared/contracts/flight.ts';
import { readJson } from '../../shared/read.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { TokenSource } from './token-source.ts';

export interface LinkOptions {
  readonly droneId: string;
  /** `ws://…/telemetry` */
  readonly url: string;
  readonly token: TokenSource;
  readonly hello: () => { readonly boot: string; readonly newestFence: number };
  readonly pending: () => FlightEvent[];
  /** Decides and commits; the events of the decision. */
  readonly onCommand: (command: DroneCommand) => FlightEvent[];
  readonly onAck: (eventId: string) => void;
  readonly log: Log;
  readonly random: () => number;
  readonly timing?: Partial<LinkTiming>;
}

/** ms */
export interface LinkTiming {
  readonly firstRetry: number;
  readonly longestRetry: number;
  readonly repeatEvents: number;
  readonly ping: number;
}

export interface Link extends AsyncDisposable {
  readonly isOpen: () => boolean;
  readonly telemetry: (samples: readonly Telemetry[]) => void;
  readonly events: (events: readonly FlightEvent[]) => void;
}

const TIMING: LinkTiming = { firstRetry: 200, longestRetry: 5_000, repeatEvents: 2_000, ping: 10_000 };
const MAX_SAMPLES = 100;
/** Above this much unsent, samples wait; bytes. */
const BACK_PRESSURE = 256 * 1024;
/** The connection is renewed so long before its token ends. */
const RENEW_BEFORE_MS = 20_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export function openLink(options: LinkOptions): Link {
  const timing = { ...TIMING, ...options.timing };
  let socket: WebSocket | undefined;
  let closed = false;
  let attempt = 0;
  let alive = true;
  let waiting: Telemetry[] = [];
  let retry: NodeJS.Timeout | undefined;
  let renewal: NodeJS.Timeout | undefined;
  let connecting: Promise<void> = Promise.resolve();

  const isOpen = () => socket?.readyState === WebSocket.OPEN;
  const send = (frame: DroneFrame) => {
    if (isOpen()) socket?.send(JSON.stringify(frame));
  };
  const sendEvents = (events: readonly FlightEvent[]) => {
    for (const event of events) send({ type: 'event', event });
  };
  const flushTelemetry = () => {
    if (!isOpen() || waiting.length === 0 || (socket?.bufferedAmount ?? 0) > BACK_PRESSURE) return;
    send({ type: 'telemetry', samples: waiting });
    waiting = [];
  };

  const onFrame = (data: RawData) => {
    const frame = readJson(ToDroneFrame, bytesOf(data));
    if (!frame.ok) {
      options.log.warn({ droneId: options.droneId }, 'a frame from tracking cannot be read');
      return;
    }
    switch (frame.value.type) {
      case 'command': {
        const { command } = frame.value;
        if (command.droneId !== options.droneId) {
          options.log.warn({ droneId: options.droneId, for: command.droneId }, 'a command for another drone');
          return;
        }
        const events = options.onCommand(command);
        send({ type: 'received', commandId: command.commandId });
        sendEvents(events);
        return;
      }
      case 'ack':
        options.onAck(frame.value.eventId);
        return;
      case 'error':
        options.log.warn({ droneId: options.droneId, code: frame.value.code }, frame.value.detail);
        return;
      default:
        frame.value satisfies never;
    }
  };

  const again = () => {
    if (closed || retry) return;
    const pause = Math.min(timing.longestRetry, timing.firstRetry * 2 ** Math.min(attempt, 10));
    attempt += 1;
    retry = setTimeout(
      () => {
        retry = undefined;
        connecting = connect();
      },
      pause * (0.5 + options.random() / 2),
    );
  };

  const connect = async (): Promise<void> => {
    const token = await options.token().catch((error: unknown) => {
      options.log.debug({ droneId: options.droneId, err: error }, 'no token');
      return undefined;
    });
    if (closed) return;
    if (!token) {
      again();
      return;
    }
    const next = new WebSocket(options.url, {
      headers: { authorization: `Bearer ${token.value}` },
      perMessageDeflate: false,
      handshakeTimeout: 5_000,
    });
    socket = next;
    next.on('open', () => {
      attempt = 0;
      alive = true;
      send({ type: 'hello', ...options.hello() });
      sendEvents(options.pending());
      flushTelemetry();
      clearTimeout(renewal);
      const left = token.expiresAt - Date.now() - RENEW_BEFORE_MS;
      renewal = setTimeout(() => next.close(1000, 'new token'), Math.min(MAX_TIMER_MS, Math.max(1000, left)));
    });
    next.on('message', onFrame);
    next.on('pong', () => {
      alive = true;
    });
    next.on('error', (error) => options.log.debug({ droneId: options.droneId, err: error }, 'link'));
    next.on('close', () => {
      if (socket === next) socket = undefined;
      again();
    });
  };

  const repeating = setInterval(() => {
    if (isOpen()) sendEvents(options.pending());
  }, timing.repeatEvents);
  const pinging = setInterval(() => {
    if (!isOpen()) return;
    if (!alive) socket?.terminate();
    alive = false;
    socket?.ping();
  }, timing.ping);
  connecting = connect();

  return {
    isOpen,
    telemetry: (samples) => {
      waiting = [...waiting, ...samples].slice(-MAX_SAMPLES);
      flushTelemetry();
    },
    events: sendEvents,
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearTimeout(retry);
      clearTimeout(renewal);
      clearInterval(repeating);
      clearInterval(pinging);
      await connecting;
      const last = socket;
      if (!last || last.readyState === WebSocket.CLOSED) return;
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => last.terminate(), 500);
        last.once('close', () => {
          clearTimeout(force);
          resolve();
        });
        last.close(1000);
      });
    },
  };
}

function bytesOf(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
}
