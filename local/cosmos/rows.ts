/** Reads the rows of a scope, in the order of partition and creation. */
import type { Scope } from './partition.ts';
import type { Filter } from './query/pushdown.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

/** The last row that was read. */
export interface After {
  readonly pk: string;
  readonly n: number;
}

/** Above every text that begins with `prefix,`: the next ASCII character after the comma. */
const AFTER_COMMA = '-';

interface Clause {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export function scopeClause(scope: Scope): Clause {
  const parts: string[] = [];
  const values: string[] = [];
  if (scope.pk !== undefined) {
    parts.push('pk = ?');
    values.push(scope.pk);
  }
  if (scope.prefix !== undefined && scope.prefix !== '[') {
    parts.push('pk >= ? AND pk < ?');
    values.push(scope.prefix, `${scope.prefix.slice(0, -1)}${AFTER_COMMA}`);
  }
  if (scope.min) {
    parts.push('epk >= ?');
    values.push(scope.min);
  }
  if (scope.max !== undefined && scope.max !== 'FF') {
    parts.push('epk < ?');
    values.push(scope.max);
  }
  return { sql: parts.map((part) => ` AND ${part}`).join(''), values };
}

/** `limit` counts rows before the query is evaluated; -1 for all. */
export function* rowsOf(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  filters: readonly Filter[] = [],
  after?: After,
): Generator<ItemRow> {
  const where = scopeClause(scope);
  const from = after === undefined ? '' : scope.pk === undefined ? ' AND (pk, n) >= (?, ?)' : ' AND n >= ?';
  const fromValues = after === undefined ? [] : scope.pk === undefined ? [after.pk, after.n] : [after.n];
  const sifted = filters.map(({ sql }) => ` AND ${sql}`).join('');
  const rows = store
    .sqlOfQuery(
      `SELECT pk, id, n, lsn, ts, etag, body FROM items WHERE c = ?${where.sql}${from}
         AND (expires IS NULL OR expires > ?)${sifted} ORDER BY pk, n`,
    )
    .iterate(
      container.number,
      ...where.values,
      ...fromValues,
      Math.floor(store.now() / 1000),
      ...filters.flatMap(({ values }) => values),
    );
  yield* rows as Iterable<unknown> as Iterable<ItemRow>;
}
