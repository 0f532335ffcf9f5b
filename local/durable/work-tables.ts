/** Activities that are to run, and entities. */
import type { ActivityRow, EntityRow } from './rows.ts';
import type { Tables } from './tables.ts';

export function activityTable({ sql }: Tables) {
  return {
    addActivity: (row: Omit<ActivityRow, 'n'>): number =>
      Number(
        sql(
          'INSERT INTO activities (id, execution, task, name, input, worker) VALUES (?, ?, ?, ?, ?, ?)',
        ).run(row.id, row.execution, row.task, row.name, row.input, row.worker).lastInsertRowid,
      ),

    activities: (worker: string) =>
      sql('SELECT * FROM activities WHERE worker = ? ORDER BY n').all(worker) as unknown as ActivityRow[],

    /** Takes up to `count` unassigned activities. */
    claim: (worker: string, count: number) =>
      sql(
        'UPDATE activities SET worker = ? WHERE n IN (SELECT n FROM activities WHERE worker IS NULL ORDER BY n LIMIT ?) RETURNING *',
      ).all(worker, count) as unknown as ActivityRow[],

    isOffered: () => sql('SELECT 1 FROM activities WHERE worker IS NULL LIMIT 1').get() !== undefined,

    offer: (n: number, worker: string) =>
      sql('UPDATE activities SET worker = NULL WHERE n = ? AND worker = ?').run(n, worker),

    /** False when another worker has taken it over, or it no longer exists. */
    removeActivity: (n: number, worker: string) =>
      sql('DELETE FROM activities WHERE n = ? AND worker = ?').run(n, worker).changes > 0,
  };
}

export function entityTable({ sql }: Tables) {
  return {
    entity: (id: string) => sql('SELECT * FROM entities WHERE id = ?').get(id) as EntityRow | undefined,

    putEntity: (row: EntityRow) =>
      sql('INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?)').run(
        row.id,
        row.state,
        row.owner,
        row.updated,
        row.worker,
      ),

    entities: () => sql('SELECT * FROM entities ORDER BY id').all() as unknown as EntityRow[],

    ownedBy: (owner: string) =>
      sql('SELECT * FROM entities WHERE owner = ?').all(owner) as unknown as EntityRow[],
  };
}
