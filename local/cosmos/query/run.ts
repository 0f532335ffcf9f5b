/**
 * Runs a query over rows: FROM and JOIN, WHERE, GROUP BY, SELECT, DISTINCT, ORDER BY, OFFSET LIMIT, TOP.
 *
 * Q1 A row whose WHERE is not `true` (false, undefined, anything else) is left out.
 * Q2 SELECT VALUE of undefined gives no row; an undefined field is left out of the object.
 */
import { badRequest } from '../errors.ts';
import {
  aggregatesIn,
  childrenOf,
  type Expression,
  type From,
  type Query,
  type SelectItem,
  selected,
} from './ast.ts';
import { type Compiled, compile, objectOf, type Scope } from './evaluate.ts';
import { extreme } from './functions/lists.ts';
import { finite } from './functions/signature.ts';
import { canonical, compare } from './values.ts';

export interface RunContext {
  readonly parameters: ReadonlyMap<string, unknown>;
  /** Documents of the container; absent in a subquery, whose sources are inputs of the outer query. */
  readonly documents?: Iterable<unknown>;
  readonly outer?: ReadonlyMap<string, unknown>;
  readonly budget?: Budget;
}

const compiledQueries = new WeakMap<Query, CompiledQuery>();

interface CompiledQuery {
  readonly where: Compiled | undefined;
  readonly project: (scope: Scope) => unknown;
  readonly groupBy: readonly Compiled[];
  readonly orderBy: readonly { readonly value: Compiled; readonly descending: boolean }[];
  readonly aggregates: readonly {
    readonly node: Expression;
    readonly name: string;
    readonly arg: Compiled;
  }[];
  readonly top: Compiled | undefined;
  readonly offset: Compiled | undefined;
  readonly limit: Compiled | undefined;
  readonly from: readonly { readonly from: From; readonly path: Compiled | undefined }[];
}

/** Number of rows that JOINs and subqueries may still examine; beyond it the query is refused, before it blocks the server. */
interface Budget {
  left: number;
}

const MAX_JOINED_ROWS = 250_000;

function spend(budget: Budget): void {
  budget.left -= 1;
  if (budget.left < 0)
    throw badRequest(
      `The query is too complex: its JOINs and subqueries look at more than ${MAX_JOINED_ROWS} rows.`,
    );
}

const subqueryWithin =
  (budget: Budget): Scope['subquery'] =>
  (query, { parameters, inputs }) =>
    runQuery(query, { parameters, outer: inputs, budget });

/** For one query, with the rows of its subqueries. */
export const freshSubquery = () => subqueryWithin({ left: MAX_JOINED_ROWS });

/** Every row, in order. */
export function runQuery(query: Query, context: RunContext): unknown[] {
  const rows = [...sortedScopes(query, context)].map(({ projected }) => projected);
  return window(
    query,
    context,
    distinct(
      query,
      rows.filter((row) => row !== undefined),
    ),
  );
}

/** The rows of one document, for a query whose rows do not depend on other documents. */
export function rowsOfDocument(
  query: Query,
  parameters: ReadonlyMap<string, unknown>,
): (document: unknown) => unknown[] {
  const compiled = compiledOf(query);
  const [first] = query.from;
  if (query.from.length > 1 || !first) {
    return (document) =>
      sortedScopes(query, { parameters, documents: [document] })
        .map(({ projected }) => projected)
        .filter((row) => row !== undefined);
  }
  const inputs = new Map<string, unknown>();
  const scope: Scope = { inputs, parameters, subquery: freshSubquery() };
  return (document) => {
    inputs.set(first.alias, document);
    if (compiled.where && compiled.where(scope) !== true) return [];
    const row = compiled.project(scope);
    return row === undefined ? [] : [row];
  };
}

/** Whether a document satisfies the WHERE clause, for queries over documents alone. */
export function matches(
  query: Query,
  parameters: ReadonlyMap<string, unknown>,
): (document: unknown) => boolean {
  const { where } = compiledOf(query);
  if (!where) return () => true;
  const alias = query.from[0]?.alias ?? 'root';
  const subquery = freshSubquery();
  return (document) => where({ inputs: new Map([[alias, document]]), parameters, subquery }) === true;
}

export interface SortedRow {
  readonly projected: unknown;
  readonly keys: readonly unknown[];
  /** The document of the row. */
  readonly inputs: ReadonlyMap<string, unknown>;
}

/** Rows after ORDER BY, before DISTINCT, OFFSET and TOP. */
export function sortedScopes(query: Query, context: RunContext): SortedRow[] {
  const compiled = compiledOf(query);
  const scopes = filtered(query, compiled, context);
  const grouped = query.groupBy.length > 0 || compiled.aggregates.length > 0;
  const final = grouped ? groups(query, compiled, scopes, context) : scopes;
  const rows: SortedRow[] = [];
  for (const scope of final) {
    rows.push({
      projected: compiled.project(scope),
      keys: compiled.orderBy.map(({ value }) => value(scope)),
      inputs: scope.inputs,
    });
  }
  if (compiled.orderBy.length > 0) rows.sort((a, b) => compareKeys(a.keys, b.keys, query));
  return rows;
}

export function compareKeys(a: readonly unknown[], b: readonly unknown[], query: Query): number {
  for (const [index, { descending }] of query.orderBy.entries()) {
    const order = compare(a[index], b[index]);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

export function distinct(query: Query, rows: unknown[]): unknown[] {
  return query.distinct ? [...new Map(rows.map((row) => [canonical(row), row])).values()] : rows;
}

function window(query: Query, context: RunContext, rows: unknown[]): unknown[] {
  const { top, offset, limit } = windowOf(query, context);
  return rows.slice(offset, offset + Math.min(limit, top));
}

export function windowOf(query: Query, context: RunContext): { top: number; offset: number; limit: number } {
  const compiled = compiledOf(query);
  const scope: Scope = { inputs: new Map(), parameters: context.parameters, subquery: freshSubquery() };
  const count = (of: Compiled | undefined, fallback: number): number => {
    if (!of) return fallback;
    const value = of(scope);
    if (!Number.isInteger(value) || (value as number) < 0)
      throw badRequest('TOP, OFFSET and LIMIT take a whole number from 0');
    return value as number;
  };
  const infinity = Number.POSITIVE_INFINITY;
  return {
    top: count(compiled.top, infinity),
    offset: count(compiled.offset, 0),
    limit: count(compiled.limit, infinity),
  };
}

function compiledOf(query: Query): CompiledQuery {
  let compiled = compiledQueries.get(query);
  if (compiled) return compiled;
  const expressions = [...selected(query.select), ...query.orderBy.map(({ value }) => value)];
  if (query.groupBy.length > 0 || expressions.some((each) => aggregatesIn(each).length > 0))
    checkGrouped(query);
  compiled = {
    where: query.where && compile(query.where),
    project: projection(query),
    groupBy: query.groupBy.map(compile),
    orderBy: query.orderBy.map(({ value, descending }) => ({ value: compilePath(value), descending })),
    aggregates: expressions.flatMap(aggregatesIn).map((node) => ({
      node,
      name: node.name,
      arg: compile(node.args[0] ?? { kind: 'literal', value: 1 }),
    })),
    top: query.top && compile(query.top),
    offset: query.offset && compile(query.offset),
    limit: query.limit && compile(query.limit),
    from: query.from.map((from) => ({
      from,
      path: from.source.kind === 'path' ? compile(from.source.path) : undefined,
    })),
  };
  compiledQueries.set(query, compiled);
  return compiled;
}

/** Selected expressions other than aggregates have the same value in all rows of a group. */
function checkGrouped({ select, groupBy }: Query): void {
  if (select.kind === 'star') throw badRequest("'SELECT *' is not possible with GROUP BY or aggregates.");
  const grouped = new Set(groupBy.map((each) => JSON.stringify(each)));
  const check = (expression: Expression): void => {
    if (aggregatesIn(expression).includes(expression as never) || grouped.has(JSON.stringify(expression)))
      return;
    if (expression.kind === 'input')
      throw badRequest(
        `Property reference '${expression.name}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.`,
      );
    childrenOf(expression).forEach(check);
  };
  selected(select).forEach(check);
}

/** The service sorts by its index, so only by paths. */
function compilePath(value: Expression): Compiled {
  const compiled = compile(value);
  let root = value;
  while (root.kind === 'member' && root.key.kind === 'literal') root = root.of;
  if (root.kind !== 'input')
    throw badRequest(
      'Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.',
    );
  return compiled;
}

function projection(query: Query): (scope: Scope) => unknown {
  const { select } = query;
  if (select.kind === 'value') return compile(select.value);
  if (select.kind === 'star') {
    const [first] = query.from;
    if (query.from.length > 1) throw badRequest("'SELECT *' is only valid with a single input set.");
    return ({ inputs }) => inputs.get(first?.alias ?? 'root');
  }
  const fields = select.items.map((item: SelectItem) => [item.alias, compile(item.value)] as const);
  return (scope) => objectOf(fields, scope);
}

type Bounded = RunContext & { readonly budget: Budget };

function* filtered(query: Query, compiled: CompiledQuery, given: RunContext): Generator<Scope> {
  const budget = given.budget ?? { left: MAX_JOINED_ROWS };
  const context: Bounded = { ...given, budget };
  const subquery = subqueryWithin(budget);
  for (const inputs of joined(compiled, 0, new Map(context.outer ?? []), context)) {
    const scope: Scope = { inputs, parameters: context.parameters, subquery };
    if (!compiled.where || compiled.where(scope) === true) yield scope;
  }
}

function* joined(
  compiled: CompiledQuery,
  index: number,
  inputs: Map<string, unknown>,
  context: Bounded,
): Generator<Map<string, unknown>> {
  const source = compiled.from[index];
  if (!source) {
    yield inputs;
    return;
  }
  for (const value of valuesOf(source, inputs, context)) {
    if (index > 0 || !context.documents) spend(context.budget);
    const next = new Map(inputs);
    next.set(source.from.alias, value);
    yield* joined(compiled, index + 1, next, context);
  }
}

function* valuesOf(
  { from, path }: CompiledQuery['from'][number],
  inputs: ReadonlyMap<string, unknown>,
  context: Bounded,
): Generator<unknown> {
  const { source } = from;
  if (source.kind === 'subquery') {
    const rows = runQuery(source.query, { ...context, outer: inputs });
    for (const row of rows) yield* from.iterate ? elements(row) : [row];
  } else if (source.kind === 'path' && path) {
    const subquery = subqueryWithin(context.budget);
    for (const start of startsOf(source.path, inputs, context)) {
      const value = path({ inputs: start, parameters: context.parameters, subquery });
      if (from.iterate) yield* elements(value);
      else if (value !== undefined) yield value;
    }
  } else if (context.documents) yield* context.documents;
  else if (inputs.has(from.alias)) yield inputs.get(from.alias);
}

/** `FROM c.children`, `FROM x IN c.tags`: a first path starts at the container's documents, one after the other. */
function* startsOf(
  path: Expression,
  inputs: ReadonlyMap<string, unknown>,
  context: RunContext,
): Generator<ReadonlyMap<string, unknown>> {
  let root = path;
  while (root.kind === 'member') root = root.of;
  if (root.kind !== 'input' || inputs.has(root.name) || !context.documents) {
    yield inputs;
    return;
  }
  for (const document of context.documents) yield new Map(inputs).set(root.name, document);
}

function* elements(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) yield* value;
}

function groups(
  query: Query,
  compiled: CompiledQuery,
  scopes: Iterable<Scope>,
  context: RunContext,
): Scope[] {
  const byKey = new Map<string, Scope[]>();
  for (const scope of scopes) {
    const key = compiled.groupBy.map((each) => canonical(each(scope))).join('\u0000');
    const group = byKey.get(key);
    if (group) group.push(scope);
    else byKey.set(key, [scope]);
  }
  if (query.groupBy.length === 0 && byKey.size === 0) byKey.set('', []);
  const subquery = freshSubquery();
  return [...byKey.values()].map((members) => {
    const aggregates = new Map<Expression, unknown>();
    for (const { node, name, arg } of compiled.aggregates)
      aggregates.set(node, aggregate(name, members.map(arg)));
    const inputs =
      members[0]?.inputs ?? new Map<string, unknown>(query.from.map(({ alias }) => [alias, undefined]));
    return { inputs, parameters: context.parameters, subquery, aggregates };
  });
}

/** Undefined values do not count. SUM and AVG of anything but numbers are undefined, as are MIN and MAX of arrays and objects. */
export function aggregate(name: string, values: readonly unknown[]): unknown {
  const defined = values.filter((value) => value !== undefined);
  switch (name) {
    case 'COUNT':
      return defined.length;
    case 'SUM':
      return defined.every((value) => typeof value === 'number') ? finite(total(defined)) : undefined;
    case 'AVG':
      return defined.length > 0 && defined.every((value) => typeof value === 'number')
        ? finite(total(defined) / defined.length)
        : undefined;
    case 'MIN':
      return extreme(defined, 1);
    default:
      return extreme(defined, -1);
  }
}

function total(values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (value as number), 0);
}
