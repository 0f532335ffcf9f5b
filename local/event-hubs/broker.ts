/**
 * Keeps hubs, consumer groups and partitions, without any protocol.
 *
 * H1 A data folder has one broker at a time: two would truncate each other's files.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../database-file.ts';
import { createCommits } from './commits.ts';
import { partitionOf } from './hash.ts';
import { PartitionLog } from './partition-log.ts';

export interface HubConfig {
  readonly partitions: number;
  /** `$Default` always exists. */
  readonly consumerGroups?: readonly string[];
  readonly retentionHours?: number;
  /** Limit of the whole hub; the oldest events are removed. */
  readonly retentionBytes?: number;
  /** Sends are refused while the hub holds this much. */
  readonly quotaBytes?: number;
}

export interface Hub {
  readonly name: string;
  readonly createdAt: number;
  readonly consumerGroups: ReadonlySet<string>;
  readonly partitions: readonly PartitionLog[];
  readonly quotaBytes: number;
}

export interface Broker {
  /** Names are compared without case, as the service does. */
  hub(name: string): Hub | undefined;
  /** The partition of a batch: the given one, that of its key, or the next in turn. */
  route(hub: Hub, partition: number | undefined, key: string | undefined): PartitionLog;
  /** Whether it has reached its quota. */
  isFull(hub: Hub): boolean;
  /** Removes events beyond the retention; runs every minute by itself. */
  retain(): void;
  readonly hubs: readonly Hub[];
  close(): Promise<void>;
}

export const DEFAULT_GROUP = '$Default';
const HOUR_MS = 3_600_000;
const RETENTION_CHECK_MS = 60_000;

/** The index of a partition's id; undefined: there is no such partition. */
export function partitionIn(hub: Hub, id = ''): number | undefined {
  return /^(0|[1-9]\d*)$/.test(id) && Number(id) < hub.partitions.length ? Number(id) : undefined;
}

/** The lock is held until it is closed or the process ends, in any way. */
const openLock = (dataDir: string) => {
  mkdirSync(dataDir, { recursive: true });
  return openDatabase(join(dataDir, '.in-use.lock'), 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
};

/** @throws Error in one line: another process uses the data folder */
export function createBroker(
  dataDir: string,
  config: Readonly<Record<string, HubConfig>>,
  now: () => number,
  warn: (line: string) => void = () => undefined,
): Broker {
  const lock = openLock(dataDir);
  const hubs = new Map<string, Hub>();
  const commits = createCommits();
  for (const [name, hub] of Object.entries(config)) {
    const { partitions, consumerGroups = [], retentionHours, retentionBytes } = hub;
    const dir = join(dataDir, name);
    mkdirSync(dir, { recursive: true });
    const logs = Array.from(
      { length: partitions },
      (_, index) =>
        new PartitionLog({
          dir: join(dir, String(index)),
          now,
          warn,
          commits,
          ...(retentionHours === undefined ? {} : { retentionMs: retentionHours * HOUR_MS }),
          ...(retentionBytes === undefined ? {} : { retentionBytes: retentionBytes / partitions }),
        }),
    );
    const groups = new Set([DEFAULT_GROUP, ...consumerGroups].map((group) => group.toLowerCase()));
    hubs.set(name.toLowerCase(), {
      name,
      createdAt: Math.floor(statSync(dir).birthtimeMs),
      consumerGroups: groups,
      partitions: logs,
      quotaBytes: hub.quotaBytes ?? Number.POSITIVE_INFINITY,
    });
  }
  const retain = () => {
    for (const hub of hubs.values()) for (const log of hub.partitions) log.retain();
  };
  retain();
  const retention = setInterval(retain, RETENTION_CHECK_MS);
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
    isFull: ({ partitions, quotaBytes }) =>
      quotaBytes < Number.POSITIVE_INFINITY &&
      partitions.reduce((sum, { bytes }) => sum + bytes, 0) >= quotaBytes,
    retain,
    close: async () => {
      clearInterval(retention);
      for (const hub of hubs.values()) await Promise.all(hub.partitions.map((log) => log.close()));
      lock.close();
    },
  };
}
