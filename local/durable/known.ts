/**
 * What a process knows of the instances it works at, so that it need not read again what it has read or written itself.
 *
 * W1 It holds only as long as no other process writes: each transaction, and each request from outside, asks SQLite's `data_version` first.
 * W2 What was undone is forgotten, as is what SQL has changed past it.
 * W3 What was read outside a transaction may be out of date by the time of the write, cached or not: the write itself asks again.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Chunk, InstanceRow } from './store.ts';

/** Of one instance or entity; what is undefined has to be read. */
interface Knowledge {
  row?: InstanceRow;
  history?: Chunk[];
  /** It has no message, not even one that is not due yet. */
  isQuiet?: boolean;
}

/** Instances that are remembered; those that were learnt of first are forgotten first. */
const MOST = 1_000;

export function createKnown(database: DatabaseSync) {
  const known = new Map<string, Knowledge>();
  const asked = database.prepare('PRAGMA data_version');
  const ask = () => (asked.get() as { data_version: number }).data_version;
  let version = ask();

  return {
    /** Makes room for what is learnt of it now. */
    of(id: string): Knowledge {
      const found = known.get(id);
      if (found) return found;
      const made: Knowledge = {};
      known.set(id, made);
      if (known.size > MOST) known.delete(known.keys().next().value ?? '');
      return made;
    },
    get: (id: string): Knowledge | undefined => known.get(id),
    forget: (id: string) => known.delete(id),
    forgetAll: () => known.clear(),
    /** W1. The number changes whenever another process has written. */
    check(): number {
      const found = ask();
      if (found !== version) known.clear();
      version = found;
      return found;
    },
  };
}
