/**
 * Sends telemetry records to the hub `drone-telemetry`, in batches: the records of one partition travel together.
 *
 * T1 a drone's records are in one partition, in order; partitions are chosen by a hash of the drone's id.
 * T2 while the broker is away, the newest record of each drone is kept and older ones are dropped: memory stays flat.
 */
import { EventHubProducerClient, type RetryOptions } from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import type { HubSettings } from '../../shared/messaging/publisher.ts';
import type { PublishTelemetry } from '../ports.ts';

export interface TelemetryHub extends AsyncDisposable {
  readonly publish: PublishTelemetry;
}

const HUB = 'drone-telemetry';
/** A send on a dead connection ends only by its timeout. */
const RETRY: RetryOptions = { mode: 0, maxRetries: 0, retryDelayInMs: 100, timeoutInMs: 2_000 };

export function openTelemetryHub(settings: HubSettings, credential: () => TokenCredential): TelemetryHub {
  const client = settings.EVENTHUBS
    ? new EventHubProducerClient(settings.EVENTHUBS, HUB, { retryOptions: RETRY })
    : new EventHubProducerClient(settings.EVENTHUBS__fullyQualifiedNamespace ?? '', HUB, credential(), {
        retryOptions: RETRY,
      });
  let partitionIds: string[] | undefined;
  return {
    publish: async (records) => {
      const ids = (partitionIds ??= await client.getPartitionIds());
      const byPartition = Map.groupBy(records, ({ droneId }) => ids[hash(droneId) % ids.length] as string);
      await Promise.all([...byPartition].map(([id, group]) => send(client, id, group)));
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function send(
  client: EventHubProducerClient,
  partitionId: string,
  records: readonly TelemetryRecord[],
): Promise<void> {
  let batch = await client.createBatch({ partitionId });
  for (const body of records) {
    if (batch.tryAdd({ body })) continue;
    await client.sendBatch(batch);
    batch = await client.createBatch({ partitionId });
    if (!batch.tryAdd({ body })) throw new Error('a record is larger than the broker allows');
  }
  if (batch.count > 0) await client.sendBatch(batch);
}

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
