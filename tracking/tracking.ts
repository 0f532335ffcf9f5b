/**
 * Starts tracking as a whole, from settings to a listening server. It reads the hubs' past messages, then serves.
 *
 * A1 The port is open at once, so drones stay connected and positions are pushed while the broker is away; `/readyz`
 *    is true only once everything is rebuilt and every partition answers.
 * A2 `close` drains: it ends readiness, asks watchers and drones to reconnect, then finishes the work under way.
 * A3 A fault in a listener ends one connection or one message, never the process (guard.ts).
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenCredential } from '@azure/identity';
import { lazyCredential } from '../shared/auth/credential.ts';
import { createVerifier, type VerifyToken } from '../shared/auth/verifier.ts';
import { createPublisher, type Publisher } from '../shared/messaging/publisher.ts';
import { exportSpans } from '../shared/telemetry/export-spans.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { inSpan } from '../shared/telemetry/trace.ts';
import { drain } from './drain.ts';
import { createGuard } from './guard.ts';
import type { Readiness } from './http/routes.ts';
import { createTrackingServer } from './http/server.ts';
import { createMissionTraces, type MissionTraces } from './hubs/mission-traces.ts';
import { openHubReader } from './hubs/reader.ts';
import { openTelemetryHub } from './hubs/telemetry.ts';
import { createMetrics } from './metrics.ts';
import type { HubReader, PublishFlightEvents, RecordDeadLetter } from './ports.ts';
import { registerProcessGauges } from './process-gauges.ts';
import type { TrackingSettings } from './settings.ts';
import { createDeadLetterRecorder } from './supervisor.ts';
import { createTracker, type Tracker } from './tracker.ts';

export interface TrackingOptions {
  readonly settings: TrackingSettings;
  readonly log: Log;
  readonly verify?: VerifyToken;
  readonly credential?: () => TokenCredential;
  readonly recordDeadLetter?: RecordDeadLetter;
  readonly now?: () => number;
}

export interface Tracking extends AsyncDisposable {
  readonly port: number;
  /** Resolves when the hubs' past messages have been read. */
  readonly rebuilt: Promise<void>;
  readonly tracker: Tracker;
  readonly isReady: () => boolean;
  readonly close: () => Promise<void>;
}

/** A drone repeats an event every few seconds; after this time it no longer waits for the answer, ms. */
const PUBLISH_TIMEOUT_MS = 2_500;
const CONSUMER_GROUP = 'tracking';
/** A partition without an answer for this long counts as not being read, ms. */
const STALLED_MS = 10_000;

/** @throws Error (`EADDRINUSE`) when the port is taken */
export async function startTracking(options: TrackingOptions): Promise<Tracking> {
  const { settings, log } = options;
  const now = options.now ?? Date.now;
  const identity = lazyCredential(settings.AZURE_CLIENT_ID);
  const credential = options.credential ?? (() => identity);
  const verify =
    options.verify ??
    createVerifier({ issuer: settings.IDENTITY_ISSUER, audience: settings.TRACKING_AUDIENCE });
  const metrics = createMetrics();
  const onCount = (cause: string) =>
    metrics.counter('tracking_listener_faults_total', 'Listeners that failed', { cause }).add();
  const guard = createGuard({ log, now, onCount });
  const spans = await exportSpans('tracking', settings, credential);
  const traces = createMissionTraces();
  const publisher = createPublisher(settings, credential);
  const telemetry = openTelemetryHub(settings, credential);
  const rebuilt = Promise.withResolvers<void>();
  const readers: HubReader[] = [];
  let isRebuilt = false;
  let draining = false;

  const tracker = createTracker({
    settings,
    metrics,
    guard,
    log,
    now,
    rebuilt: rebuilt.promise,
    traces,
    publishEvents: flightEventsTo(publisher, traces),
    publishTelemetry: telemetry.publish,
    recordDeadLetter: options.recordDeadLetter ?? createDeadLetterRecorder(settings, credential),
  });
  const readiness = (): Readiness => ({
    rebuilt: isRebuilt,
    reading: readers.length > 0 && readers.every((reader) => reader.isAlive(STALLED_MS)),
    notDraining: !draining,
  });
  const isReady = () => Object.values(readiness()).every(Boolean);
  const server = createTrackingServer({ settings, tracker, verify, readiness, metrics, guard, log, now });
  await listen(server, settings, tracker);

  const shared = { settings, credential, consumerGroup: CONSUMER_GROUP, guard, log };
  readers.push(
    openHubReader({ ...shared, hub: 'drone-commands', onMessage: tracker.onCommand }),
    openHubReader({ ...shared, hub: 'domain-events', onMessage: tracker.onDomainEvent }),
  );
  Promise.all(readers.map((reader) => reader.rebuilt)).then(() => {
    isRebuilt = true;
    rebuilt.resolve();
  }, rebuilt.reject);
  rebuilt.promise.catch((error: unknown) => log.error({ err: error }, 'the hubs cannot be read'));
  registerProcessGauges(metrics, isReady);

  const outputs = [publisher, telemetry, spans];
  const spreadMs = settings.RECONNECT_SPREAD_SECONDS * 1000;
  let closing: Promise<void> | undefined;
  const close = () => {
    draining = true;
    closing ??= drain({ tracker, server, readers, outputs, spreadMs });
    return closing;
  };
  return {
    port: (server.address() as AddressInfo).port,
    rebuilt: rebuilt.promise,
    tracker,
    isReady,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server, settings: TrackingSettings, tracker: Tracker): Promise<void> {
  server.listen(settings.TRACKING_PORT, settings.TRACKING_HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    await tracker[Symbol.asyncDispose]();
    throw error;
  }
}

/** A batch has the events of one drone, so nearly always of one mission. */
function flightEventsTo(publisher: Publisher, traces: MissionTraces): PublishFlightEvents {
  return (events) =>
    inSpan('flight events', { parent: traces.of(events[0]?.missionId) }, () =>
      publisher.publish(
        'drone-events',
        events.map((event) => ({
          key: event.deliveryId,
          body: event,
          properties: { messageId: event.eventId, kind: event.kind },
        })),
        { timeoutMs: PUBLISH_TIMEOUT_MS },
      ),
    );
}
