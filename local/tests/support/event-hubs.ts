/** An Event Hubs broker of this project and Microsoft's clients for it; the conformance suite goes through those clients. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EventHubBufferedProducerClient,
  type EventHubBufferedProducerClientOptions,
  EventHubConsumerClient,
  EventHubProducerClient,
  type EventPosition,
  type ReceivedEventData,
  type RetryOptions,
  type SendBatchOptions,
  type SubscribeOptions,
} from '@azure/event-hubs';
import type { AccessKey } from '../../event-hubs/auth.ts';
import type { HubConfig } from '../../event-hubs/broker.ts';
import { type EventHubsOptions, type EventHubsServer, startEventHubs } from '../../event-hubs/server.ts';

export const ROOT: AccessKey = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] };
export const SENDER: AccessKey = { name: 'sender', key: 'c2VuZA==', rights: ['Send'] };
export const LISTENER: AccessKey = { name: 'listener', key: 'bGlzdGVu', rights: ['Listen'] };

/** The SDK's own defaults wait for minutes. */
export const QUICK: RetryOptions = { maxRetries: 2, retryDelayInMs: 20, timeoutInMs: 3_000 };
export const ONCE: RetryOptions = { maxRetries: 0, timeoutInMs: 3_000 };

export interface ReadOptions {
  readonly group?: string;
  readonly partition?: string;
  readonly from?: EventPosition;
  readonly connection?: string;
  readonly subscribe?: SubscribeOptions;
}

export interface Harness extends AsyncDisposable {
  readonly server: EventHubsServer;
  readonly dataDir: string;
  /** Milliseconds that the broker's clock is ahead of the machine's. */
  advance(milliseconds: number): void;
  connection(key?: AccessKey): string;
  producer(hub: string, retryOptions?: RetryOptions, connection?: string): EventHubProducerClient;
  buffered(
    hub: string,
    options: Partial<EventHubBufferedProducerClientOptions>,
  ): EventHubBufferedProducerClient;
  consumer(hub: string, options?: ReadOptions, retryOptions?: RetryOptions): EventHubConsumerClient;
  /** Sends bodies in one batch. */
  send(hub: string, bodies: readonly unknown[], options?: SendBatchOptions): Promise<void>;
  /** The first `count` events from a position of one partition. */
  read(hub: string, count: number, options?: ReadOptions): Promise<ReceivedEventData[]>;
  /** The first error that a receiver is told of. */
  errorOf(hub: string, options?: ReadOptions): Promise<Failure>;
  close(): Promise<void>;
}

export const BEGINNING: EventPosition = { offset: '-1' };

export async function startHarness(
  hubs: Readonly<Record<string, HubConfig>>,
  options: Partial<EventHubsOptions> = {},
): Promise<Harness> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'event-hubs-conformance-')));
  let ahead = 0;
  const server = await startEventHubs({
    port: 0,
    dataDir,
    hubs,
    keys: [ROOT, SENDER, LISTENER],
    now: () => Date.now() + ahead,
    ...options,
  });
  const clients: { close(): Promise<void> }[] = [];
  const kept = <T extends { close(): Promise<void> }>(client: T): T => {
    clients.push(client);
    return client;
  };
  const connection = (key = ROOT) =>
    `Endpoint=sb://127.0.0.1:${server.port};SharedAccessKeyName=${key.name};SharedAccessKey=${key.key};UseDevelopmentEmulator=true`;
  const producers = new Map<string, EventHubProducerClient>();
  const harness: Omit<Harness, 'close' | typeof Symbol.asyncDispose> = {
    server,
    dataDir,
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
    connection,
    producer: (hub, retryOptions = QUICK, to = connection()) =>
      kept(new EventHubProducerClient(to, hub, { retryOptions })),
    buffered: (hub, rest) =>
      kept(
        new EventHubBufferedProducerClient(connection(), hub, {
          retryOptions: QUICK,
          maxWaitTimeInMs: 20,
          onSendEventsErrorHandler: () => undefined,
          ...rest,
        }),
      ),
    consumer: (hub, { group = '$Default', connection: to = connection() } = {}, retryOptions = QUICK) =>
      kept(new EventHubConsumerClient(group, to, hub, { retryOptions })),
    send: async (hub, bodies, sendOptions = {}) => {
      const client = producers.get(hub) ?? harness.producer(hub);
      producers.set(hub, client);
      await client.sendBatch(
        bodies.map((body) => ({ body })),
        sendOptions,
      );
    },
    read: async (hub, count, readOptions = {}) => {
      const events: ReceivedEventData[] = [];
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const client = harness.consumer(hub, readOptions);
      const subscription = client.subscribe(
        readOptions.partition ?? '0',
        {
          processEvents: async (batch) => {
            events.push(...batch);
            if (events.length >= count) resolve();
          },
          processError: async (error) => reject(error),
        },
        settings(readOptions),
      );
      try {
        await promise;
      } finally {
        await subscription.close();
      }
      return events.slice(0, count);
    },
    errorOf: async (hub, readOptions = {}) => {
      const { promise, resolve } = Promise.withResolvers<Error>();
      const client = harness.consumer(hub, readOptions, ONCE);
      const subscription = client.subscribe(
        readOptions.partition ?? '0',
        { processEvents: async () => undefined, processError: async (error) => resolve(error) },
        settings(readOptions),
      );
      const error = await promise;
      await subscription.close();
      return described(error);
    },
  };
  const close = async () => {
    await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
    await server.close();
    if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
  };
  return { ...harness, close, [Symbol.asyncDispose]: close };
}

function settings({ from = BEGINNING, subscribe = {} }: ReadOptions): SubscribeOptions {
  return { maxBatchSize: 100, maxWaitTimeInSeconds: 1, startPosition: from, ...subscribe };
}

export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
  readonly retryable: boolean | undefined;
}

function described(error: unknown): Failure {
  const [cause = error] = (error as Partial<AggregateError>).errors ?? [];
  const { code, message, retryable } = cause as Partial<Failure>;
  return { code, message: String(message), retryable };
}

/** What a call fails with; fails itself when the call does not. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    return described(error);
  }
  throw new Error('the call was expected to fail');
}

export const bodiesOf = (events: readonly ReceivedEventData[]): unknown[] =>
  events.map(({ body }) => body as unknown);

export const range = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, index) => first + index);
