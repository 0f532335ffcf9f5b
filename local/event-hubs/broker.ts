/** Hubs, consumer groups and partitions, without any protocol. */
import { join } from 'node:path';
import { partitionOf } from './hash.ts';
import { type NewEvent, PartitionLog } from './partition-log.ts';

export interface HubConfig {
  readonly partitions: number;
  /** `$Default` is always there. */
  readonly consumerGroups?: readonly string[];
  readonly retentionHours?: number;
  readonly retentionBytes?: number;
}

export interface Hub {
  readonly name: string;
  readonly createdAt: number;
  readonly consumerGroups: ReadonlySet<string>;
  readonly partitions: readonly PartitionLog[];
}

export interface Broker {
  /** Names are compared without case, as the service does. */
  hub(name: string): Hub | undefined;
  /** Where a batch goes: its partition, its key's, or the next in turn. */
  route(hub: Hub, partition: number | undefined, key: string | undefined): PartitionLog;
  append(log: PartitionLog, events: readonly NewEvent[]): Promise<number>;
  readonly hubs: readonly Hub[];
  close(): Promise<void>;
}

export const DEFAULT_GROUP = '$Default';
const HOUR_MS = 3_600_000;
const RETENTION_CHECK_MS = 60_000;

/** The index that a partition's id names; undefined: there is none such. */
export function partitionIn(hub: Hub, id = ''): number | undefined {
  return /^(0|[1-9]\d*)$/.test(id) && Number(id) < hub.partitions.length ? Number(id) : undefined;
}

export function createBroker(
  dataDir: string,
  config: Readonly<Record<string, HubConfig>>,
  now: () => number,
): Broker {
  const hubs = new Map<string, Hub>();
  for (const [name, { partitions, consumerGroups = [], retentionHours, retentionBytes }] of Object.entries(
    config,
  )) {
    const logs = Array.from(
      { length: partitions },
      (_, index) =>
        new PartitionLog({
          dir: join(dataDir, name, String(index)),
          now,
          ...(retentionHours === undefined ? {} : { retentionMs: retentionHours * HOUR_MS }),
          ...(retentionBytes === undefined ? {} : { retentionBytes: retentionBytes / partitions }),
        }),
    );
    const groups = new Set([DEFAULT_GROUP, ...consumerGroups].map((group) => group.toLowerCase()));
    hubs.set(name.toLowerCase(), { name, createdAt: now(), consumerGroups: groups, partitions: logs });
  }
  const retention = setInterval(() => {
    for (const hub of hubs.values()) for (const log of hub.partitions) log.retain();
  }, RETENTION_CHECK_MS);
  retention.unref();
  let turn = 0;
  return {
    hubs: [...hubs.values()],
    hub: (name) => hubs.get(name.toLowerCase()),
    route: (hub, partition, key) => {
      const count = hub.partitions.length;
      const index = partition ?? (key === undefined ? turn++ % count : partitionOf(key, count));
      return hub.partitions[index] as PartitionLog;
    },
    append: (log, events) => log.append(events),
    close: async () => {
      clearInterval(retention);
      for (const hub of hubs.values()) await Promise.all(hub.partitions.map((log) => log.close()));
    },
  };
}
