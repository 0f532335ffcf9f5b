/** The containers, each of one service; local/platform.ts makes them and bicep/ declares the same table (tests/infra compares). */
import type { ServiceName } from '../http/define-route.ts';

export interface ContainerSpec {
  readonly service: ServiceName | 'each';
  /** One path, or several for a hierarchical key. */
  readonly partitionKey: readonly string[];
  /** -1: items may have a `ttl` of their own; absent: nothing ever expires. */
  readonly defaultTtl?: -1;
}

export const CONTAINERS = {
  accounts: { service: 'account', partitionKey: ['/accountId'] },
  packages: { service: 'package', partitionKey: ['/accountId'] },
  requests: { service: 'ingestion', partitionKey: ['/accountId'], defaultTtl: -1 },
  workflows: { service: 'scheduler', partitionKey: ['/deliveryId'], defaultTtl: -1 },
  deliveries: { service: 'delivery', partitionKey: ['/deliveryId'], defaultTtl: -1 },
  droneDeliveries: { service: 'drone', partitionKey: ['/deliveryId'], defaultTtl: -1 },
  drones: { service: 'drone', partitionKey: ['/droneId'], defaultTtl: -1 },
  bookings: { service: 'third-party', partitionKey: ['/deliveryId'], defaultTtl: -1 },
  history: { service: 'delivery-history', partitionKey: ['/accountId', '/month'] },
  deadLetters: { service: 'supervisor', partitionKey: ['/hub', '/day'] },
  workItems: { service: 'supervisor', partitionKey: ['/deliveryId'] },
  leases: { service: 'each', partitionKey: ['/id'] },
} as const satisfies Record<string, ContainerSpec>;

export type ContainerName = keyof typeof CONTAINERS;
