/**
 * Checkpoints and claims of Event Hubs triggers in Blob storage, in the form of the SDK's own processors.
 *
 * X1 A checkpoint is written until it is there, or the host stops.
 * X2 A checkpoint beyond the last event is reported once, and set to that event: the hub has lost events, and no start would find it.
 */
import type { EventHubConsumerClient } from '@azure/event-hubs';
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob';
import { ContainerClient } from '@azure/storage-blob';
import { lazyCredential } from './credential.ts';
import type { ClaimStore } from './ownership.ts';
import { describe, pause } from './retry.ts';
import { blobServiceUri, connectionNamed } from './settings.ts';

/** The SDK's own first retry comes after 4 s. */
const STORAGE_OPTIONS = { retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 500 } };
const RETRY_DELAY_MS = 250;
const CHECKPOINT_CONTAINER = 'azure-webjobs-eventhub';
const BEFORE_THE_FIRST = '-1';

export interface Group {
  readonly fullyQualifiedNamespace: string;
  readonly eventHubName: string;
  readonly consumerGroup: string;
}

export interface StartPosition {
  readonly offset: string;
  readonly isInclusive?: boolean;
}

export interface Checkpoints {
  /** Where reading a partition begins. */
  positionOf(partitionId: string): Promise<StartPosition>;
  write(partitionId: string, at: { readonly offset: string; readonly sequenceNumber: number }): Promise<void>;
  /** Sets a checkpoint that lies beyond the end of its partition to that end. */
  repair(partitionId: string): Promise<StartPosition>;
}

export interface CheckpointOptions {
  readonly group: Group;
  readonly client: Pick<EventHubConsumerClient, 'getPartitionProperties'>;
  /** `fromEnd`: without a checkpoint, only events that are still to come. */
  readonly initialOffset: string;
  readonly log: (level: 'warning' | 'error', message: string) => void;
  readonly stopping: AbortSignal;
}

export function createCheckpoints(options: CheckpointOptions): Checkpoints {
  const { group, client, log, stopping } = options;
  const checkpoints: Checkpoints = {
    async positionOf(partitionId) {
      const { fullyQualifiedNamespace, eventHubName, consumerGroup } = group;
      const store = await checkpointStore();
      const known = await store.listCheckpoints(fullyQualifiedNamespace, eventHubName, consumerGroup);
      const mine = known.find((each) => each.partitionId === partitionId);
      if (mine) return { offset: mine.offset, isInclusive: false };
      return { offset: options.initialOffset.toLowerCase() === 'fromend' ? '@latest' : BEFORE_THE_FIRST };
    },
    async write(partitionId, { offset, sequenceNumber }) {
      for (;;) {
        try {
          const store = await checkpointStore();
          await store.updateCheckpoint({ ...group, partitionId, offset, sequenceNumber });
          return;
        } catch (error) {
          log('warning', `the checkpoint could not be written, trying again: ${describe(error)}`);
          await pause(RETRY_DELAY_MS, stopping);
          if (stopping.aborted) return;
        }
      }
    },
    async repair(partitionId) {
      const {
        lastEnqueuedSequenceNumber: sequenceNumber,
        lastEnqueuedOffset,
        isEmpty,
      } = await client.getPartitionProperties(partitionId);
      log(
        'error',
        `partition ${partitionId}: its checkpoint lies beyond the last event (${sequenceNumber}), so the hub has lost events; reading goes on behind that event`,
      );
      const end = isEmpty
        ? { offset: BEFORE_THE_FIRST, sequenceNumber: -1 }
        : { offset: lastEnqueuedOffset, sequenceNumber };
      await checkpoints.write(partitionId, end);
      return { offset: end.offset, isInclusive: false };
    },
  };
  return checkpoints;
}

/** Claims as the SDK's own processors write them. */
export function blobClaims(group: Group): ClaimStore {
  const etags = new Map<string, string>();
  return {
    list: async () => {
      const { fullyQualifiedNamespace, eventHubName, consumerGroup } = group;
      const all = await (await checkpointStore()).listOwnership(
        fullyQualifiedNamespace,
        eventHubName,
        consumerGroup,
      );
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
      const claimed = await (await checkpointStore()).claimOwnership(wanted);
      for (const { partitionId, etag } of claimed) etags.set(partitionId, etag ?? '');
      return claimed.map(({ partitionId }) => partitionId);
    },
  };
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
