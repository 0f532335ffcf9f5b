/**
 * Treats cross-partition queries as the service's gateway does: a query whose results a client must merge is refused with
 * 400/1004; the SDK then asks for a plan and runs the rewritten query on each range.
 *
 * Only this server reads the rewritten query, so it is the original text after a marker for the shape of the rows:
 * `orderby` with the SDK's resume filter, `groupby`, `aggregate`, or none.
 */

import { badRequest, notSupported } from '../errors.ts';
import { aggregatesIn, type Expression, type Query, selected } from './ast.ts';
import { parse, parseExpression } from './parser.ts';
import { windowOf } from './run.ts';

/** `bare`: aggregates for clients that take the plan from the error instead of asking for it. */
export type Shape = 'plain' | 'orderby' | 'groupby' | 'aggregate' | 'bare';

const FILTER = '{documentdb-formattableorderbyquery-filter}';
const MARKER = /^\/\*local:(plain|orderby|groupby|aggregate|bare):(\d+):([01]):([\s\S]*?)\*\/\n/;

/** A query in the form for one range. */
export interface RangeQuery {
  readonly query: Query;
  readonly shape: Shape;
}

/** Reads a query, rewritten or not. */
export function readQuery(text: string): RangeQuery {
  const marker = MARKER.exec(text);
  if (!marker) return { query: readText(text), shape: 'plain' };
  const [whole, shape, limit, window, filter] = marker;
  const parsed = readText(text.slice(whole.length));
  const resume = shape === 'orderby' && filter && filter !== 'true' ? parseExpression(filter) : undefined;
  const where = resume ? both(parsed.where, resume) : parsed.where;
  const { top: _top, offset: _offset, limit: _limit, where: _where, ...rest } = parsed;
  const kept = window === '1' ? { limit: literal(Number(limit)), offset: literal(0) } : {};
  return { query: { ...rest, ...kept, ...(where ? { where } : {}) }, shape: shape as Shape };
}

/** Refuses every query that the service cannot run at all, whether a page or a plan is requested. */
function readText(text: string): Query {
  const query = parse(text);
  if (query.groupBy.length > 0 && query.orderBy.length > 0)
    throw notSupported('ORDER BY together with GROUP BY');
  return query;
}

function both(a: Expression | undefined, b: Expression): Expression {
  return a ? { kind: 'binary', op: 'AND', left: a, right: b } : b;
}

const literal = (value: number): Expression => ({ kind: 'literal', value });

/** Whether a client must merge the answers of the ranges. */
export function needsPlan(query: Query): boolean {
  return (
    query.orderBy.length > 0 ||
    query.groupBy.length > 0 ||
    query.distinct ||
    query.top !== undefined ||
    query.offset !== undefined ||
    aggregatesOf(query).length > 0 ||
    gatheredFromContainer(query) !== undefined
  );
}

/** A subquery of a JOIN sees one document; only that of the first source sees the container. */
function gatheredFromContainer({ from, ...rest }: Query): string | undefined {
  return gatheredIn({ ...rest, from: from.slice(0, 1) });
}

function aggregatesOf(query: Query) {
  return selected(query.select).flatMap(aggregatesIn);
}

const AGGREGATE_NAMES: Readonly<Record<string, string>> = {
  COUNT: 'Count',
  SUM: 'Sum',
  AVG: 'Average',
  MIN: 'Min',
  MAX: 'Max',
};

/** https://learn.microsoft.com/cosmos-db/query/ ; the fields are those that the SDK reads. */
export function planOf(
  text: string,
  parameters: ReadonlyMap<string, unknown>,
  aggregate: 'aggregate' | 'bare' = 'aggregate',
): unknown {
  const query = readText(text);
  const gathered = gatheredFromContainer(query);
  if (gathered !== undefined)
    throw badRequest(
      `Query contains a subquery with ${gathered} in FROM, which is not supported across partitions: name a partition key.`,
    );
  const { top, offset, limit } = windowOf(query, { parameters });
  const aggregates = aggregatesOf(query);
  const grouped = query.groupBy.length > 0;
  const isValue = query.select.kind === 'value';
  const byAlias = grouped || (aggregates.length > 0 && !isValue);
  if (selected(query.select).some((value) => aggregatesIn(value).some((found) => found !== value)))
    throw badRequest('Compositions of aggregates and other expressions are not allowed across partitions.');
  const shape: Shape = byAlias
    ? 'groupby'
    : aggregates.length > 0
      ? aggregate
      : query.orderBy.length > 0
        ? 'orderby'
        : 'plain';
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const windowed = Number.isFinite(limit) ? offset + limit : Number.isFinite(top) ? top : undefined;
  const names = aggregates.map(({ name }) => AGGREGATE_NAMES[name]);
  const marker = `/*local:${shape}:${windowed ?? 0}:${windowed !== undefined && (shape === 'plain' || shape === 'orderby') ? 1 : 0}:${shape === 'orderby' ? FILTER : ''}*/\n`;
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: query.distinct ? (isSortedByRow(query) ? 'Ordered' : 'Unordered') : 'None',
      top: finite(top),
      offset: query.offset ? offset : null,
      limit: query.limit ? finite(limit) : null,
      orderBy: query.orderBy.map(({ descending }) => (descending ? 'Descending' : 'Ascending')),
      orderByExpressions: query.orderBy.map(({ value }) => pathText(value)),
      groupByExpressions: query.groupBy.map(textOfGroup),
      groupByAliases:
        byAlias && query.select.kind === 'list' ? query.select.items.map(({ alias }) => alias) : [],
      aggregates: byAlias && !isValue ? [] : names,
      groupByAliasToAggregateType: byAlias ? aliasTypes(query) : {},
      rewrittenQuery: shape === 'plain' && !needsPlan(query) ? '' : marker + text,
      hasSelectValue: isValue,
      hasNonStreamingOrderBy: false,
      dCountInfo: null,
    },
    queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
  };
}

/**
 * Whether equal rows follow each other in the order of the query. They do only if the first keys of ORDER BY are exactly the selected
 * expressions: for `Ordered`, a client compares each row only with the previous one.
 */
function isSortedByRow({ select, orderBy }: Query): boolean {
  const rows = new Set(selected(select).map((value) => JSON.stringify(value)));
  const keys = new Set(orderBy.slice(0, rows.size).map(({ value }) => JSON.stringify(value)));
  return rows.size > 0 && rows.size === keys.size && [...rows].every((row) => keys.has(row));
}

/** The reason why rows of FROM depend on more than one document, if they do. */
function gatheredIn({ from }: Query): string | undefined {
  for (const { source } of from) {
    if (source.kind !== 'subquery') continue;
    const { query } = source;
    if (query.distinct) return 'DISTINCT';
    if (query.groupBy.length > 0) return 'GROUP BY';
    if (aggregatesOf(query).length > 0) return 'an aggregate';
    if (query.top !== undefined) return 'TOP';
    if (query.offset !== undefined) return 'OFFSET LIMIT';
    const inner = gatheredIn(query);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function aliasTypes(query: Query): Record<string, string | null> {
  if (query.select.kind !== 'list') {
    const [only] = selected(query.select).flatMap(aggregatesIn);
    return only ? { '': AGGREGATE_NAMES[only.name] ?? null } : {};
  }
  return Object.fromEntries(
    query.select.items.map(({ alias, value }) => [
      alias,
      value.kind === 'call' ? (AGGREGATE_NAMES[value.name] ?? null) : null,
    ]),
  );
}

/** `c.a.b`, for the SDK's filter when it resumes. */
function pathText(expression: Expression): string {
  if (expression.kind === 'input') return expression.name;
  if (expression.kind === 'member' && expression.key.kind === 'literal') {
    return `${pathText(expression.of)}[${JSON.stringify(expression.key.value)}]`;
  }
  throw badRequest(
    'Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.',
  );
}

/** Clients read only their number; the server groups by the text of the query. */
function textOfGroup(expression: Expression): string {
  return expression.kind === 'input' || expression.kind === 'member' ? pathText(expression) : 'expression';
}
