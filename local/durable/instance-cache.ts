/**
 * Caches the instances that a process runs, so that it need not read again what it has itself read or written.
 *
 * W1 The cache is valid only as long as no other process writes: each transaction, and each request from outside, checks SQLite's
 *    `data_version` first.
 * W2 Writes that were rolled back, and rows that SQL changed directly, are forgotten.
 * W3 A value that was read outside a transaction may be outdated when it is written, cached or not: the write itself checks again.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Chunk, InstanceRow } from './rows.ts';

/** The cached data of an instance or entity; an undefined field must be read. */
interface Knowledge {
  row?: InstanceRow;
  history?: readonly Chunk[];
  /** In that history. */
  events?: number;
  /** It has no message, not even one that is not due yet. */
  isQuiet?: boolean;
}

/** Number of instances, and of events in their histories, that are kept; the oldest is forgotten first. */
const MOST = 1_000;
const MAX_EVENTS = 100_000;

export type Known = ReturnType<typeof createKnown>;

export function createKnown(database: DatabaseSync) {
  const known = new Map<string, Knowledge>();
  const asked = database.prepare('PRAGMA data_version');
  const ask = () => (asked.get() as { data_version: number }).data_version;
  let version = ask();
  let events = 0;

  const forget = (id: string): void => {
    events -= known.get(id)?.events ?? 0;
    known.delete(id);
  };
  const forgetAll = (): void => {
    known.clear();
    events = 0;
  };
  const forgetHistory = (of: Knowledge): void => {
    events -= of.events ?? 0;
    delete of.history;
    delete of.events;
  };
  const add = (of: Knowledge, chunks: readonly Chunk[]): void => {
    const added = chunks.reduce((sum, chunk) => sum + chunk.events.length, 0);
    of.history = [...(of.history ?? []), ...chunks];
    of.events = (of.events ?? 0) + added;
    events += added;
    while (events > MAX_EVENTS) forget(known.keys().next().value ?? '');
  };

  return {
    /** Makes room for its new rows. */
    of(id: string): Knowledge {
      const found = known.get(id);
      if (found) return found;
      const made: Knowledge = {};
      known.set(id, made);
      if (known.size > MOST) forget(known.keys().next().value ?? '');
      return made;
    },
    get: (id: string): Readonly<Knowledge> | undefined => known.get(id),
    /** The whole history of an instance that is active. */
    setHistory(id: string, history: readonly Chunk[]): void {
      const of = known.get(id);
      if (!of?.row) return;
      forgetHistory(of);
      add(of, history);
    },
    /** It has become longer. */
    addHistory(id: string, chunk: Chunk): void {
      const of = known.get(id);
      if (of?.history) add(of, [chunk]);
    },
    forgetHistory(id: string): void {
      const of = known.get(id);
      if (of) forgetHistory(of);
    },
    /** It has a message now. */
    wake(id: string): void {
      const of = known.get(id);
      if (of) delete of.isQuiet;
    },
    forget,
    forgetAll,
    /** W1. The number changes whenever another process has written. */
    check(): number {
      const found = ask();
      if (found !== version) forgetAll();
      version = found;
      return found;
    },
  };
}
