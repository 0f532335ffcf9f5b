/** One page's worth of a query over one range, in the shape that the client asked for. */
import { itemNumber } from '../rid.ts';
import { aggregatesIn, type Expression, type Query, selected } from './ast.ts';
import { compile } from './evaluate.ts';
import type { RangeQuery } from './plan.ts';
import { isAfter, type Resume } from './resume.ts';
import { aggregate, compareKeys, freshSubquery, type RunContext, runQuery, sortedScopes } from './run.ts';
import { canonical } from './values.ts';

export interface ExecuteContext extends RunContext {
  readonly documents: Iterable<unknown>;
  /** Of a query with ORDER BY. */
  readonly resume?: Resume;
}

/** A row, and its place among all rows of the query, those before the point where a client resumes counted, too. */
export interface Placed {
  readonly row: unknown;
  readonly at: number;
}

/** All rows; the caller cuts pages. */
export function execute(query: RangeQuery, context: ExecuteContext): readonly Placed[] {
  const { resume } = context;
  const all = rowsOf(query, context).map((row, at) => ({ row, at }));
  return resume && query.shape === 'orderby'
    ? all.filter(({ row }) => isFrom(resume, row as OrderedRow, query.query))
    : all;
}

function rowsOf({ query, shape }: RangeQuery, context: ExecuteContext): unknown[] {
  switch (shape) {
    case 'plain':
      return runQuery(query, context);
    case 'orderby':
      return orderByRows(query, context);
    case 'groupby':
      return groupByRows(query, context);
    case 'aggregate':
    case 'bare':
      return [aggregateRow(query, context, shape === 'bare')];
    default:
      return shape satisfies never;
  }
}

/**
 * Equal keys lie in the order of the items' creation, backwards where any path is descending: so the SDK expects them when it
 * goes on in the middle of them.
 */
function orderByRows(query: Query, context: ExecuteContext): OrderedRow[] {
  const rows = sortedScopes(query, context).map((row) => ({ ...row, rid: ridOf(row.inputs) }));
  const backwards = directionOf(query);
  const numbered = rows.map((row) => ({ ...row, number: row.rid === '' ? 0n : itemNumber(row.rid) }));
  numbered.sort(
    (a, b) =>
      compareKeys(a.keys, b.keys, query) ||
      (a.number === b.number ? 0 : a.number < b.number ? -backwards : backwards),
  );
  const seen = new Set<string>();
  const isNew = (row: unknown) => {
    const text = canonical(row);
    return !seen.has(text) && seen.add(text);
  };
  // Of equal rows the first stays: its keys are those that the order is merged by.
  const kept = query.distinct ? numbered.filter(({ projected }) => isNew(projected)) : numbered;
  const limit = query.limit?.kind === 'literal' ? Number(query.limit.value) : kept.length;
  return kept
    .filter(({ projected }) => projected !== undefined)
    .slice(0, limit)
    .map(({ projected, keys, rid }) => ({
      _rid: rid,
      orderByItems: keys.map((item) => (item === undefined ? {} : { item })),
      payload: projected,
    }));
}

interface OrderedRow {
  readonly _rid: string;
  readonly orderByItems: readonly { readonly item?: unknown }[];
  readonly payload: unknown;
}

const directionOf = (query: Query): 1 | -1 => (query.orderBy.some(({ descending }) => descending) ? -1 : 1);

function isFrom(resume: Resume, { _rid, orderByItems }: OrderedRow, query: Query): boolean {
  const keys = orderByItems.map(({ item }) => item);
  const sign = directionOf(query);
  const number = _rid === '' ? 0n : itemNumber(_rid);
  return isAfter(compareKeys(keys, resume.keys, query), number * BigInt(sign), resume, sign);
}

function ridOf(inputs: ReadonlyMap<string, unknown>): string {
  for (const value of inputs.values()) {
    const rid = (value as { _rid?: unknown } | null | undefined)?._rid;
    if (typeof rid === 'string') return rid;
  }
  return '';
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

/** What a client can merge: AVG as sum and count, MIN and MAX with the count. */
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
