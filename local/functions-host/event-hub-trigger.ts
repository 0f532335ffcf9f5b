/**
 * Runs Event Hubs triggers: one receiver for each partition, batches to the function, checkpoints in Blob storage.
 *
 * H1 A partition's batches run one after the other; partitions run in parallel.
 * H2 The checkpoint moves after a batch whether its function succeeded or failed (as the real host's does), but not past a batch that was
 *    still being retried when the host stopped.
 * H3 A receiver that ends, for any reason, is replaced by one that begins at its checkpoint, after the batch under way has ended. A
 *    checkpoint beyond the last event is reported once, and set to that event: the hub has lost events, and no start would find it.
 * H4 Several hosts share the partitions by ownership blobs (ownership.ts); receivers have an epoch, so the broker serves one of them.
 */
import {
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  type ReceivedEventData,
} from '@azure/event-hubs';
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob';
import { ContainerClient } from '@azure/storage-blob';
import type { FunctionApp, FunctionDefinition, Invocation, RpcTypedData } from './contract.ts';
import { lazyCredential } from './credential.ts';
import type { HostLog } from './log.ts';
import { type ClaimStore, createOwnership, type Ownership } from './ownership.ts';
import { describe, invokeWithRetry, pause } from './retry.ts';
import { blobServiceUri, connectionNamed, type HostConfig, resolveSetting, textOf } from './settings.ts';

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
/** The SDK's own first retry comes after 4 s. */
const STORAGE_OPTIONS = { retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 500 } };
const RESTART_DELAY_MS = 250;
/** The receiver detects a dead connection only when its wait ends. */
const MAX_WAIT_SECONDS = 1;
const CHECKPOINT_CONTAINER = 'azure-webjobs-eventhub';
/** A receiver that came this far without an error is attached. */
const ATTACH_MS = 50;
/** The service's error for a position that no event has yet. */
const BEYOND_THE_LAST = /beyond the last event/;
const BEFORE_THE_FIRST = '-1';

export function startEventHubTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const stopping = new AbortController();
  const hub = resolveSetting(textOf(trigger['eventHubName']));
  const group = resolveSetting(textOf(trigger['consumerGroup'], '$Default'));
  const settings = context.config.extensions?.['eventHubs'] ?? {};
  const maxBatchSize = trigger['cardinality'] === 'one' ? 1 : Number(settings['maxEventBatchSize'] ?? 100);
  const client = clientOf(textOf(trigger['connection']), hub, group);
  let ownership: Ownership | undefined;

  const handle = async (events: ReceivedEventData[], partitionId: string, ending: AbortSignal) => {
    if (events.length === 0) return;
    const invocation = invocationOf(definition, events, {
      hub,
      group,
      partitionId,
      namespace: client.fullyQualifiedNamespace,
    });
    const inputs = [...invocation.inputs, ...context.extraInputs(definition)];
    const result = await invokeWithRetry(context.app, definition, { ...invocation, inputs }, ending);
    if (!result.ok && ending.aborted) return;
    await checkpoint(partitionId, events.at(-1) as ReceivedEventData);
  };

  const checkpoint = (partitionId: string, { offset, sequenceNumber }: ReceivedEventData) =>
    writeCheckpoint(partitionId, offset, sequenceNumber);

  const writeCheckpoint = async (partitionId: string, offset: string, sequenceNumber: number) => {
    const where = {
      fullyQualifiedNamespace: client.fullyQualifiedNamespace,
      eventHubName: hub,
      consumerGroup: group,
      partitionId,
    };
    for (;;) {
      try {
        await (await checkpointStore()).updateCheckpoint({ ...where, offset, sequenceNumber });
        return;
      } catch (error) {
        context.log(
          'warning',
          CATEGORY,
          `${name}: the checkpoint could not be written, trying again: ${describe(error)}`,
        );
        await pause(RESTART_DELAY_MS, stopping.signal);
        if (stopping.signal.aborted) return;
      }
    }
  };

  const run = async (partitionId: string, ending: AbortSignal, attached: () => void) => {
    let batch: Promise<void> = Promise.resolve();
    const aborted = new Promise<void>((resolve) => {
      ending.addEventListener('abort', () => resolve(), { once: true });
    });
    let isBeyond = false;
    while (!ending.aborted) {
      try {
        const startPosition = isBeyond ? await repairCheckpoint(partitionId) : await positionOf(partitionId);
        isBeyond = false;
        if (ending.aborted) return;
        const ended = Promise.withResolvers<void>();
        const subscription = client.subscribe(
          partitionId,
          {
            processInitialize: async () => {
              setTimeout(attached, ATTACH_MS);
            },
            processEvents: async (events) => {
              batch = handle(events, partitionId, ending);
              await batch;
            },
            processError: async (error) => {
              isBeyond = BEYOND_THE_LAST.test(error.message);
              if (!isBeyond)
                context.log('warning', CATEGORY, `${name}: partition ${partitionId}: ${error.message}`);
              ended.resolve();
            },
            processClose: async () => ended.resolve(),
          },
          {
            startPosition,
            maxBatchSize,
            maxWaitTimeInSeconds: MAX_WAIT_SECONDS,
            skipParsingBodyAsJson: true,
            ownerLevel: 0,
          },
        );
        await Promise.race([ended.promise, aborted]);
        await subscription.close().catch(() => undefined);
        await batch.catch(() => undefined);
        if (!ending.aborted && !(await ownership?.confirm(partitionId))) return;
      } catch (error) {
        context.log('warning', CATEGORY, `${name}: partition ${partitionId}: ${describe(error)}`);
      }
      await pause(RESTART_DELAY_MS, ending);
    }
  };

  const positionOf = async (partitionId: string) => {
    const known = await (await checkpointStore()).listCheckpoints(client.fullyQualifiedNamespace, hub, group);
    const mine = known.find((each) => each.partitionId === partitionId);
    if (mine) return { offset: mine.offset, isInclusive: false };
    const initial = (settings['initialOffsetOptions'] as { type?: string } | undefined)?.type?.toLowerCase();
    return initial === 'fromend' ? { offset: '@latest' } : { offset: BEFORE_THE_FIRST };
  };

  /** To the end of the partition. */
  const repairCheckpoint = async (partitionId: string) => {
    const { lastEnqueuedSequenceNumber, lastEnqueuedOffset, isEmpty } =
      await client.getPartitionProperties(partitionId);
    context.log(
      'error',
      CATEGORY,
      `${name}: partition ${partitionId}: its checkpoint lies beyond the last event (${lastEnqueuedSequenceNumber}), so the hub has lost events; reading goes on behind that event`,
    );
    if (isEmpty) {
      await writeCheckpoint(partitionId, BEFORE_THE_FIRST, -1);
      return { offset: BEFORE_THE_FIRST };
    }
    await writeCheckpoint(partitionId, lastEnqueuedOffset, lastEnqueuedSequenceNumber);
    return { offset: lastEnqueuedOffset, isInclusive: false };
  };

  const start = async () => {
    const ids = await untilReached(() => client.getPartitionIds(), context.log, name, stopping.signal);
    const attaching: Promise<void>[] = [];
    const hold = (id: string) => {
      const ending = new AbortController();
      const attached = Promise.withResolvers<void>();
      const loop = run(id, ending.signal, attached.resolve).finally(attached.resolve);
      attaching.push(attached.promise);
      return async () => {
        ending.abort();
        await loop;
      };
    };
    ownership = createOwnership({
      store: blobClaims(checkpointStore, {
        fullyQualifiedNamespace: client.fullyQualifiedNamespace,
        eventHubName: hub,
        consumerGroup: group,
      }),
      slots: ids,
      hold,
      log: (message) => context.log('warning', CATEGORY, `${name}: ${message}`),
      stopping: stopping.signal,
    });
    await ownership.ready;
    await Promise.all(attaching);
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

async function untilReached<T>(
  work: () => Promise<T>,
  log: HostLog,
  name: string,
  stopping: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (stopping.aborted) throw error;
      log(
        'warning',
        CATEGORY,
        `${name}: the broker cannot be reached, trying again: ${(error as Error).message}`,
      );
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

/** One for the process: the container is the same for every hub. */
let store: Promise<BlobCheckpointStore> | undefined;

function checkpointStore(): Promise<BlobCheckpointStore> {
  store ??= openStore().catch((error: unknown) => {
    store = undefined;
    throw error;
  });
  return store;
}

async function openStore(): Promise<BlobCheckpointStore> {
  const connection = connectionNamed('AzureWebJobsStorage');
  const { connectionString, parts } = connection;
  const container = connectionString
    ? new ContainerClient(connectionString, CHECKPOINT_CONTAINER, STORAGE_OPTIONS)
    : new ContainerClient(
        `${blobServiceUri(connection)}/${CHECKPOINT_CONTAINER}`,
        lazyCredential(parts['clientId']),
        STORAGE_OPTIONS,
      );
  await container.createIfNotExists();
  return new BlobCheckpointStore(container);
}

interface Group {
  readonly fullyQualifiedNamespace: string;
  readonly eventHubName: string;
  readonly consumerGroup: string;
}

/** Claims in the form of the SDK's processors. */
function blobClaims(store: () => Promise<BlobCheckpointStore>, group: Group): ClaimStore {
  const etags = new Map<string, string>();
  return {
    list: async () => {
      const { fullyQualifiedNamespace, eventHubName, consumerGroup } = group;
      const all = await (await store()).listOwnership(fullyQualifiedNamespace, eventHubName, consumerGroup);
      return all.map(({ partitionId: slot, ownerId: owner, etag, lastModifiedTimeInMs: at = 0 }) => {
        etags.set(slot, etag ?? '');
        return { slot, owner, at };
      });
    },
    claim: async (slots, owner) => {
      const wanted = slots.map((partitionId) => {
        const etag = etags.get(partitionId);
        return { ...group, partitionId, ownerId: owner, ...(etag ? { etag } : {}) };
      });
      const claimed = await (await store()).claimOwnership(wanted);
      for (const { partitionId, etag } of claimed) etags.set(partitionId, etag ?? '');
      return claimed.map(({ partitionId }) => partitionId);
    },
  };
}

interface Where {
  readonly hub: string;
  readonly group: string;
  readonly partitionId: string;
  readonly namespace: string;
}

function invocationOf(
  definition: FunctionDefinition,
  events: readonly ReceivedEventData[],
  where: Where,
): Invocation {
  const { trigger } = definition;
  const single = trigger['cardinality'] === 'one';
  const binary = textOf(trigger['dataType']).toLowerCase() === 'binary';
  const bytes = events.map(({ body }) => bytesOf(body));
  const texts = () => bytes.map((each) => each.toString('utf8'));
  const data: RpcTypedData = single
    ? binary
      ? { bytes: bytes[0] as Buffer }
      : { string: texts()[0] as string }
    : binary
      ? { collectionBytes: { bytes } }
      : { collectionString: { string: texts() } };
  const json = (value: unknown): RpcTypedData => ({ json: JSON.stringify(value) });
  const properties = events.map((event) => event.properties ?? {});
  const system = events.map((event) => ({
    SequenceNumber: event.sequenceNumber,
    Offset: event.offset,
    PartitionKey: event.partitionKey,
    EnqueuedTimeUtc: event.enqueuedTimeUtc,
    ...event.systemProperties,
  }));
  const partitionContext = json({
    FullyQualifiedNamespace: where.namespace,
    EventHubName: where.hub,
    ConsumerGroup: where.group,
    PartitionId: where.partitionId,
    IsCheckpointingAfterInvocation: true,
  });
  const [first] = events as [ReceivedEventData];
  const triggerMetadata: Record<string, RpcTypedData> = single
    ? {
        PartitionContext: partitionContext,
        PartitionKey: { string: first.partitionKey ?? '' },
        Offset: { string: first.offset },
        SequenceNumber: { int: first.sequenceNumber },
        EnqueuedTimeUtc: json(first.enqueuedTimeUtc),
        Properties: json(properties[0]),
        SystemProperties: json(system[0]),
      }
    : {
        PartitionContext: partitionContext,
        PartitionKeyArray: {
          collectionString: { string: events.map(({ partitionKey }) => partitionKey ?? '') },
        },
        OffsetArray: { collectionString: { string: events.map(({ offset }) => offset) } },
        SequenceNumberArray: {
          collectionSint64: { sint64: events.map(({ sequenceNumber }) => sequenceNumber) },
        },
        EnqueuedTimeUtcArray: json(events.map(({ enqueuedTimeUtc }) => enqueuedTimeUtc)),
        PropertiesArray: json(properties),
        SystemPropertiesArray: json(system),
      };
  const traceparent = properties[0]?.['traceparent'];
  return {
    inputs: [{ name: trigger.name, data }],
    triggerMetadata,
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
  };
}

/** Bodies arrive as the bytes that were sent; the body of another AMQP section (a value, a sequence) as JSON. */
function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(JSON.stringify(body) ?? '');
}
