/**
 * Reads the change feed, latest version: each item once, with its newest content, in the order of writing.
 *
 * F1 A continuation is the LSN up to which everything was returned; it stays valid over restarts, and for every range of the ring.
 * F2 A poll of a container without new writes costs no query.
 * F3 A reader may wait for the first change of its scope: an extension of this server, by the header WAIT (../change-feed-wait.ts).
 */
import { textOf } from './items.ts';
import type { Scope } from './partition.ts';
import { scopeClause } from './rows.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

export interface Changes {
  /** JSON texts. */
  readonly documents: readonly string[];
  /** LSN up to which everything has been read. */
  readonly lsn: number;
}

export interface ChangesRequest {
  readonly after: number;
  /** Largest number of documents. */
  readonly limit: number;
  /** Only items written in this second (Unix) or later. */
  readonly since?: number | undefined;
}

export function changesAfter(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  { after, limit, since = 0 }: ChangesRequest,
): Changes {
  const upTo = container.lsn;
  if (after >= upTo) return { documents: [], lsn: after };
  const where = scopeClause(scope);
  const rows = store
    .sql(
      `SELECT pk, id, n, lsn, ts, etag, body FROM items INDEXED BY feed WHERE c = ? AND lsn > ?${where.sql} AND ts >= ?
         AND (expires IS NULL OR expires > ?) ORDER BY lsn LIMIT ?`,
    )
    .all(
      container.number,
      after,
      ...where.values,
      since,
      Math.floor(store.now() / 1000),
      limit,
    ) as unknown as ItemRow[];
  const last = rows.length < limit ? upTo : (rows.at(-1)?.lsn ?? upTo);
  return { documents: rows.map((row) => withLsn(textOf(container, row), row.lsn)), lsn: last };
}

/** Longest time for which a request may be held. */
export const MAX_WAIT_MS = 60_000;

export interface Patience {
  readonly ms: number;
  readonly leaving: (leave: () => void) => () => void;
}

/** The changes, as soon as there are any; empty when none came in time. */
export async function awaitChanges(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  request: ChangesRequest,
  { ms, leaving }: Patience,
): Promise<Changes> {
  const end = performance.now() + ms;
  let changes = changesAfter(store, container, scope, request);
  while (changes.documents.length === 0) {
    const left = end - performance.now();
    // Changes of other scopes have advanced the LSN, too: they need not be searched again.
    const isOver = left <= 0 || !(await store.notices.wait(container.number, left, leaving));
    if (isOver) break;
    changes = changesAfter(store, container, scope, { ...request, after: changes.lsn });
  }
  return changes;
}

const withLsn = (text: string, lsn: number) => `${text.slice(0, -1)},"_lsn":${lsn}}`;
