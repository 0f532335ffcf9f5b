/** Upgrades connections to WebSocket: a drone's socket, or a watcher's stream. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { webSocketClient } from '../fan-out/client.ts';
import type { Guard } from '../guard.ts';
import type { Tracker } from '../tracker.ts';
import { droneOf } from './access.ts';
import type { Callers } from './caller.ts';
import type { Limits } from './limits.ts';
import { type Streams, scopeOf } from './streams.ts';

export interface UpgradesOptions {
  readonly tracker: Pick<Tracker, 'acceptDrone'>;
  readonly callers: Callers;
  readonly streams: Streams;
  readonly limits: Pick<Limits, 'openSocket'>;
  readonly guard: Guard;
  readonly now: () => number;
}

/** @throws AppError for the refusal */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => Promise<void>;

const MAX_FRAME_BYTES = 256 * 1024;

export function createUpgrades({ tracker, callers, streams, limits, guard, now }: UpgradesOptions): Upgrade {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  });
  return async (request, socket, head, url) => {
    const complete = (use: (ws: WebSocket) => void) => {
      const accepted = guard('upgrade', use, (ws: WebSocket) => ws.terminate());
      if (!socket.destroyed) server.handleUpgrade(request, socket, head, accepted);
    };
    onClose(socket, limits.openSocket(callers.addressOf(request)));
    if (url.pathname === '/telemetry') {
      const { principal, expiresAt } = await callers.authenticate(request);
      const droneId = droneOf(principal);
      return complete((ws) => tracker.acceptDrone(droneId, ws, expiresAt));
    }
    const admission = await streams.admit(request, url, scopeOf(url));
    onClose(socket, admission.release);
    return complete((ws) => streams.join(admission, webSocketClient(ws, now)));
  };
}

/** Also runs if the socket is already closed. */
function onClose(socket: Duplex, listener: () => void): void {
  if (socket.closed) listener();
  else socket.once('close', listener);
}
