/** The orderly end of tracking: clients are told to come back, the work under way is finished, each within its time. */
import type { Server } from 'node:http';
import { CLOSE } from './ingest/drone-sockets.ts';
import type { HubReader } from './ports.ts';
import type { Tracker } from './tracker.ts';

export interface Draining {
  readonly tracker: Tracker;
  readonly server: Server;
  readonly readers: readonly HubReader[];
  readonly outputs: readonly AsyncDisposable[];
  /** Watchers come back spread over this time, ms. */
  readonly spreadMs: number;
}

/** Each part of the drain may take so long, ms. */
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

/** Waits for work, but not for ever: the process is to end. */
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
