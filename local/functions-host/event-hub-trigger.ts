/**
 * Runs Event Hubs triggers: one receiver for each partition, batches to the function, checkpoints in Blob storage.
 *
 * H1 A partition's batches run one after the other; partitions run in parallel.
 * H2 The checkpoint moves after a batch whether its function succeeded or failed (as the real host's does), but not past a batch that was
 *    still being retried when the host stopped.
 * H3 A receiver that ends, for any reason, is replaced by one that begins at its checkpoint, after the batch under way has ended.
 * H4 Several hosts share the partitions by ownership blobs (ownership.ts); receivers have an epoch, so the broker serves one of them.
 */
import {
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  type ReceivedEventData,
} from '@azure/event-hubs';
import type { FunctionApp, FunctionDefinition, Invocation } from './contract.ts';
import { lazyCredential } from './credential.ts';
import {
  blobClaims,
  type Checkpoints,
  createCheckpoints,
  type Group,
  type StartPosition,
} from './event-hub-checkpoints.ts';
import { invocationOf } from './event-hub-invocation.ts';
import type { HostLog } from './log.ts';
import type { Ownership } from './ownership.ts';
import { describe, invokeWithRetry, pause } from './retry.ts';
import { connectionNamed, type HostConfig, resolveSetting, textOf } from './settings.ts';
import { shareWork } from './shared-work.ts';

export interface TriggerContext {
  readonly app: FunctionApp;
  readonly config: HostConfig;
  readonly log: HostLog;
  /** Values of the input bindings other than the trigger. */
  readonly extraInputs: (definition: FunctionDefinition) => Invocation['inputs'];
  readonly dataDir: string;
  readonly now: () => number;
}

export interface Trigger {
  /** Resolves once the trigger has everything that it needs. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

const CATEGORY = 'Host.Triggers.EventHubs';
/** Attempts are short: one on a dead connection ends only by its time-out. */
const CLIENT_OPTIONS: EventHubConsumerClientOptions = {
  retryOptions: {
    mode: 0,
    maxRetries: 100,
    retryDelayInMs: 200,
    maxRetryDelayInMs: 1_000,
    timeoutInMs: 3_000,
  },
};
const RESTART_DELAY_MS = 250;
/** The receiver detects a dead connection only when its wait ends. */
const MAX_WAIT_SECONDS = 1;
/** A receiver that came this far without an error is attached. */
const ATTACH_MS = 50;
/** The service's error for a position that no event has yet. */
const BEYOND_THE_LAST = /beyond the last event/;

export function startEventHubTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const stopping = new AbortController();
  const hub = resolveSetting(textOf(trigger['eventHubName']));
  const consumerGroup = resolveSetting(textOf(trigger['consumerGroup'], '$Default'));
  const settings = context.config.extensions?.['eventHubs'] ?? {};
  const client = clientOf(textOf(trigger['connection']), hub, consumerGroup);
  const { fullyQualifiedNamespace } = client;
  const group: Group = { fullyQualifiedNamespace, eventHubName: hub, consumerGroup };
  const log: Reading['log'] = (level, message) => context.log(level, CATEGORY, `${name}: ${message}`);
  const { type: initialOffset = '' } = (settings['initialOffsetOptions'] ?? {}) as { type?: string };
  const checkpoints = createCheckpoints({ group, client, initialOffset, log, stopping: stopping.signal });
  let ownership: Ownership | undefined;
  const reading: Reading = {
    client,
    checkpoints,
    log,
    maxBatchSize: trigger['cardinality'] === 'one' ? 1 : Number(settings['maxEventBatchSize'] ?? 100),
    owns: async (partitionId) => (await ownership?.confirm(partitionId)) === true,
    async handle(events, partitionId, ending) {
      const where = { hub, group: consumerGroup, partitionId, namespace: fullyQualifiedNamespace };
      const invocation = invocationOf(definition, events, where);
      const inputs = [...invocation.inputs, ...context.extraInputs(definition)];
      const result = await invokeWithRetry(context.app, definition, { ...invocation, inputs }, ending);
      if (!result.ok && ending.aborted) return;
      await checkpoints.write(partitionId, events.at(-1) as ReceivedEventData);
    },
  };
  const start = async () => {
    const slots = await untilReached(() => client.getPartitionIds(), log, stopping.signal);
    const shared = shareWork({
      store: blobClaims(group),
      slots,
      work: (partitionId, ending, attached) => readPartition(reading, partitionId, ending, attached),
      log: (message) => log('warning', message),
      stopping: stopping.signal,
    });
    ({ ownership } = shared);
    await shared.begun;
  };
  return {
    ready: start(),
    stop: async () => {
      stopping.abort();
      await ownership?.stop().catch(() => undefined);
      await client.close().catch(() => undefined);
    },
  };
}

interface Reading {
  readonly client: EventHubConsumerClient;
  readonly checkpoints: Checkpoints;
  readonly maxBatchSize: number;
  readonly log: (level: 'warning' | 'error', message: string) => void;
  /** Whether this process still has the partition. */
  owns(partitionId: string): Promise<boolean>;
  handle(events: readonly ReceivedEventData[], partitionId: string, ending: AbortSignal): Promise<void>;
}

/** H1 to H3: reads until `ending`, or until another process has the partition. `attached`: the first receiver has begun. */
async function readPartition(
  reading: Reading,
  partitionId: string,
  ending: AbortSignal,
  attached: () => void,
): Promise<void> {
  const { checkpoints, log } = reading;
  let isBeyond = false;
  while (!ending.aborted) {
    try {
      const startPosition = await (isBeyond
        ? checkpoints.repair(partitionId)
        : checkpoints.positionOf(partitionId));
      isBeyond = false;
      if (ending.aborted) return;
      const reason = await receive(reading, partitionId, { startPosition, ending, attached });
      isBeyond = reason !== undefined && BEYOND_THE_LAST.test(reason);
      if (reason !== undefined && !isBeyond) log('warning', `partition ${partitionId}: ${reason}`);
      if (!ending.aborted && !(await reading.owns(partitionId))) return;
    } catch (error) {
      log('warning', `partition ${partitionId}: ${describe(error)}`);
    }
    await pause(RESTART_DELAY_MS, ending);
  }
}

/** One receiver, until it ends or is to end; a batch that it has given out is awaited. Resolves with the reason of its end. */
async function receive(
  { client, maxBatchSize, handle }: Reading,
  partitionId: string,
  of: {
    readonly startPosition: StartPosition;
    readonly ending: AbortSignal;
    readonly attached: () => void;
  },
): Promise<string | undefined> {
  const { startPosition, ending, attached } = of;
  const { promise: ended, resolve: stop } = Promise.withResolvers<void>();
  let reason: string | undefined;
  const onAbort = () => stop();
  ending.addEventListener('abort', onAbort, { once: true });
  let batch: Promise<void> = Promise.resolve();
  const subscription = client.subscribe(
    partitionId,
    {
      processInitialize: async () => {
        setTimeout(attached, ATTACH_MS);
      },
      processEvents: async (events) => {
        if (events.length === 0) return;
        batch = handle(events, partitionId, ending);
        await batch;
      },
      processError: async ({ message }) => {
        reason = message;
        stop();
      },
      processClose: async () => stop(),
    },
    {
      startPosition,
      maxBatchSize,
      maxWaitTimeInSeconds: MAX_WAIT_SECONDS,
      skipParsingBodyAsJson: true,
      ownerLevel: 0,
    },
  );
  await ended;
  ending.removeEventListener('abort', onAbort);
  await subscription.close().catch(() => undefined);
  await batch.catch(() => undefined);
  return reason;
}

async function untilReached<T>(
  work: () => Promise<T>,
  log: Reading['log'],
  stopping: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (stopping.aborted) throw error;
      log('warning', `the broker cannot be reached, trying again: ${(error as Error).message}`);
      await pause(RESTART_DELAY_MS, stopping);
    }
  }
}

function clientOf(connection: string, hub: string, group: string): EventHubConsumerClient {
  const { connectionString, parts } = connectionNamed(connection);
  if (connectionString) return new EventHubConsumerClient(group, connectionString, hub, CLIENT_OPTIONS);
  const namespace = parts['fullyQualifiedNamespace'] ?? '';
  return new EventHubConsumerClient(group, namespace, hub, lazyCredential(parts['clientId']), CLIENT_OPTIONS);
}
