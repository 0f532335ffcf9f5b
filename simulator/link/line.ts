/**
 * Keeps a WebSocket open: opens it again whenever it ends, with growing pauses, and before its token expires.
 *
 * R1 There is one socket at a time; `close` leaves neither a socket nor a timer behind.
 * R2 Pings detect a connection that died silently.
 * R3 Only as many connections of a fleet open at the same time as the gate lets through.
 */
import { once } from 'node:events';
import { type RawData, WebSocket } from 'ws';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Gate } from './gate.ts';
import type { AccessToken, TokenSource } from './token-source.ts';

export interface LineOptions {
  readonly droneId: string;
  readonly url: string;
  readonly token: TokenSource;
  readonly gate: Gate;
  /** ms */
  readonly firstRetry: number;
  readonly longestRetry: number;
  readonly onOpen: () => void;
  readonly onMessage: (data: RawData) => void;
  readonly log: Log;
  readonly random: () => number;
}

export interface Line extends AsyncDisposable {
  readonly isOpen: () => boolean;
  readonly send: (text: string) => void;
  /** Bytes waiting in this process. */
  readonly buffered: () => number;
  /** Pings the other side, and ends the socket when the last ping was not answered. */
  readonly ping: () => void;
}

const HANDSHAKE_MS = 10_000;
/** The connection is renewed this long before its token expires. */
const RENEW_BEFORE_MS = 20_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
const CLOSE_MS = 500;

export function openLine(options: LineOptions): Line {
  const { droneId, gate, log } = options;
  let socket: WebSocket | undefined;
  let closed = false;
  let attempt = 0;
  let answered = true;
  let retry: NodeJS.Timeout | undefined;
  let renewal: NodeJS.Timeout | undefined;
  const isOpen = () => socket?.readyState === WebSocket.OPEN;

  const again = () => {
    if (closed || retry) return;
    const pause = Math.min(options.longestRetry, options.firstRetry * 2 ** Math.min(attempt, 10));
    attempt += 1;
    retry = setTimeout(
      () => {
        retry = undefined;
        connecting = gate(connect);
      },
      pause * (0.5 + options.random() / 2),
    );
  };
  const opened = (next: WebSocket, token: AccessToken) => {
    attempt = 0;
    answered = true;
    clearTimeout(renewal);
    const left = token.expiresAt - Date.now() - RENEW_BEFORE_MS;
    const renew = () => next.close(1000, 'new token');
    renewal = setTimeout(renew, Math.min(MAX_TIMER_MS, Math.max(1000, left)));
    options.onOpen();
  };
  /** Resolves when the socket is open or has failed. */
  const connect = async (): Promise<void> => {
    if (closed) return;
    const token = await options.token().catch((error: unknown) => {
      log.debug({ droneId, err: error }, 'no token');
      return undefined;
    });
    if (closed) return;
    if (!token) return again();
    const next = socketTo(options.url, token);
    socket = next;
    next.on('open', () => opened(next, token));
    next.on('message', options.onMessage);
    next.on('pong', () => {
      answered = true;
    });
    next.on('error', (error) => log.debug({ droneId, err: error }, 'link'));
    next.on('close', () => {
      if (socket === next) socket = undefined;
      again();
    });
    await Promise.race([once(next, 'open'), once(next, 'close')]).catch(() => undefined);
  };
  let connecting: Promise<void> = gate(connect);

  return {
    isOpen,
    send: (text) => {
      if (isOpen()) socket?.send(text);
    },
    buffered: () => socket?.bufferedAmount ?? 0,
    ping: () => {
      if (!isOpen()) return;
      if (!answered) socket?.terminate();
      answered = false;
      socket?.ping();
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearTimeout(retry);
      clearTimeout(renewal);
      const last = socket;
      if (last) await closeInOrder(last);
      await connecting;
    },
  };
}

function socketTo(url: string, token: AccessToken): WebSocket {
  return new WebSocket(url, {
    headers: { authorization: `Bearer ${token.value}` },
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS,
  });
}

async function closeInOrder(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const closed = once(socket, 'close');
  const force = setTimeout(() => socket.terminate(), CLOSE_MS);
  socket.close(1000);
  await closed;
  clearTimeout(force);
}
