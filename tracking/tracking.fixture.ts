/** For tests: tracking on a real broker with real sockets; a token is JSON of its principal, so that tests choose who calls. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs';
import { type EventHubsServer, startEventHubs } from 'azure-local/event-hubs';
import { WebSocket } from 'ws';
import type { Principal } from '../shared/auth/principal.ts';
import type { DroneFrame, ToDroneFrame, WatchFrame } from '../shared/contracts/flight.ts';
import { AppError } from '../shared/errors.ts';
import { HUBS, type HubName } from '../shared/messaging/hubs.ts';
import { createLog } from '../shared/telemetry/log.ts';
import { readTrackingSettings } from './settings.ts';
import { startTracking, type Tracking, type TrackingOptions } from './tracking.ts';

export const KEY = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const };
const CONFIG = Object.fromEntries(
  Object.entries(HUBS).map(([name, { partitions, consumers }]) => [
    name,
    { partitions, consumerGroups: [...consumers] },
  ]),
);

export const tokenOf = (principal: Partial<Principal>) =>
  Buffer.from(JSON.stringify({ subject: 'a-user', roles: [], ...principal })).toString('base64url');
export const droneToken = (droneId: string) => tokenOf({ subject: droneId, roles: ['drone'], droneId });
export const CUSTOMER = tokenOf({ roles: ['customer'], accountId: 'account-1' });
export const STRANGER = tokenOf({ roles: ['customer'], accountId: 'account-2' });
export const OPERATOR = tokenOf({ roles: ['operator'] });

export const verify = async (token: string): Promise<Principal> => {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Principal;
  } catch {
    throw new AppError('token_invalid', 'the token cannot be verified');
  }
};

export interface Broker extends AsyncDisposable {
  readonly port: number;
  readonly server: EventHubsServer;
  readonly publish: (hub: HubName, key: string, ...bodies: unknown[]) => Promise<void>;
  /** All messages of a hub, until `enough` says so. */
  readonly read: <T>(hub: HubName, enough: (bodies: T[]) => boolean) => Promise<T[]>;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

const retryOptions = { maxRetries: 3, retryDelayInMs: 50, timeoutInMs: 2_000 };

export async function startBroker(): Promise<Broker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tracking-'));
  const begin = (port: number) => startEventHubs({ port, dataDir, hubs: CONFIG, keys: [KEY] });
  let server = await begin(0);
  const { port } = server;
  let running = true;
  return {
    port,
    get server() {
      return server;
    },
    publish: async (hub, key, ...bodies) => {
      const client = new EventHubProducerClient(server.connectionString(), hub, { retryOptions });
      await client.sendBatch(
        bodies.map((body) => ({ body })),
        { partitionKey: key },
      );
      await client.close();
    },
    read: async <T>(hub: HubName, enough: (bodies: T[]) => boolean) => {
      const client = new EventHubConsumerClient('$Default', server.connectionString(), hub, { retryOptions });
      const bodies: T[] = [];
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const subscription = client.subscribe(
        {
          processEvents: async (events: ReceivedEventData[]) => {
            bodies.push(...events.map(({ body }) => body as T));
            if (enough(bodies)) resolve();
          },
          processError: async (error) => {
            reject(error);
          },
        },
        { startPosition: earliestEventPosition, maxBatchSize: 100, maxWaitTimeInSeconds: 1 },
      );
      const timer = setTimeout(() => resolve(), 50_000);
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        await subscription.close();
        await client.close();
      }
      return bodies;
    },
    stop: async () => {
      running = false;
      await server.close();
    },
    start: async () => {
      server = await begin(port);
      running = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (running) await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

export function environmentOf(broker: Broker, changes: Record<string, string> = {}): Record<string, string> {
  return {
    TRACKING_PORT: '0',
    IDENTITY_ISSUER: 'http://127.0.0.1:1/',
    TRACKING_AUDIENCE: 'api',
    API_ORIGIN: 'http://127.0.0.1:1',
    EVENTHUBS: broker.server.connectionString(),
    LOG_LEVEL: 'silent',
    ALLOWED_ORIGINS: 'http://page.test',
    ...changes,
  };
}

export async function startOn(
  broker: Broker,
  changes: Record<string, string> = {},
  options: Partial<TrackingOptions> = {},
): Promise<Tracking> {
  const settings = readTrackingSettings(environmentOf(broker, changes));
  return startTracking({
    settings,
    log: createLog({ name: 'tracking', level: process.env['T_LOG'] ?? 'silent' }),
    verify,
    recordDeadLetter: async () => undefined,
    ...options,
  });
}

/** A drone that keeps what it is told. */
export interface TestDrone {
  readonly socket: WebSocket;
  readonly frames: ToDroneFrame[];
  readonly send: (frame: DroneFrame) => void;
  readonly next: <T extends ToDroneFrame['type']>(
    type: T,
    where?: (frame: Extract<ToDroneFrame, { type: T }>) => boolean,
  ) => Promise<Extract<ToDroneFrame, { type: T }>>;
  readonly close: () => Promise<void>;
}

type Hello = { readonly boot?: string; readonly newestFence?: number } | false;

export const openDrone = (port: number, droneId: string, hello: Hello = {}): Promise<TestDrone> =>
  openDroneWith(port, droneToken(droneId), hello);

export async function openDroneWith(port: number, token: string, hello: Hello = {}): Promise<TestDrone> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/telemetry`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const frames: ToDroneFrame[] = [];
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as ToDroneFrame));
  socket.on('error', () => undefined);
  await once(socket, 'open');
  const send = (frame: DroneFrame) => socket.send(JSON.stringify(frame));
  if (hello) send({ type: 'hello', boot: 'boot-1', newestFence: 0, ...hello });
  return {
    socket,
    frames,
    send,
    next: async (type, where = () => true) => {
      const fits = (frame: ToDroneFrame) => frame.type === type && where(frame as never);
      await until(
        () => frames.some(fits),
        () => `a frame ${type}; came: ${JSON.stringify(frames)}`,
      );
      return frames.find(fits) as never;
    },
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** An SSE stream or WebSocket of a watcher, with the ids that came with the frames. */
export interface TestWatcher<T = WatchFrame> {
  readonly frames: T[];
  readonly ids: (string | undefined)[];
  readonly ended: () => boolean;
  readonly text: () => string;
  readonly until: (enough: (frames: T[]) => boolean) => Promise<void>;
  readonly close: () => void;
}

export async function watchSse<T = WatchFrame>(
  url: string,
  headers: Record<string, string> = {},
): Promise<TestWatcher<T>> {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  if (response.status !== 200) throw new Error(`the stream answered ${response.status}`);
  const frames: T[] = [];
  const ids: (string | undefined)[] = [];
  let text = '';
  let whole = '';
  let ended = false;
  const read = async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const piece = Buffer.from(chunk).toString('utf8');
      whole += piece;
      text += piece;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        frames.push(JSON.parse(data) as T);
        ids.push(/^id: (.*)$/m.exec(block)?.[1]);
      }
    }
  };
  read().then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  return {
    frames,
    ids,
    ended: () => ended,
    text: () => whole,
    until: (enough) =>
      until(
        () => enough(frames),
        () => `frames; came: ${JSON.stringify(frames)}`,
      ),
    close: () => stop.abort(),
  };
}

export async function watchSocket<T = WatchFrame>(
  url: string,
  headers: Record<string, string> = {},
): Promise<TestWatcher<T> & { readonly socket: WebSocket; readonly code: () => number | undefined }> {
  const socket = new WebSocket(url, { headers });
  const frames: T[] = [];
  let code: number | undefined;
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as T));
  socket.on('close', (closed) => {
    code = closed;
  });
  await once(socket, 'open');
  return {
    socket,
    frames,
    ids: [],
    code: () => code,
    ended: () => code !== undefined,
    text: () => '',
    until: (enough) =>
      until(
        () => enough(frames),
        () => `frames; came: ${JSON.stringify(frames)}`,
      ),
    close: () => socket.terminate(),
  };
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  timeoutMs = 50_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end)
      throw new Error(`timed out waiting for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Status of an upgrade that was refused. */
export async function refusedUpgrade(url: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on('error', () => undefined);
  const { promise, resolve } = Promise.withResolvers<number>();
  socket.on('unexpected-response', (request, response) => {
    resolve(response.statusCode ?? 0);
    request.destroy();
  });
  socket.on('open', () => {
    socket.terminate();
    resolve(101);
  });
  return promise;
}
