/**
 * Tracking as a whole: settings in, a listening server out. Reads the hubs' pasts, then serves.
 *
 * A1 the port is open at once, so that drones stay connected and positions are pushed while the broker is away; `/readyz` is
 *    true only when everything was rebuilt and every partition answers.
 * A2 `close` drains: readiness first, then watchers and drones are told to come back, then what is under way is finished.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { TokenCredential } from '@azure/identity';
import { createVerifier, type VerifyToken } from '../shared/auth/verifier.ts';
import { createPublisher, type Publisher } from '../shared/messaging/publisher.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { createTrackingServer } from './http/server.ts';
import { openHubReader } from './hubs/reader.ts';
import { openTelemetryHub } from './hubs/telemetry.ts';
import { CLOSE } from './ingest/drone-sockets.ts';
import { createMetrics } from './metrics.ts';
import type { TrackingSettings } from './settings.ts';
import { createTracker, type Tracker } from './tracker.ts';

export interface TrackingOptions {
  readonly settings: TrackingSettings;
  readonly log: Log;
  readonly verify?: VerifyToken;
  readonly credential?: () => TokenCredential;
  readonly now?: () => number;
}

export interface Tracking extends AsyncDisposable {
  readonly port: number;
  /** Resolves when the hubs' pasts have been read. */
  readonly rebuilt: Promise<void>;
  readonly tracker: Tracker;
  readonly isReady: () => boolean;
  readonly close: () => Promise<void>;
}

/** A drone repeats an event every few seconds: longer than that there is nobody who waits for the answer, ms. */
const PUBLISH_TIMEOUT = 2_500;
const CONSUMER_GROUP = 'tracking';
/** A partition that did not answer for so long is not read, ms. */
const STALLED = 10_000;
const DRAIN_LIMIT = 5_000;

/** @throws Error (`EADDRINUSE`) when the port is taken */
export async function startTracking(options: TrackingOptions): Promise<Tracking> {
  const { settings, log } = options;
  const now = options.now ?? Date.now;
  const credential = options.credential ?? (await identityOf(settings));
  const verify =
    options.verify ??
    createVerifier({ issuer: settings.IDENTITY_ISSUER, audience: settings.TRACKING_AUDIENCE });
  const metrics = createMetrics();
  const publisher: Publisher = createPublisher(settings, credential);
  const telemetry = openTelemetryHub(settings, credential);
  const rebuilt = Promise.withResolvers<void>();
  let isRebuilt = false;
  let draining = false;

  const tracker = createTracker({
    settings,
    publishEvents: (events) =>
      publisher.publish(
        'drone-events',
        events.map((event) => ({
          key: event.deliveryId,
          body: event,
          properties: { messageId: event.eventId, kind: event.kind },
        })),
        { timeoutMs: PUBLISH_TIMEOUT },
      ),
    publishTelemetry: telemetry.publish,
    rebuilt: rebuilt.promise,
    metrics,
    log,
    now,
  });

  const shared = { settings, credential, consumerGroup: CONSUMER_GROUP, log };
  const readiness = () => ({
    rebuilt: isRebuilt,
    reading: readers.every((reader) => reader.isAlive(STALLED)),
    notDraining: !draining,
  });
  const isReady = () => Object.values(readiness()).every(Boolean);
  const server = createTrackingServer({
    tracker,
    verify,
    allowedOrigins: settings.ALLOWED_ORIGINS,
    readiness,
    isDraining: () => draining,
    metrics,
    log,
    now,
  });
  server.listen(settings.TRACKING_PORT, settings.TRACKING_HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    await tracker[Symbol.asyncDispose]();
    throw error;
  }
  const readers = [
    openHubReader({ ...shared, hub: 'drone-commands', onMessage: tracker.onCommand }),
    openHubReader({ ...shared, hub: 'domain-events', onMessage: tracker.onDomainEvent }),
  ];
  Promise.all(readers.map((reader) => reader.rebuilt)).then(() => {
    isRebuilt = true;
    rebuilt.resolve();
  }, rebuilt.reject);
  rebuilt.promise.catch((error: unknown) => log.error({ err: error }, 'the hubs cannot be read'));

  let usage = performance.eventLoopUtilization();
  metrics.gauge('tracking_ready', 'Is the process ready?', () => Number(isReady()));
  metrics.gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  metrics.gauge(
    'nodejs_eventloop_utilization',
    'Share of time that the event loop was busy since the last read',
    () => {
      const before = usage;
      usage = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(usage, before).utilization;
    },
  );

  const drain = async () => {
    draining = true;
    const spread = settings.RECONNECT_SPREAD_SECONDS * 1000;
    for (const client of [...tracker.watchers.clients(), ...tracker.fleet.clients()]) {
      client.reconnect(100 + Math.random() * spread);
    }
    tracker.sockets.closeAll(CLOSE.restart, 'reconnect');
    await within(tracker[Symbol.asyncDispose](), DRAIN_LIMIT);
    server.close();
    server.closeIdleConnections();
    await within(Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]())), DRAIN_LIMIT);
    await within(
      Promise.all([publisher[Symbol.asyncDispose](), telemetry[Symbol.asyncDispose]()]),
      DRAIN_LIMIT,
    );
    server.closeAllConnections();
  };
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= drain());

  return {
    port: (server.address() as AddressInfo).port,
    rebuilt: rebuilt.promise,
    tracker,
    isReady,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits for work, but not for ever: the process is to end. */
async function within(work: PromiseLike<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([
    work.then(
      () => undefined,
      () => undefined,
    ),
    promise,
  ]);
  clearTimeout(timer);
}

/** Loaded only where it is used: it is large. */
async function identityOf({ EVENTHUBS }: TrackingSettings): Promise<() => TokenCredential> {
  if (EVENTHUBS) {
    return () => {
      throw new Error('a connection string is set, so no identity is used');
    };
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  const credential = new DefaultAzureCredential();
  return () => credential;
}
