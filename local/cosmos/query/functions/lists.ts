/** Array functions and conditional functions. https://learn.microsoft.com/cosmos-db/query/functions */
import { canonical, compare, equals, typeOf } from '../values.ts';
import {
  ANY_NUMBER,
  finite,
  isNumber,
  isObject,
  isString,
  isWhole,
  type SystemFunction,
  takes,
} from './signature.ts';

type OfList = (items: readonly unknown[], ...rest: readonly unknown[]) => unknown;

const list = (least: number, f: OfList, most = least): SystemFunction =>
  takes(least, (items, ...rest) => (Array.isArray(items) ? f(items, ...rest) : undefined), most);

const lists = (f: (a: readonly unknown[], b: readonly unknown[]) => unknown): SystemFunction =>
  takes(2, (a, b) => (Array.isArray(a) && Array.isArray(b) ? f(a, b) : undefined));

const includes = (items: readonly unknown[], wanted: unknown, partial = false) =>
  items.some((item) => equals(item, wanted) === true || (partial && contains(item, wanted)));

/** A partial match: every field of `part` is in `whole`. */
function contains(whole: unknown, part: unknown): boolean {
  if (!isObject(whole) || !isObject(part)) return false;
  return Object.entries(part).every(
    ([key, value]) => Object.hasOwn(whole, key) && equals(whole[key], value) === true,
  );
}

function unique(items: readonly unknown[]): unknown[] {
  return [...new Map(items.map((item) => [canonical(item), item])).values()];
}

function slice(items: readonly unknown[], start: unknown, length: unknown): unknown {
  if (!isWhole(start) || (length !== undefined && !isWhole(length))) return undefined;
  const from = start < 0 ? Math.max(0, items.length + start) : start;
  return items.slice(from, length === undefined ? undefined : from + Math.max(0, Number(length)));
}

const numbers = (f: (items: readonly number[]) => number | undefined): SystemFunction =>
  list(1, (items) => (items.every(isNumber) ? finite(f(items) ?? Number.NaN) : undefined));

const sum = (items: readonly number[]) => items.reduce((total, item) => total + item, 0);

function median(items: readonly number[]): number | undefined {
  const sorted = items.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Least or greatest of numbers, texts, booleans and null; undefined if there is any other value among them. */
export function extreme(items: readonly unknown[], sign: 1 | -1): unknown {
  let found = items[0];
  for (const item of items) {
    if (item !== null && typeof item === 'object') return undefined;
    if (compare(item, found) * sign < 0) found = item;
  }
  return found;
}

const is = (...types: readonly string[]): SystemFunction =>
  takes(1, (value) => types.includes(typeOf(value)));

export const LISTS: Readonly<Record<string, SystemFunction>> = {
  ARRAY_CONCAT: takes(2, (...all) => (all.every(Array.isArray) ? all.flat(1) : undefined), ANY_NUMBER),
  ARRAY_CONTAINS: list(
    2,
    (items, wanted, partial) =>
      wanted === undefined ? undefined : includes(items, wanted, partial === true),
    3,
  ),
  ARRAY_CONTAINS_ANY: list(2, (items, ...wanted) => wanted.some((each) => includes(items, each)), ANY_NUMBER),
  ARRAY_CONTAINS_ALL: list(
    2,
    (items, ...wanted) => wanted.every((each) => includes(items, each)),
    ANY_NUMBER,
  ),
  ARRAY_LENGTH: list(1, (items) => items.length),
  ARRAY_SLICE: list(2, slice, 3),
  ARRAY_AVG: numbers((items) => (items.length > 0 ? sum(items) / items.length : undefined)),
  ARRAY_SUM: numbers(sum),
  ARRAY_MIN: list(1, (items) => extreme(items, 1)),
  ARRAY_MAX: list(1, (items) => extreme(items, -1)),
  ARRAY_MEDIAN: numbers(median),
  SETINTERSECT: lists((a, b) => unique(b).filter((item) => includes(a, item))),
  SETUNION: lists((a, b) => unique([...a, ...b])),
  SETDIFFERENCE: lists((a, b) => unique(a).filter((item) => !includes(b, item))),
  SETEQUAL: lists((a, b) => a.every((item) => includes(b, item)) && b.every((item) => includes(a, item))),
  CHOOSE: takes(2, (index, ...items) => (isWhole(index) ? items[index - 1] : undefined), ANY_NUMBER),
  OBJECTTOARRAY: takes(
    1,
    (value, k = 'k', v = 'v') =>
      isObject(value) && isString(k) && isString(v)
        ? Object.entries(value).map(([key, each]) => ({ [k]: key, [v]: each }))
        : undefined,
    3,
  ),
  IIF: takes(3, (test, a, b) => (test === true ? a : b)),

  IS_ARRAY: is('array'),
  IS_BOOL: is('boolean'),
  IS_NULL: is('null'),
  IS_NUMBER: is('number'),
  IS_OBJECT: is('object'),
  IS_STRING: is('string'),
  IS_PRIMITIVE: is('null', 'boolean', 'number', 'string'),
  IS_DEFINED: takes(1, (value) => value !== undefined),
};
