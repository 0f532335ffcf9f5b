/** Queries and feeds over items: which rows a request may see, pages, continuations. */
import { badRequest, CosmosError } from './errors.ts';
import { textOf, withSystem } from './items.ts';
import type { PartitionKeyText } from './partition.ts';
import type { Expression } from './query/ast.ts';
import { execute } from './query/execute.ts';
import { needsPlan, planOf, type RangeQuery, readQuery } from './query/plan.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

/** What a request addresses: one partition, one range, or everything. */
export interface Scope {
  readonly pk?: PartitionKeyText;
  readonly range?: number;
}

export interface Page {
  /** Documents as JSON texts. */
  readonly documents: readonly string[];
  readonly continuation?: string;
}

export interface PageRequest {
  /** -1 or more than fits: as many as a page takes. */
  readonly limit: number;
  readonly continuation?: string | undefined;
}

const MOST_PER_PAGE = 1_000;

export interface QueryText {
  readonly query: string;
  readonly parameters?: readonly { readonly name: string; readonly value: unknown }[];
}

const parsedQueries = new Map<string, RangeQuery>();
const CACHED_QUERIES = 500;

export function queryPage(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  text: QueryText,
  page: PageRequest,
  ranges: number,
): Page {
  if (typeof text?.query !== 'string') throw badRequest('a query needs its text');
  const parsed = parsedOf(text.query);
  const parameters = new Map((text.parameters ?? []).map(({ name, value }) => [name, value]));
  if (scope.pk === undefined && scope.range === undefined && ranges > 1 && needsPlan(parsed.query)) {
    throw new CosmosError(400, 'Query contains features that need the query plan', 1004, {
      additionalErrorInfo: JSON.stringify(planOf(text.query, parameters)),
    });
  }
  const filters = equalities(parsed.query.where, parsed.query.from[0]?.alias ?? '', parameters);
  const documents = documentsOf(store, container, scope, filters);
  const rows = execute(parsed, { parameters, documents });
  const start = startOf(page.continuation);
  const end = start + pageSize(page.limit);
  return {
    documents: rows.slice(start, end).map((row) => JSON.stringify(row)),
    ...(end < rows.length ? { continuation: JSON.stringify({ skip: end }) } : {}),
  };
}

/** Every document, in the order of its resource id. */
export function readFeed(store: Store, container: ContainerRow, scope: Scope, page: PageRequest): Page {
  const rows = rowsOf(store, container, scope, []);
  const start = startOf(page.continuation);
  const end = start + pageSize(page.limit);
  return {
    documents: rows.slice(start, end).map((row) => textOf(container, row)),
    ...(end < rows.length ? { continuation: JSON.stringify({ skip: end }) } : {}),
  };
}

export interface Change {
  readonly documents: readonly string[];
  /** LSN up to which everything has been seen. */
  readonly lsn: number;
}

/** Latest versions after `after`, in the order of their writing. */
export function changesAfter(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  after: number,
  limit: number,
  sinceSeconds?: number,
): Change {
  const columns = 'SELECT pk, id, n, lsn, ts, etag, body FROM items WHERE c = ?';
  const alive = 'AND lsn > ? AND ts >= ? AND (expires IS NULL OR expires > ?) ORDER BY lsn LIMIT ?';
  const now = Math.floor(store.now() / 1000);
  const rest = [after, sinceSeconds ?? 0, now, pageSize(limit)] as const;
  const rows = (scope.pk !== undefined
    ? store.sql(`${columns} AND pk = ? ${alive}`).all(container.number, scope.pk, ...rest)
    : scope.range !== undefined
      ? store.sql(`${columns} AND r = ? ${alive}`).all(container.number, scope.range, ...rest)
      : store.sql(`${columns} ${alive}`).all(container.number, ...rest)) as unknown as ItemRow[];
  const documents = rows.map((row) => JSON.stringify(withSystem(container, row, true)));
  const last = rows.length < pageSize(limit) ? container.lsn : (rows.at(-1)?.lsn ?? container.lsn);
  return { documents, lsn: rows.length === 0 ? Math.max(after, container.lsn) : last };
}

function parsedOf(text: string): RangeQuery {
  let parsed = parsedQueries.get(text);
  if (!parsed) {
    parsed = readQuery(text);
    if (parsedQueries.size >= CACHED_QUERIES) parsedQueries.clear();
    parsedQueries.set(text, parsed);
  }
  return parsed;
}

interface Filter {
  readonly path: string;
  readonly value: string | number;
}

function* documentsOf(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  filters: readonly Filter[],
): Generator<unknown> {
  for (const row of rowsOf(store, container, scope, filters)) yield withSystem(container, row);
}

function rowsOf(store: Store, container: ContainerRow, scope: Scope, filters: readonly Filter[]): ItemRow[] {
  const where = ['c = ?', '(expires IS NULL OR expires > ?)'];
  const values: (string | number)[] = [container.number, Math.floor(store.now() / 1000)];
  if (scope.pk !== undefined) {
    where.push('pk = ?');
    values.push(scope.pk);
  } else if (scope.range !== undefined) {
    where.push('r = ?');
    values.push(scope.range);
  }
  for (const { path, value } of filters) {
    where.push(`json_extract(body, '${path}') = ?`);
    values.push(value);
  }
  const text = `SELECT pk, id, n, lsn, ts, etag, body FROM items WHERE ${where.join(' AND ')} ORDER BY n`;
  return store.sql(text).all(...values) as unknown as ItemRow[];
}

/** Conjuncts `c.a.b = 'x'` that SQLite can sift before a document is parsed; the query is evaluated all the same. */
function equalities(
  where: Expression | undefined,
  alias: string,
  parameters: ReadonlyMap<string, unknown>,
): Filter[] {
  if (!where || where.kind !== 'binary') return [];
  if (where.op === 'AND')
    return [...equalities(where.left, alias, parameters), ...equalities(where.right, alias, parameters)];
  if (where.op !== '=') return [];
  const path = pathOf(where.left, alias);
  const value =
    where.right.kind === 'literal'
      ? where.right.value
      : where.right.kind === 'parameter'
        ? parameters.get(where.right.name)
        : undefined;
  return path && (typeof value === 'string' || typeof value === 'number') ? [{ path, value }] : [];
}

function pathOf(expression: Expression, alias: string): string | undefined {
  if (expression.kind === 'input') return expression.name === alias ? '$' : undefined;
  if (expression.kind !== 'member' || expression.key.kind !== 'literal') return undefined;
  const { value } = expression.key;
  const of = pathOf(expression.of, alias);
  return of && typeof value === 'string' && /^[A-Za-z]\w*$/.test(value) ? `${of}.${value}` : undefined;
}

function startOf(continuation: string | undefined): number {
  if (!continuation) return 0;
  try {
    const { skip } = JSON.parse(continuation) as { skip?: unknown };
    if (Number.isInteger(skip)) return skip as number;
  } catch {
    // refused below
  }
  throw badRequest('the continuation token is not one of this server');
}

function pageSize(limit: number): number {
  return limit > 0 ? Math.min(limit, MOST_PER_PAGE) : MOST_PER_PAGE;
}
