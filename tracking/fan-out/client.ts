/**
 * One watcher's connection, SSE or WebSocket, with its back-pressure.
 *
 * W1 positions are not queued: while the connection is full, only the newest one waits (latest wins).
 * W2 stages, links and snapshots are never dropped, and keep their order among each other.
 * W3 a connection that accepts nothing for `STUCK_MS` is cut, so a stalled client costs a bounded amount of memory.
 */
import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import type { Encoded } from './encoded.ts';

export interface Client {
  readonly transport: 'sse' | 'ws';
  /** W2 */
  readonly send: (frame: Encoded) => void;
  /** W1. Returns false when it replaced an older position. */
  readonly sendLatest: (frame: Encoded) => boolean;
  /** Sends waiting frames, checks that the connection makes progress, and keeps it alive. Call it a few times a second. */
  readonly tick: () => void;
  /** Ends the connection because the server stops; the client should reconnect after `afterMs`. */
  readonly reconnect: (afterMs: number) => void;
  /** Closes the connection in order: no more frames follow. */
  readonly end: (code: number, reason: string) => void;
  /** Ends the connection at once. */
  readonly cut: () => void;
  readonly onClose: (listener: () => void) => void;
}

/** The operations of a connection of either kind. */
interface Wire {
  readonly transport: Client['transport'];
  readonly write: (frame: Encoded) => void;
  /** Bytes waiting in this process. */
  readonly buffered: () => number;
  readonly beat: () => void;
  readonly cut: () => void;
  readonly reconnect: Client['reconnect'];
  readonly end: Client['end'];
  readonly onClose: Client['onClose'];
}

/** Reference: latest wins from 64 KB on; heartbeat 4 s; cut after 10 s. */
const FULL_BYTES = 64 * 1024;
const HEARTBEAT_MS = 4_000;
const STUCK_MS = 10_000;

/** https://websockets.spec.whatwg.org/ and RFC 6455 §7.4: 1012 is "service restart". */
const RESTART = 1012;

export function sseClient(response: ServerResponse, now: () => number): Client {
  response.on('error', () => response.destroy());
  return clientOf(
    {
      transport: 'sse',
      write: (frame) => response.write(frame.sse),
      buffered: () => response.writableLength,
      beat: () => response.write(': still here\n\n'),
      cut: () => response.destroy(),
      reconnect: (afterMs) => response.end(`retry: ${Math.round(afterMs)}\n\n`),
      end: () => response.end(),
      onClose: (listener) => response.once('close', listener),
    },
    now,
  );
}

export function webSocketClient(socket: WebSocket, now: () => number): Client {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  socket.on('error', () => socket.terminate());
  let missed = 0;
  return clientOf(
    {
      transport: 'ws',
      write: (frame) => socket.send(frame.json, { binary: false }),
      buffered: () => socket.bufferedAmount,
      beat: () => {
        missed = answered ? 0 : missed + 1;
        if (missed * HEARTBEAT_MS >= STUCK_MS - HEARTBEAT_MS) socket.terminate();
        answered = false;
        socket.ping();
      },
      cut: () => socket.terminate(),
      reconnect: () => socket.close(RESTART, 'reconnect'),
      end: (code, reason) => socket.close(code, reason),
      onClose: (listener) => socket.once('close', listener),
    },
    now,
  );
}

function clientOf(wire: Wire, now: () => number): Client {
  let open = true;
  let latest: Encoded | undefined;
  let movedAt = now();
  let before = 0;
  let beatAt = now();
  wire.onClose(() => {
    open = false;
    latest = undefined;
  });
  const cut = () => {
    open = false;
    wire.cut();
  };

  const write = (frame: Encoded) => {
    if (!open) return;
    beatAt = now();
    wire.write(frame);
  };

  const close = (work: () => void) => {
    if (!open) return;
    open = false;
    work();
    setTimeout(wire.cut, STUCK_MS).unref();
  };

  return {
    transport: wire.transport,
    send: write,
    sendLatest: (frame) => {
      if (!open) return true;
      if (wire.buffered() <= FULL_BYTES) {
        latest = undefined;
        write(frame);
        return true;
      }
      const replaced = latest !== undefined;
      latest = frame;
      return !replaced;
    },
    tick: () => {
      if (!open) return;
      const buffered = wire.buffered();
      if (buffered === 0 || buffered < before) movedAt = now();
      before = buffered;
      if (now() - movedAt >= STUCK_MS) return cut();
      if (latest && buffered <= FULL_BYTES) {
        const frame = latest;
        latest = undefined;
        write(frame);
      }
      if (now() - beatAt >= HEARTBEAT_MS && buffered <= FULL_BYTES) {
        beatAt = now();
        wire.beat();
      }
    },
    reconnect: (afterMs) => close(() => wire.reconnect(afterMs)),
    end: (code, reason) => close(() => wire.end(code, reason)),
    cut,
    onClose: wire.onClose,
  };
}
