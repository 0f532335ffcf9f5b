/** A task hub's file as another process has it, and another worker that shares the hub. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import type { Hub } from './durable-hub.ts';

/** The other worker; its process, number 1, always lives. */
export const PEER = 'someone';

type Table = 'instances' | 'entities' | 'activities' | 'inbox' | 'history';

export interface Peers extends Disposable {
  readonly database: DatabaseSync;
  /** The worker of the hub under test. */
  me(): string;
  /** The peer joins, and the hub has noticed it. @param beat default: it lives for an hour */
  join(beat?: number, pid?: number): Promise<void>;
  /** Leaves all rows of an id to a worker. */
  give(table: 'instances' | 'entities' | 'activities', id: string, worker: string): void;
  workerOf(table: 'instances' | 'entities', id: string): unknown;
  count(table: Table, id: string): number;
}

const HOUR_MS = 3_600_000;

export function openPeers(dataDir: string): Peers {
  const database = new DatabaseSync(join(dataDir, 'TestHub.sqlite'), { timeout: 5_000 });
  const mine = (column: string) =>
    database.prepare(`SELECT ${column} AS found FROM workers WHERE id <> ?`).get(PEER)?.['found'];
  return {
    database,
    me: () => String(mine('id')),
    async join(beat = Date.now() + HOUR_MS, pid = 1) {
      database.prepare('INSERT INTO workers VALUES (?, ?, ?, 0)').run(PEER, pid, beat);
      await expect.poll(() => mine('epoch')).toBe(1);
    },
    give: (table, id, worker) =>
      database.prepare(`UPDATE ${table} SET worker = ? WHERE id = ?`).run(worker, id),
    workerOf: (table, id) => database.prepare(`SELECT worker FROM ${table} WHERE id = ?`).get(id)?.['worker'],
    count: (table, id) =>
      Number(database.prepare(`SELECT count(*) AS n FROM ${table} WHERE id = ?`).get(id)?.['n']),
    [Symbol.dispose]: () => database.close(),
  };
}

/** Everything that the hub had to do before is done when this is. */
export async function settled(hub: Hub, peers: Peers, name: string): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${name}${n}`;
    await hub.start('six', id);
    if (peers.workerOf('instances', id) !== PEER) return void (await hub.until(id));
  }
}
