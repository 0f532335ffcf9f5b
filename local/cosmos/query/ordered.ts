/**
 * Orders the rows of a query with ORDER BY, and finds where the next page begins.
 *
 * Q1 A page begins after the last row returned: its keys, its item, and its place among the rows of that item with those keys. So
 *    items that appear or disappear between pages neither repeat nor hide others.
 * Q2 Rows with equal keys are in the order of the items' creation. If a client merges ranges, it is reversed if any path is descending: the
 *    SDK expects this when it resumes between them.
 */
import { itemNumber } from '../rid.ts';
import { aggregatesIn, type Query, selected } from './ast.ts';
import type { RangeQuery } from './plan.ts';
import { compareKeys, type RunContext, sortedScopes } from './run.ts';
import { canonical } from './values.ts';

/** The position after a row. */
export interface Position {
  readonly keys: readonly unknown[];
  readonly item: bigint;
  /** Index among the rows of that item with those keys, from 0. */
  readonly nth: number;
}

export interface OrderedRow extends Position {
  readonly projected: unknown;
  /** Resource id of the item; empty if the row has none. */
  readonly rid: string;
}

/** Whether the rows of a query have positions; those of groups and aggregates have none. */
export function isOrdered(query: Query): boolean {
  return (
    query.orderBy.length > 0 &&
    query.groupBy.length === 0 &&
    selected(query.select).every((value) => aggregatesIn(value).length === 0)
  );
}

/** The order of items with equal keys: 1, or -1 for the latest first (Q2). */
export type Direction = 1 | -1;

export function directionOf({ query, shape }: RangeQuery): Direction {
  return shape === 'orderby' && query.orderBy.some(({ descending }) => descending) ? -1 : 1;
}

/** All rows in order, before TOP, OFFSET and LIMIT. Undefined rows are left out. */
export function orderedRows(of: RangeQuery, context: RunContext): readonly OrderedRow[] {
  const { query } = of;
  const rows = sortedScopes(query, context)
    .filter(({ projected }) => projected !== undefined)
    .map(({ projected, keys, inputs }) => {
      const rid = ridOf(inputs);
      return { projected, keys, rid, item: rid === '' ? 0n : itemNumber(rid) };
    });
  const sign = directionOf(of);
  rows.sort((a, b) => compareKeys(a.keys, b.keys, query) || compareItems(a.item, b.item) * sign);
  const seen = new Set<string>();
  const isNew = (row: unknown) => {
    const text = canonical(row);
    return !seen.has(text) && seen.add(text);
  };
  // Of equal rows the first stays: the order is merged by its keys.
  const kept = query.distinct ? rows.filter(({ projected }) => isNew(projected)) : rows;
  let nth = 0;
  return kept.map((row, index) => {
    const before = kept[index - 1];
    const isSame = before && before.item === row.item && compareKeys(before.keys, row.keys, query) === 0;
    nth = isSame ? nth + 1 : 0;
    return { ...row, nth };
  });
}

export function isBehind(row: Position, position: Position, of: RangeQuery): boolean {
  const order =
    compareKeys(row.keys, position.keys, of.query) ||
    compareItems(row.item, position.item) * directionOf(of) ||
    row.nth - position.nth;
  return order > 0;
}

function compareItems(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function ridOf(inputs: ReadonlyMap<string, unknown>): string {
  for (const value of inputs.values()) {
    const rid = (value as { _rid?: unknown } | null | undefined)?._rid;
    if (typeof rid === 'string') return rid;
  }
  return '';
}
