/**
 * Reads a hub from its beginning and then on: one subscription per partition, positions by sequence number, no checkpoints,
 * because what is read lives in memory only.
 *
 * H1 messages of a partition are given out in order, each once per run, over reconnects and restarts of the broker.
 * H2 `rebuilt` resolves when all that lay in the hub at the start has been given out.
 * H3 after the broker is back, reading goes on within a second or two: receivers have short waits and retry without end, and
 *    one that has given up is made anew. (The SDK's load balancer would take half a minute, so it is not used.)
 */
import {
  type CloseReason,
  EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  type PartitionProperties,
  type ReceivedEventData,
  type RetryOptions,
  type Subscription,
} from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import type { HubName } from '../../shared/messaging/hubs.ts';
import type { HubSettings } from '../../shared/messaging/publisher.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { HubMessage, HubReader } from '../ports.ts';

export interface ReaderOptions {
  readonly settings: HubSettings;
  readonly credential: () => TokenCredential;
  readonly hub: HubName;
  readonly consumerGroup: string;
  readonly onMessage: (message: HubMessage) => void;
  readonly log: Log;
}

/** A connection that died is only noticed at the end of such a wait, s. */
const WAIT_SECONDS = 1;
const BATCH = 200;
const PREFETCH = 1_000;
const AGAIN_MS = 250;
const ENDLESS: RetryOptions = {
  mode: 0,
  maxRetries: 1_000_000,
  retryDelayInMs: 250,
  maxRetryDelayInMs: 250,
  timeoutInMs: 3_000,
};
const PROBE: RetryOptions = { mode: 0, maxRetries: 0, retryDelayInMs: 100, timeoutInMs: 2_000 };

interface Partition {
  readonly id: string;
  /** Last one given out; -1: none yet. */
  last: number;
  /** Rebuilt up to here. */
  readonly until: number;
  aliveAt: number;
  subscription: Subscription | undefined;
}

export function openHubReader(options: ReaderOptions): HubReader {
  const { hub, log } = options;
  let closed = false;
  const isClosed = () => closed;
  let wake: () => void = () => undefined;
  const partitions: Partition[] = [];
  const rebuilt = Promise.withResolvers<void>();
  let client: EventHubConsumerClient | undefined;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const checkRebuilt = () => {
    if (partitions.every(({ last, until }) => last >= until)) rebuilt.resolve();
  };

  const deliver = (partition: Partition, events: readonly ReceivedEventData[]) => {
    partition.aliveAt = Date.now();
    for (const { body, sequenceNumber } of events) {
      if (sequenceNumber <= partition.last) continue;
      options.onMessage({ body: jsonOf(body), partition: partition.id, sequenceNumber });
      partition.last = sequenceNumber;
    }
    if (events.length > 0) checkRebuilt();
  };

  const subscribe = (partition: Partition, from: EventPosition) => {
    if (closed || !client) return;
    let position: EventPosition | undefined;
    let isOver = false;
    partition.subscription = client.subscribe(
      partition.id,
      {
        processEvents: async (events) => {
          if (!isOver) deliver(partition, events);
        },
        processError: async (error) => {
          if (isPositionLost(error)) {
            partition.last = -1;
            position = earliestEventPosition;
          }
          log.debug({ hub, partition: partition.id, err: error }, 'reading stopped for a moment');
        },
        processClose: async (reason: CloseReason) => {
          if (closed || isOver) return;
          isOver = true;
          log.warn({ hub, partition: partition.id, reason }, 'a receiver has ended; it is made anew');
          setTimeout(() => {
            const ended = partition.subscription;
            subscribe(partition, position ?? positionAfter(partition));
            ended?.close().catch(() => undefined);
          }, AGAIN_MS).unref();
        },
      },
      {
        startPosition: from,
        maxBatchSize: BATCH,
        maxWaitTimeInSeconds: WAIT_SECONDS,
        prefetchCount: PREFETCH,
      },
    );
  };

  const start = async () => {
    const found = await probe();
    if (!found || closed) return;
    client = clientFor(options, ENDLESS);
    for (const { partitionId, lastEnqueuedSequenceNumber, isEmpty } of found) {
      const until = isEmpty ? -1 : lastEnqueuedSequenceNumber;
      partitions.push({
        id: partitionId,
        last: -1,
        until,
        aliveAt: Date.now(),
        subscription: undefined,
      });
    }
    checkRebuilt();
    for (const partition of partitions) subscribe(partition, earliestEventPosition);
  };

  /** Asks where each partition ends, until the broker answers. */
  const probe = async (): Promise<PartitionProperties[] | undefined> => {
    let warned = false;
    while (!isClosed()) {
      const asking = clientFor(options, PROBE);
      try {
        const ids = await asking.getPartitionIds();
        return await Promise.all(ids.map((id) => asking.getPartitionProperties(id)));
      } catch (error) {
        if (!warned) log.warn({ hub, err: error }, 'the broker does not answer yet');
        warned = true;
        await pause(AGAIN_MS);
      } finally {
        await asking.close().catch(() => undefined);
      }
    }
    return undefined;
  };

  const started = start().catch((error: unknown) => rebuilt.reject(error));
  rebuilt.promise.catch(() => undefined);

  return {
    rebuilt: rebuilt.promise,
    isAlive: (within) =>
      partitions.length > 0 && partitions.every(({ aliveAt }) => Date.now() - aliveAt <= within),
    [Symbol.asyncDispose]: async () => {
      closed = true;
      wake();
      await started;
      await Promise.all(partitions.map(async ({ subscription }) => subscription?.close()));
      await client?.close();
    },
  };
}

function clientFor(
  { settings, credential, hub, consumerGroup }: ReaderOptions,
  retryOptions: RetryOptions,
): EventHubConsumerClient {
  return settings.EVENTHUBS
    ? new EventHubConsumerClient(consumerGroup, settings.EVENTHUBS, hub, { retryOptions })
    : new EventHubConsumerClient(
        consumerGroup,
        settings.EVENTHUBS__fullyQualifiedNamespace ?? '',
        hub,
        credential(),
        { retryOptions },
      );
}

const positionAfter = ({ last }: Partition): EventPosition =>
  last < 0 ? earliestEventPosition : { sequenceNumber: last, isInclusive: false };

/** The hub is shorter than what was read of it: it was made anew. */
function isPositionLost(error: unknown): boolean {
  return /argument.?error/i.test((error as { code?: string } | undefined)?.code ?? '');
}

function jsonOf(body: unknown): unknown {
  if (!(body instanceof Uint8Array) && typeof body !== 'string') return body;
  try {
    return JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
