/** The table of hubs, with their partition keys and consumers. platform/platform.ts creates them; tests/infra compares bicep/ with it. */

/** `consumers` are consumer groups, one for each reading service; `partitions` cannot change once a hub exists. */
export const HUBS = {
  'delivery-requests': { key: 'deliveryId', partitions: 4, consumers: ['scheduler'] },
  'drone-commands': { key: 'droneId', partitions: 4, consumers: ['tracking'] },
  'drone-events': { key: 'deliveryId', partitions: 4, consumers: ['scheduler'] },
  'drone-telemetry': { key: 'droneId', partitions: 4, consumers: ['drone'] },
  'domain-events': {
    key: 'aggregate id',
    partitions: 4,
    consumers: ['delivery', 'tracking'],
  },
} as const satisfies Record<string, { key: string; partitions: number; consumers: readonly string[] }>;

export type HubName = keyof typeof HUBS;
