/**
 * Reads one partition from its beginning, and goes on no matter why a receiver ends. The hub's invariants (H1 to H3) are
 * in reader.ts.
 *
 * P1 A partition has one receiver at a time: the previous one is closed before the next begins.
 * P2 A message whose handling fails is skipped (the guard reports it); the messages behind it are handled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  type PartitionProperties,
  type ReceivedEventData,
} from '@azure/event-hubs';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Guard } from '../guard.ts';
import type { HubMessage } from '../ports.ts';
import { messageOf } from './message.ts';

export interface PartitionOptions {
  readonly client: EventHubConsumerClient;
  readonly hub: string;
  /** The end of the partition when reading began. */
  readonly found: PartitionProperties;
  readonly onMessage: (message: HubMessage) => void;
  /** Called after each batch that had messages. */
  readonly onProgress: () => void;
  readonly closing: AbortSignal;
  readonly guard: Guard;
  readonly log: Log;
}

export interface PartitionReader {
  /** Whether everything that was in the partition when reading began has been handed out. */
  readonly isRebuilt: () => boolean;
  /** ms since the epoch: when the broker last answered. */
  readonly aliveAt: () => number;
  /** Resolves when the partition is no longer read. */
  readonly done: Promise<void>;
}

/** Longest wait of a receiver, s. A dead connection is noticed only at the end of a wait. */
const WAIT_SECONDS = 1;
const BATCH = 200;
const PREFETCH = 1_000;
/** Pause before the next receiver, ms; it grows while receivers end without having read. */
const PAUSE = { first: 250, longest: 2_000 };

export function readPartition(options: PartitionOptions): PartitionReader {
  const { client, hub, found, closing, guard, log } = options;
  const partition = found.partitionId;
  let last = -1;
  let until = endOf(found);
  let aliveAt = Date.now();
  let pause = PAUSE.first;
  let isPositionLost = false;

  const give = guard('hub message', options.onMessage);
  const deliver = (events: readonly ReceivedEventData[]) => {
    aliveAt = Date.now();
    pause = PAUSE.first;
    for (const event of events) {
      if (event.sequenceNumber <= last) continue;
      last = event.sequenceNumber;
      give(messageOf(event, partition));
    }
    if (events.length > 0) options.onProgress();
  };

  /** Resolves when the receiver has ended and its partition is free again. */
  const receive = async (): Promise<void> => {
    const ended = Promise.withResolvers<void>();
    const subscription = client.subscribe(
      partition,
      {
        processEvents: async (events) => deliver(events),
        processError: async (error) => {
          isPositionLost ||= isBeyondEnd(error);
          log.debug({ hub, partition, err: error }, 'reading was interrupted');
        },
        processClose: async () => ended.resolve(),
      },
      {
        startPosition: positionAfter(last),
        maxBatchSize: BATCH,
        maxWaitTimeInSeconds: WAIT_SECONDS,
        prefetchCount: PREFETCH,
        skipParsingBodyAsJson: true,
      },
    );
    const stop = () => ended.resolve();
    closing.addEventListener('abort', stop, { once: true });
    await ended.promise;
    closing.removeEventListener('abort', stop);
    await subscription.close();
  };

  /** The hub is shorter than the part that was read: it was created again, so it is read from its beginning. */
  const startOver = async () => {
    until = endOf(await client.getPartitionProperties(partition));
    last = -1;
    isPositionLost = false;
    options.onProgress();
  };

  const readOn = async () => {
    while (!closing.aborted) {
      try {
        if (isPositionLost) await startOver();
        await receive();
        if (!closing.aborted) log.warn({ hub, partition }, 'a receiver ended; the next one begins');
      } catch (error) {
        log.warn({ hub, partition, err: error }, 'a receiver could not start or stop');
      }
      await sleep(pause, undefined, { signal: closing }).catch(() => undefined);
      pause = Math.min(PAUSE.longest, pause * 2);
    }
  };

  return {
    isRebuilt: () => last >= until,
    aliveAt: () => aliveAt,
    done: readOn(),
  };
}

const endOf = ({ isEmpty, lastEnqueuedSequenceNumber }: PartitionProperties) =>
  isEmpty ? -1 : lastEnqueuedSequenceNumber;

const positionAfter = (last: number): EventPosition =>
  last < 0 ? earliestEventPosition : { sequenceNumber: last, isInclusive: false };

function isBeyondEnd(error: unknown): boolean {
  return /argument.?error/i.test((error as { code?: string } | undefined)?.code ?? '');
}
