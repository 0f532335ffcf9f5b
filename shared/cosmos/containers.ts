/** The table of containers; each belongs to one service. platform/platform.ts creates them; tests/infra compares bicep/ with it. */
import type { ContainerRequest, PartitionKeyKind } from '@azure/cosmos';
import type { ServiceName } from '../service-names.ts';

export interface ContainerSpec {
  readonly service: ServiceName | 'each';
  /** One path, or several for a hierarchical key. */
  readonly partitionKey: readonly string[];
  /** -1: items may have their own `ttl`; absent: nothing ever expires. */
  readonly defaultTtl?: -1;
  /** Paths that no query filters or sorts by, as an indexing policy names them. */
  readonly unindexed?: readonly string[];
}

/** The body of outbox items. */
const BODY = ['/body/*'] as const;
/** Of an available drone: what the choice needs, and no query. */
const AVAILABLE = ['/base/*', '/battery/?', '/fence/?'] as const;

export const CONTAINERS = {
  accounts: { service: 'account', partitionKey: ['/accountId'] },
  packages: { service: 'package', partitionKey: ['/accountId'] },
  requests: { service: 'ingestion', partitionKey: ['/accountId'], defaultTtl: -1 },
  workflows: { service: 'scheduler', partitionKey: ['/deliveryId'], defaultTtl: -1, unindexed: BODY },
  deliveries: { service: 'delivery', partitionKey: ['/deliveryId'], defaultTtl: -1, unindexed: BODY },
  droneDeliveries: { service: 'drone', partitionKey: ['/deliveryId'], defaultTtl: -1, unindexed: BODY },
  drones: { service: 'drone', partitionKey: ['/droneId'], defaultTtl: -1, unindexed: BODY },
  availableDrones: { service: 'drone', partitionKey: ['/cell'], unindexed: AVAILABLE },
  bookings: { service: 'third-party', partitionKey: ['/deliveryId'], defaultTtl: -1, unindexed: BODY },
  history: { service: 'delivery-history', partitionKey: ['/accountId', '/month'] },
  deadLetters: { service: 'supervisor', partitionKey: ['/hub', '/day'], defaultTtl: -1 },
  workItems: { service: 'supervisor', partitionKey: ['/deliveryId'], defaultTtl: -1 },
  /** Of the pipeline: see shared/http/idempotency.ts. */
  idempotencyKeys: { service: 'each', partitionKey: ['/id'], defaultTtl: -1, unindexed: ['/answer/?'] },
  leases: { service: 'each', partitionKey: ['/id'] },
} as const satisfies Record<string, ContainerSpec>;

export type ContainerName = keyof typeof CONTAINERS;

/** The definition that a client creates the container from: partition key, expiry and indexing. */
export function containerDefinition(id: ContainerName): ContainerRequest {
  const { partitionKey, defaultTtl, unindexed = [] }: ContainerSpec = CONTAINERS[id];
  return {
    id,
    partitionKey: {
      paths: [...partitionKey],
      ...(partitionKey.length > 1 ? { kind: 'MultiHash' as PartitionKeyKind, version: 2 } : {}),
    },
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
    indexingPolicy: {
      includedPaths: [{ path: '/*' }],
      excludedPaths: [...unindexed, '/"_etag"/?'].map((path) => ({ path })),
    },
  };
}
