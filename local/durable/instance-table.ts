/** Instances and their histories. */
import type { HistoryEvent } from './history.ts';
import type { Chunk, InstanceRow } from './rows.ts';
import { isFinal, type Tables } from './tables.ts';

export function instanceTable({ sql, known }: Tables) {
  return {
    instance(id: string): InstanceRow | undefined {
      const row = known.get(id)?.row;
      if (row) return row;
      const read = sql('SELECT * FROM instances WHERE id = ?').get(id) as InstanceRow | undefined;
      if (read && !isFinal(read.status)) known.of(id).row = read;
      return read;
    },

    putInstance(row: InstanceRow): void {
      const before = known.get(row.id)?.row;
      // For an active instance, its last episode has the time of the change, so its row need not be written for that alone.
      if (!before || !isSameBut('updated', before, row))
        sql('INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
          row.id,
          row.execution,
          row.name,
          row.status,
          row.input,
          row.output,
          row.custom_status,
          row.created,
          row.updated,
          row.parent,
          row.worker,
        );
      if (isFinal(row.status)) known.forget(row.id);
      else known.of(row.id).row = row;
    },

    /** Removes the instance and all that belongs to it, and messages to one of that id; false when there is none. */
    removeInstance(id: string): boolean {
      known.forget(id);
      sql('DELETE FROM inbox WHERE id = ?').run(id);
      if (sql('DELETE FROM instances WHERE id = ?').run(id).changes === 0) return false;
      sql('DELETE FROM history WHERE id = ?').run(id);
      sql('DELETE FROM activities WHERE id = ?').run(id);
      return true;
    },

    history(id: string): readonly Chunk[] {
      const found = known.get(id)?.history;
      if (found) return found;
      const rows = sql('SELECT at, actions, events FROM history WHERE id = ? ORDER BY episode').all(id) as {
        at: number;
        actions: number;
        events: string;
      }[];
      const chunks = rows.map((row) => ({ ...row, events: JSON.parse(row.events) as HistoryEvent[] }));
      known.setHistory(id, chunks);
      return chunks;
    },

    appendHistory(id: string, episode: number, chunk: Chunk): void {
      sql('INSERT INTO history (id, episode, at, actions, events) VALUES (?, ?, ?, ?, ?)').run(
        id,
        episode,
        chunk.at,
        chunk.actions,
        JSON.stringify(chunk.events),
      );
      known.addHistory(id, chunk);
    },

    /** When its last episode was, ms since the epoch; 0 before the first. */
    lastEpisode(id: string): number {
      const history = known.get(id)?.history;
      if (history) return history.at(-1)?.at ?? 0;
      const last = sql('SELECT at FROM history WHERE id = ? ORDER BY episode DESC LIMIT 1').get(id);
      return Number(last?.['at'] ?? 0);
    },

    clearHistory(id: string): void {
      known.forgetHistory(id);
      sql('DELETE FROM history WHERE id = ?').run(id);
    },
  };
}

function isSameBut(column: keyof InstanceRow, one: InstanceRow, other: InstanceRow): boolean {
  return Object.entries(other).every(
    ([name, value]) => name === column || one[name as keyof InstanceRow] === value,
  );
}
