/** Results of activities that the next episode of their orchestration takes without the detour of a message: V2 of activities.ts. */
import { recordResult } from './activities.ts';
import type { EngineContext, Result } from './engine-context.ts';
import type { MessageRow } from './rows.ts';

export interface HandedResults {
  add(result: Result): void;
  of(id: string): readonly Result[];
  has(id: string): boolean;
  /** Those among an instance's messages are recorded. Returns the numbers of their activities. */
  taken(rows: readonly MessageRow[]): ReadonlySet<number>;
  /** They become messages: all, or those whose orchestrations another process has taken over. */
  record(
    core: EngineContext,
    which: 'all' | 'of others',
    report: (id: string, error: unknown) => void,
  ): Promise<void>;
}

export function createHandedResults(): HandedResults {
  const results = new Map<string, Result[]>();
  const of = (id: string): readonly Result[] => results.get(id) ?? [];
  return {
    add(result) {
      const waiting = results.get(result.row.id);
      if (waiting) waiting.push(result);
      else results.set(result.row.id, [result]);
    },
    of,
    has: (id) => results.has(id),
    taken(rows) {
      const done = new Set(rows.flatMap(({ activity }) => activity ?? []));
      if (done.size === 0) return done;
      const id = rows[0]?.id ?? '';
      const left = of(id).filter(({ row }) => !done.has(row.n));
      if (left.length > 0) results.set(id, left);
      else results.delete(id);
      return done;
    },
    async record(core, which, report) {
      const { store, workers } = core;
      const some = [...results].filter(
        ([id]) => which === 'all' || store.instance(id)?.worker !== workers.me,
      );
      for (const result of some.flatMap(([, each]) => each)) {
        const { id, n } = result.row;
        await recordResult(core, result).catch((error: unknown) => report(id, error));
        core.taken([{ n: 0, id, execution: null, event: '', activity: n }]);
      }
    },
  };
}
