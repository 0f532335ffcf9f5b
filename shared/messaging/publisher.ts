/** Sends messages to Event Hubs; a publish has succeeded when the broker has acknowledged every message. */
import { EventHubProducerClient, type RetryOptions } from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import type { Settings } from '../config/settings.ts';
import { AppError } from '../errors.ts';
import { inChildSpan } from '../telemetry/trace.ts';
import { traceContext } from '../telemetry/trace-context.ts';
import type { HubName } from './hubs.ts';

export interface Message {
  /** Partition key. */
  readonly key: string;
  readonly body: unknown;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  /** Time after which to give up; default 10 s. */
  readonly timeoutMs?: number;
}

export interface Publisher extends AsyncDisposable {
  /** @throws AppError `dependency_unavailable` when not every message was acknowledged in time; some may have been stored */
  publish(hub: HubName, messages: readonly Message[], options?: PublishOptions): Promise<void>;
}

/** An attempt on a dead connection ends only by its timeout, so the timeout is short and there are several attempts. */
const RETRY: RetryOptions = {
  mode: 0,
  maxRetries: 10,
  retryDelayInMs: 100,
  maxRetryDelayInMs: 1_000,
  timeoutInMs: 3_000,
};

/** ms; for this time an acknowledgement shows that the broker is available. */
const EVIDENCE_MS = 5_000;

export type HubSettings = Pick<Settings, 'EVENTHUBS' | 'EVENTHUBS__fullyQualifiedNamespace'>;

/** The publisher with its connections. */
export interface BrokerPublisher extends Publisher {
  /**
   * Whether a request would be published now. An acknowledgement of the last seconds says so; else the broker is queried
   * over the connection that requests are published on. Rejects when it does not answer.
   */
  check(): Promise<void>;
}

export function createPublisher(settings: HubSettings, credential: () => TokenCredential): BrokerPublisher {
  const clients = new Map<HubName, EventHubProducerClient>();
  let acknowledgedAt = Number.NEGATIVE_INFINITY;
  const clientOf = (hub: HubName) => {
    let client = clients.get(hub);
    if (!client) {
      client = settings.EVENTHUBS
        ? new EventHubProducerClient(settings.EVENTHUBS, hub, { retryOptions: RETRY })
        : new EventHubProducerClient(settings.EVENTHUBS__fullyQualifiedNamespace ?? '', hub, credential(), {
            retryOptions: RETRY,
          });
      clients.set(hub, client);
    }
    return client;
  };
  return {
    publish: (hub, messages, options = {}) =>
      inChildSpan(`publish ${hub}`, spanOf(hub, messages), async () => {
        const timeoutMs = options.timeoutMs ?? 10_000;
        const signal = AbortSignal.timeout(timeoutMs);
        const byKey = Map.groupBy(messages, (message) => message.key);
        const sends = [...byKey].map(([key, group]) => sendGroup(clientOf(hub), key, group, signal));
        try {
          await Promise.all(sends.map((send) => orTimeout(send, signal)));
          acknowledgedAt = performance.now();
        } catch (error) {
          acknowledgedAt = Number.NEGATIVE_INFINITY;
          throw new AppError('dependency_unavailable', 'the message broker did not acknowledge in time', {
            cause: error,
            retryAfterSeconds: 2,
          });
        }
      }),
    check: async () => {
      if (performance.now() - acknowledgedAt < EVIDENCE_MS) return;
      await clientOf('delivery-requests').getPartitionIds();
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

function spanOf(hub: HubName, messages: readonly Message[]) {
  const attributes = {
    'messaging.destination.name': hub,
    'messaging.batch.message_count': messages.length,
  };
  return { kind: 'producer', attributes } as const;
}

async function sendGroup(
  client: EventHubProducerClient,
  key: string,
  messages: readonly Message[],
  abortSignal: AbortSignal,
): Promise<void> {
  const trace = traceContext();
  const events = messages.map(({ body, properties }) => ({
    body,
    // A message that brings a trace of its own has nothing of this one.
    properties: { ...(properties?.['traceparent'] ? {} : trace), ...properties },
  }));
  let batch = await client.createBatch({ partitionKey: key, abortSignal });
  for (const event of events) {
    if (batch.tryAdd(event)) continue;
    if (batch.count === 0) throw new Error('a message is larger than the broker allows');
    await client.sendBatch(batch, { abortSignal });
    batch = await client.createBatch({ partitionKey: key, abortSignal });
    if (!batch.tryAdd(event)) throw new Error('a message is larger than the broker allows');
  }
  if (batch.count > 0) await client.sendBatch(batch, { abortSignal });
}

/** Not all waits of the SDK end with the signal. */
async function orTimeout(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
