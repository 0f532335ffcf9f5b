/** Produces the rows of a query over one range, in the shape that the client requested. */
import { aggregatesIn, type Expression, type Query, selected } from './ast.ts';
import { compile } from './evaluate.ts';
import { directionOf, isBehind, isOrdered, type OrderedRow, orderedRows, type Position } from './ordered.ts';
import type { RangeQuery } from './plan.ts';
import { isAfter, type Resume } from './resume.ts';
import {
  aggregate,
  compareKeys,
  freshSubquery,
  type RunContext,
  runQuery,
  sortedScopes,
  windowOf,
} from './run.ts';

export interface ExecuteContext extends RunContext {
  readonly documents: Iterable<unknown>;
  /** For a query with ORDER BY: the point at which the client resumes. */
  readonly resume?: Resume;
  /** For a query with ORDER BY: the start of the page, and the number of rows returned before it. */
  readonly behind?: Position & { readonly given: number };
}

/** A row, and the continuation of a page that ends with it: after a position, or after a number of rows. */
export interface Placed {
  readonly row: unknown;
  readonly at: number;
  readonly position?: Position;
}

/** All remaining rows; the caller cuts pages. */
export function execute(query: RangeQuery, context: ExecuteContext): readonly Placed[] {
  if (isOrdered(query.query) && (query.shape === 'plain' || query.shape === 'orderby'))
    return ordered(query, context);
  return rowsOf(query, context).map((row, at) => ({ row, at }));
}

function rowsOf({ query, shape }: RangeQuery, context: ExecuteContext): unknown[] {
  switch (shape) {
    case 'plain':
    case 'orderby':
      return runQuery(query, context);
    case 'groupby':
      return groupByRows(query, context);
    case 'aggregate':
    case 'bare':
      return [aggregateRow(query, context, shape === 'bare')];
    default:
      return shape satisfies never;
  }
}

/** A window (TOP, OFFSET, LIMIT) counts the rows of earlier pages. */
function ordered(of: RangeQuery, context: ExecuteContext): readonly Placed[] {
  const { query, shape } = of;
  const { resume, behind } = context;
  const { top, offset, limit } = windowOf(query, context);
  const given = behind?.given ?? 0;
  const isLeft = (row: OrderedRow) =>
    (!behind || isBehind(row, behind, of)) && (!resume || isFrom(resume, row, of));
  const left = orderedRows(of, context).filter(isLeft);
  const from = behind ? 0 : offset;
  return left
    .slice(from, from + Math.min(top, limit) - given)
    .map(({ projected, rid, keys, item, nth }, index) => ({
      row: shape === 'plain' ? projected : mergeable(projected, rid, keys),
      at: given + index,
      position: { keys, item, nth },
    }));
}

/** The form in which a client merges the rows of several ranges. */
function mergeable(payload: unknown, rid: string, keys: readonly unknown[]): unknown {
  return { _rid: rid, orderByItems: keys.map((item) => (item === undefined ? {} : { item })), payload };
}

function isFrom(resume: Resume, { keys, item }: OrderedRow, of: RangeQuery): boolean {
  const sign = directionOf(of);
  return isAfter(compareKeys(keys, resume.keys, of.query), item * BigInt(sign), resume, sign);
}

/** `{groupByItems: [{item}], payload: {alias: value | {item: partial}}}` */
function groupByRows(query: Query, context: ExecuteContext): unknown[] {
  const items =
    query.select.kind === 'list'
      ? query.select.items
      : [{ alias: '', value: selected(query.select)[0] as Expression }];
  const list: Query = {
    ...query,
    distinct: false,
    select: {
      kind: 'list',
      items: [
        ...query.groupBy.map((value, index) => ({ alias: `g${index}`, value })),
        ...items.map(({ value }, index) => ({ alias: `s${index}`, value: partial(value) })),
      ],
    },
  };
  return runQuery(list, context).map((row) => {
    const fields = row as Record<string, unknown>;
    const payload: Record<string, unknown> = {};
    for (const [index, { alias, value }] of items.entries()) {
      const result = fields[`s${index}`];
      payload[alias] = aggregatesIn(value).length > 0 ? { item: result } : result;
    }
    const value = payload[''];
    const isAggregate = selected(query.select).flatMap(aggregatesIn).length > 0;
    return {
      ...(query.groupBy.length > 0
        ? { groupByItems: query.groupBy.map((_, index) => ({ item: fields[`g${index}`] })) }
        : {}),
      payload: query.select.kind !== 'value' ? payload : isAggregate ? [value] : value,
    };
  });
}

/** Partial aggregates that a client can merge: AVG as sum and count, MIN and MAX with the count. */
function partial(value: Expression): Expression {
  if (value.kind !== 'call') return value;
  const [arg] = value.args;
  const part = (name: string): Expression => ({ kind: 'call', name, args: arg ? [arg] : [] });
  if (value.name === 'AVG') {
    return {
      kind: 'object',
      fields: [
        { name: 'sum', value: part('SUM') },
        { name: 'count', value: part('COUNT') },
      ],
    };
  }
  if (value.name === 'MIN' || value.name === 'MAX') {
    const key = value.name.toLowerCase();
    return {
      kind: 'object',
      fields: [
        { name: key, value: part(value.name) },
        { name: 'count', value: part('COUNT') },
      ],
    };
  }
  return value;
}

/** `[{item}]`, one for each aggregate of SELECT VALUE. */
function aggregateRow(query: Query, context: ExecuteContext, bare: boolean): unknown {
  const calls = selected(query.select).flatMap(aggregatesIn);
  const args = calls.map((call) => compile(call.args[0] ?? { kind: 'literal', value: 1 }));
  const plain: Query = {
    ...query,
    distinct: false,
    orderBy: [],
    select: { kind: 'value', value: { kind: 'literal', value: 1 } },
  };
  const scopes = sortedScopes(plain, context);
  const subquery = freshSubquery();
  return calls.map((call, index) => {
    const evaluate = args[index] as ReturnType<typeof compile>;
    const values = scopes.map(({ inputs }) => evaluate({ inputs, parameters: context.parameters, subquery }));
    const value = aggregate(call.name, values);
    const count = aggregate('COUNT', values);
    if (call.name === 'AVG') return { item: { sum: aggregate('SUM', values), count } };
    if (!bare && (call.name === 'MIN' || call.name === 'MAX'))
      return { item: { [call.name.toLowerCase()]: value, count } };
    return { item: value };
  });
}
