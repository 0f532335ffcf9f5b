/** Messages to instances and entities: at once, or when they are due. */
import type { MessageRow } from './rows.ts';
import type { Tables } from './tables.ts';

export function inboxTable({ sql, known }: Tables) {
  return {
    /** Messages that are due, in the order of their arrival. */
    messages(id: string, now: number): MessageRow[] {
      if (known.get(id)?.isQuiet) return [];
      const rows = sql('SELECT n, id, execution, event FROM inbox WHERE id = ? AND due <= ? ORDER BY n').all(
        id,
        now,
      ) as unknown as MessageRow[];
      if (rows.length === 0 && !sql('SELECT 1 FROM inbox WHERE id = ? LIMIT 1').get(id))
        known.of(id).isQuiet = true;
      return rows;
    },

    /** `pick` chooses the worker of a new entity. */
    send(id: string, execution: string | null, event: object, due = 0, timer: number | null = null): void {
      if (id.startsWith('@'))
        sql('INSERT OR IGNORE INTO entities VALUES (?, NULL, NULL, 0, pick(?))').run(id, id);
      sql('INSERT INTO inbox (id, execution, event, due, timer) VALUES (?, ?, ?, ?, ?)').run(
        id,
        execution,
        JSON.stringify(event),
        due,
        timer,
      );
      known.wake(id);
    },

    removeMessages(rows: readonly MessageRow[]): void {
      const remove = sql('DELETE FROM inbox WHERE n = ?');
      const finish = sql('DELETE FROM activities WHERE n = ?');
      for (const { n, activity } of rows) {
        if (activity === undefined) remove.run(n);
        else finish.run(activity);
      }
    },

    removeTimer: (id: string, execution: string, timer: number) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ? AND timer = ?').run(id, execution, timer),

    /** Timers and results of an execution that has ended. */
    removeStale: (id: string, execution: string) =>
      sql('DELETE FROM inbox WHERE id = ? AND execution = ?').run(id, execution),

    /** Instances and entities that have messages now. */
    awake: (now: number) =>
      (sql('SELECT DISTINCT id FROM inbox WHERE due <= ?').all(now) as { id: string }[]).map(({ id }) => id),

    /** The next time at which a waiting message becomes due. */
    nextDue: (after: number) =>
      (sql('SELECT min(due) AS due FROM inbox WHERE due > ?').get(after) as { due: number | null }).due,

    dueBetween: (after: number, until: number) =>
      (
        sql('SELECT DISTINCT id FROM inbox WHERE due > ? AND due <= ?').all(after, until) as { id: string }[]
      ).map(({ id }) => id),

    /**
     * Messages after number `n`: the ids of those that are due, and the last number. It is a single statement: a message that
     * another process wrote between two statements would count as seen and never be processed.
     */
    since(n: number, now: number): { readonly ids: readonly string[]; readonly last: number } {
      const rows = sql('SELECT n, id, due FROM inbox WHERE n > ?').all(n) as {
        n: number;
        id: string;
        due: number;
      }[];
      return {
        ids: [...new Set(rows.filter(({ due }) => due <= now).map(({ id }) => id))],
        last: rows.reduce((last, row) => Math.max(last, row.n), n),
      };
    },
  };
}
