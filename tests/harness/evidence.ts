/** Everything that a run has left behind: each document of the stores, each event of the hubs, each checkpoint, and the answers of clients. */
import { CosmosClient } from '@azure/cosmos';
import { EventHubConsumerClient, earliestEventPosition, type ReceivedEventData } from '@azure/event-hubs';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Endpoints } from '../../platform/endpoints.ts';
import { CONTAINERS, type ContainerName } from '../../shared/cosmos/containers.ts';
import { HUBS, type HubName } from '../../shared/messaging/hubs.ts';

/** A document as it is stored. The checker knows fields by their names only: it shares no code with the services. */
export type Item = Readonly<Record<string, unknown>> & { readonly id: string };

export interface HubEvent {
  readonly partition: string;
  readonly sequence: number;
  readonly key: string | undefined;
  /** Parsed; undefined when the bytes are no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly messageId: string | undefined;
}

export interface Checkpoint {
  readonly hub: HubName;
  readonly group: string;
  readonly partition: string;
  readonly sequence: number;
}

/** What a client was answered for a request with an Idempotency-Key. */
export interface ClientAnswer {
  readonly idempotencyKey: string;
  readonly deliveryId: string;
}

export interface Evidence {
  readonly stores: Readonly<Record<ContainerName, readonly Item[]>>;
  readonly hubs: Readonly<Record<HubName, readonly HubEvent[]>>;
  readonly checkpoints: readonly Checkpoint[];
  readonly answers: readonly ClientAnswer[];
}

/** The container in which the Event Hubs extension keeps its checkpoints. */
const CHECKPOINTS = 'azure-webjobs-eventhub';
const READ_MS = 60_000;

export async function readEvidence(
  endpoints: Endpoints,
  answers: readonly ClientAnswer[] = [],
): Promise<Evidence> {
  // The checkpoints first: an event that comes later is no reason for one that was passed over.
  const checkpoints = await readCheckpoints(endpoints);
  const hubs = await readHubs(endpoints);
  return { checkpoints, hubs, stores: await readStores(endpoints, NAMES), answers };
}

const NAMES = Object.keys(CONTAINERS) as ContainerName[];

/** Each document of these containers. */
export async function readStores<N extends ContainerName>(
  { cosmos }: Endpoints,
  names: readonly N[],
): Promise<Readonly<Record<N, readonly Item[]>>> {
  const client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const database = client.database(cosmos.database);
  try {
    const stores = await Promise.all(
      names.map(async (name) => {
        const { resources } = await database.container(name).items.readAll<Item>().fetchAll();
        return [name, resources] as const;
      }),
    );
    return Object.fromEntries(stores) as unknown as Record<N, readonly Item[]>;
  } finally {
    client.dispose();
  }
}

async function readHubs({ eventHubs }: Endpoints): Promise<Evidence['hubs']> {
  const names = Object.keys(HUBS) as HubName[];
  const hubs = await Promise.all(
    names.map(async (hub) => [hub, await readHub(eventHubs.connectionString, hub)] as const),
  );
  return Object.fromEntries(hubs) as unknown as Evidence['hubs'];
}

/** Every event that is on the hub now, partition by partition in its order. */
export async function readHub(connectionString: string, hub: HubName): Promise<HubEvent[]> {
  const client = new EventHubConsumerClient('$Default', connectionString, hub);
  try {
    const ids = await client.getPartitionIds();
    return (await Promise.all(ids.map((id) => readPartition(client, id)))).flat();
  } finally {
    await client.close();
  }
}

async function readPartition(client: EventHubConsumerClient, partition: string): Promise<HubEvent[]> {
  const { isEmpty, lastEnqueuedSequenceNumber } = await client.getPartitionProperties(partition);
  if (isEmpty) return [];
  const events: HubEvent[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`partition ${partition} could not be read`)), READ_MS);
  const subscription = client.subscribe(
    partition,
    {
      processEvents: (batch) => {
        events.push(...batch.map((event) => eventOf(event, partition)));
        if ((batch.at(-1)?.sequenceNumber ?? -1) >= lastEnqueuedSequenceNumber) resolve();
        return Promise.resolve();
      },
      processError: async (error) => reject(error),
    },
    {
      startPosition: earliestEventPosition,
      maxBatchSize: 1_000,
      maxWaitTimeInSeconds: 1,
      skipParsingBodyAsJson: true,
    },
  );
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    await subscription.close();
  }
  return events;
}

function eventOf(event: ReceivedEventData, partition: string): HubEvent {
  const messageId: unknown = event.properties?.['messageId'];
  return {
    partition,
    sequence: event.sequenceNumber,
    key: event.partitionKey ?? undefined,
    body: objectIn(event.body),
    messageId: typeof messageId === 'string' ? messageId : undefined,
  };
}

function objectIn(body: unknown): HubEvent['body'] {
  try {
    const value = body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : body;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function readCheckpoints({ storage }: Endpoints): Promise<Checkpoint[]> {
  const container = BlobServiceClient.fromConnectionString(storage.connectionString).getContainerClient(
    CHECKPOINTS,
  );
  const checkpoints: Checkpoint[] = [];
  for await (const { name, metadata } of container.listBlobsFlat({ includeMetadata: true })) {
    const [, hub, group, kind, partition] = name.split('/');
    if (kind !== 'checkpoint' || !hub || !group || !partition) continue;
    const sequence = Number(metadata?.['sequencenumber']);
    checkpoints.push({ hub: hub as HubName, group, partition, sequence });
  }
  return checkpoints;
}
