/**
 * Reads a hub from its beginning and follows it: one receiver per partition, positions by sequence number, no checkpoints,
 * because the state is kept in memory only.
 *
 * H1 Messages of a partition are handed out in order, each once per run, across reconnects and restarts of the broker.
 * H2 `rebuilt` resolves when everything that was in the hub at the start has been handed out.
 * H3 After the broker is back, or has ended a receiver, reading goes on within a second or two: receivers have short waits
 *    and retry without end, and a new one follows each that has ended. (The SDK's load balancer would take half a minute,
 *    so it is not used.)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventHubConsumerClient, type PartitionProperties, type RetryOptions } from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import type { HubName } from '../../shared/messaging/hubs.ts';
import type { HubSettings } from '../../shared/messaging/publisher.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Guard } from '../guard.ts';
import type { HubMessage, HubReader } from '../ports.ts';
import { type PartitionReader, readPartition } from './partition.ts';

export interface ReaderOptions {
  readonly settings: HubSettings;
  readonly credential: () => TokenCredential;
  readonly hub: HubName;
  readonly consumerGroup: string;
  readonly onMessage: (message: HubMessage) => void;
  readonly guard: Guard;
  readonly log: Log;
}

const PROBE_PAUSE_MS = 250;
const ENDLESS: RetryOptions = {
  mode: 0,
  maxRetries: 1_000_000,
  retryDelayInMs: 250,
  maxRetryDelayInMs: 250,
  timeoutInMs: 3_000,
};
const PROBE: RetryOptions = { mode: 0, maxRetries: 0, retryDelayInMs: 100, timeoutInMs: 2_000 };

export function openHubReader(options: ReaderOptions): HubReader {
  const closing = new AbortController();
  const rebuilt = Promise.withResolvers<void>();
  let partitions: readonly PartitionReader[] = [];

  const checkRebuilt = () => {
    if (partitions.every((partition) => partition.isRebuilt())) rebuilt.resolve();
  };
  const run = async () => {
    const found = await untilAnswered(options, closing.signal);
    if (!found) return;
    const client = clientFor(options, ENDLESS);
    const { hub, onMessage, guard, log } = options;
    const shared = { client, hub, onMessage, closing: closing.signal, guard, log, onProgress: checkRebuilt };
    partitions = found.map((properties) => readPartition({ ...shared, found: properties }));
    checkRebuilt();
    await Promise.all(partitions.map(({ done }) => done));
    await client.close();
  };
  const running = run();
  running.catch(rebuilt.reject);
  rebuilt.promise.catch(() => undefined);

  return {
    rebuilt: rebuilt.promise,
    isAlive: (within) =>
      partitions.length > 0 && partitions.every(({ aliveAt }) => Date.now() - aliveAt() <= within),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await running.catch(() => undefined);
    },
  };
}

/** Asks for the end of each partition until the broker answers; undefined if it is closed before that. */
async function untilAnswered(
  options: ReaderOptions,
  closing: AbortSignal,
): Promise<PartitionProperties[] | undefined> {
  let warned = false;
  while (!closing.aborted) {
    const asking = clientFor(options, PROBE);
    try {
      const ids = await asking.getPartitionIds();
      return await Promise.all(ids.map((id) => asking.getPartitionProperties(id)));
    } catch (error) {
      if (!warned) options.log.warn({ hub: options.hub, err: error }, 'the broker does not answer yet');
      warned = true;
      await sleep(PROBE_PAUSE_MS, undefined, { signal: closing }).catch(() => undefined);
    } finally {
      await asking.close().catch(() => undefined);
    }
  }
  return undefined;
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
