/** Shuts tracking down in order: asks clients to reconnect, then finishes the work under way, each within its time. */
import type { Server } from 'node:http';
import { CLOSE } from './ingest/drone-sockets.ts';
import type { HubReader } from './ports.ts';
import type { Tracker } from './tracker.ts';

export interface Draining {
  readonly tracker: Tracker;
  readonly server: Server;
  readonly readers: readonly HubReader[];
  readonly outputs: readonly AsyncDisposable[];
  /** Watchers reconnect spread over this time, ms. */
  readonly spreadMs: number;
}

/** Longest time for each part of the drain, ms. */
const PART_LIMIT_MS = 5_000;
const FIRST_RECONNECT_MS = 100;

export async function drain({ tracker, server, readers, outputs, spreadMs }: Draining): Promise<void> {
  for (const client of [...tracker.watchers.clients(), ...tracker.fleet.clients()]) {
    client.reconnect(FIRST_RECONNECT_MS + Math.random() * spreadMs);
  }
  tracker.sockets.closeAll(CLOSE.restart, 'reconnect');
  await within(tracker[Symbol.asyncDispose]());
  server.close();
  server.closeIdleConnections();
  await within(closeAll(readers));
  await within(closeAll(outputs));
  server.closeAllConnections();
}

const closeAll = (parts: readonly AsyncDisposable[]) =>
  Promise.allSettled(parts.map((part) => part[Symbol.asyncDispose]()));

/** Waits for work, but not forever: the process must end. */
async function within(work: PromiseLike<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PART_LIMIT_MS);
  await Promise.race([
    work.then(
      () => undefined,
      () => undefined,
    ),
    promise,
  ]);
  clearTimeout(timer);
}
