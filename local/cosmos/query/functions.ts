/**
 * The system functions. A function whose argument has the wrong type answers undefined, as the service does.
 * https://learn.microsoft.com/cosmos-db/query/functions
 */
import { notSupported } from '../errors.ts';
import { spatial } from './spatial.ts';
import { canonical, compare, equals, typeOf } from './values.ts';

type Fn = (...args: readonly unknown[]) => unknown;

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isString = (value: unknown): value is string => typeof value === 'string';
const math =
  (f: (x: number) => number): Fn =>
  (x) =>
    isNumber(x) ? finite(f(x)) : undefined;
const finite = (x: number) => (Number.isNaN(x) ? undefined : x);
/** Whole numbers of 64 bits; other arguments answer undefined. */
const integers =
  (f: (a: bigint, b: bigint) => bigint | undefined): Fn =>
  (a, b) => {
    if (!Number.isInteger(a) || !Number.isInteger(b)) return undefined;
    const result = f(BigInt(a as number), BigInt(b as number));
    return result === undefined ? undefined : Number(BigInt.asIntN(64, result));
  };
const text =
  (f: (s: string) => unknown): Fn =>
  (s) =>
    isString(s) ? f(s) : undefined;
const texts =
  (f: (a: string, b: string) => unknown): Fn =>
  (a, b) =>
    isString(a) && isString(b) ? f(a, b) : undefined;
/** `ignoreCase` is an optional third argument. */
const search =
  (f: (a: string, b: string) => boolean): Fn =>
  (a, b, ignoreCase) =>
    isString(a) && isString(b)
      ? ignoreCase === true
        ? f(a.toLowerCase(), b.toLowerCase())
        : f(a, b)
      : undefined;
const list =
  (f: (items: readonly unknown[], ...rest: readonly unknown[]) => unknown): Fn =>
  (items, ...rest) =>
    Array.isArray(items) ? f(items, ...rest) : undefined;

const includes = (items: readonly unknown[], wanted: unknown, partial: boolean) =>
  items.some((item) => equals(item, wanted) === true || (partial && contains(item, wanted)));

/** A partial match: every field of `part` is in `whole`. */
function contains(whole: unknown, part: unknown): boolean {
  if (typeOf(whole) !== 'object' || typeOf(part) !== 'object') return false;
  const entries = Object.entries(part as Record<string, unknown>);
  return entries.every(([key, value]) => equals((whole as Record<string, unknown>)[key], value) === true);
}

function unique(items: readonly unknown[]): unknown[] {
  return [...new Map(items.map((item) => [canonical(item), item])).values()];
}

const MS_PER_TICK = 10_000;
const TICKS_AT_EPOCH = 621_355_968_000_000_000;

const PARTS: Readonly<Record<string, (date: Date) => number>> = {
  yyyy: (d) => d.getUTCFullYear(),
  mm: (d) => d.getUTCMonth() + 1,
  dd: (d) => d.getUTCDate(),
  hh: (d) => d.getUTCHours(),
  mi: (d) => d.getUTCMinutes(),
  ss: (d) => d.getUTCSeconds(),
  ms: (d) => d.getUTCMilliseconds(),
};
const PART_NAMES: Readonly<Record<string, string>> = {
  year: 'yyyy',
  yyyy: 'yyyy',
  yy: 'yyyy',
  month: 'mm',
  mm: 'mm',
  m: 'mm',
  day: 'dd',
  dd: 'dd',
  d: 'dd',
  hour: 'hh',
  hh: 'hh',
  minute: 'mi',
  mi: 'mi',
  n: 'mi',
  second: 'ss',
  ss: 'ss',
  s: 'ss',
  millisecond: 'ms',
  ms: 'ms',
};
const MS_OF: Readonly<Record<string, number>> = {
  dd: 86_400_000,
  hh: 3_600_000,
  mi: 60_000,
  ss: 1_000,
  ms: 1,
};

const stamp = (date: Date) => date.toISOString().replace('Z', '0000Z');
const dateOf = (value: unknown): Date | undefined => {
  const date = isString(value) ? new Date(value.replace(/(\.\d{3})\d+/, '$1')) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
};
const partOf = (name: unknown) => (isString(name) ? PART_NAMES[name.toLowerCase()] : undefined);

function dateAdd(part: unknown, amount: unknown, value: unknown): string | undefined {
  const [name, date] = [partOf(part), dateOf(value)];
  if (!name || !date || !isNumber(amount)) return undefined;
  if (name === 'yyyy') date.setUTCFullYear(date.getUTCFullYear() + amount);
  else if (name === 'mm') date.setUTCMonth(date.getUTCMonth() + amount);
  else date.setTime(date.getTime() + amount * (MS_OF[name] ?? 0));
  return stamp(date);
}

function dateDiff(part: unknown, from: unknown, to: unknown): number | undefined {
  const [name, a, b] = [partOf(part), dateOf(from), dateOf(to)];
  if (!name || !a || !b) return undefined;
  const years = b.getUTCFullYear() - a.getUTCFullYear();
  if (name === 'yyyy') return years;
  if (name === 'mm') return years * 12 + b.getUTCMonth() - a.getUTCMonth();
  const unit = MS_OF[name] ?? 1;
  return Math.floor(b.getTime() / unit) - Math.floor(a.getTime() / unit);
}

function round(x: number, digits: unknown): number {
  const factor = 10 ** (isNumber(digits) ? digits : 0);
  const scaled = x * factor;
  return (Math.sign(scaled) * Math.round(Math.abs(scaled))) / factor;
}

function regex(value: unknown, pattern: unknown, modifiers: unknown): boolean | undefined {
  if (!isString(value) || !isString(pattern)) return undefined;
  const flags = isString(modifiers) ? modifiers.replace(/[^imsx]/g, '').replace('x', '') : '';
  try {
    return new RegExp(pattern, flags).test(value);
  } catch {
    return undefined;
  }
}

function substring(value: unknown, start: unknown, length: unknown): string | undefined {
  if (!isString(value) || !isNumber(start) || !isNumber(length)) return undefined;
  const from = Math.max(0, start);
  return value.slice(from, from + Math.max(0, length));
}

function slice(items: readonly unknown[], start: unknown, length: unknown): unknown {
  if (!isNumber(start)) return undefined;
  const from = start < 0 ? Math.max(0, items.length + start) : start;
  return items.slice(from, isNumber(length) ? from + Math.max(0, length) : undefined);
}

const parsed = (accept: (value: unknown) => boolean): Fn =>
  text((s) => {
    try {
      const value: unknown = JSON.parse(s.trim());
      return accept(value) ? value : undefined;
    } catch {
      return undefined;
    }
  });

const is =
  (...types: readonly string[]): Fn =>
  (value) =>
    types.includes(typeOf(value));

export const FUNCTIONS: Readonly<Record<string, Fn>> = {
  ABS: math(Math.abs),
  ACOS: math(Math.acos),
  ASIN: math(Math.asin),
  ATAN: math(Math.atan),
  CEILING: math(Math.ceil),
  COS: math(Math.cos),
  COT: math((x) => 1 / Math.tan(x)),
  DEGREES: math((x) => (x * 180) / Math.PI),
  EXP: math(Math.exp),
  FLOOR: math(Math.floor),
  LOG10: math(Math.log10),
  RADIANS: math((x) => (x * Math.PI) / 180),
  SIGN: math(Math.sign),
  SIN: math(Math.sin),
  SQRT: math(Math.sqrt),
  SQUARE: math((x) => x * x),
  TAN: math(Math.tan),
  TRUNC: math(Math.trunc),
  LOG: (x, base) =>
    isNumber(x) ? finite(isNumber(base) ? Math.log(x) / Math.log(base) : Math.log(x)) : undefined,
  POWER: (x, y) => (isNumber(x) && isNumber(y) ? finite(x ** y) : undefined),
  ATN2: (y, x) => (isNumber(x) && isNumber(y) ? Math.atan2(y, x) : undefined),
  ROUND: (x, digits) => (isNumber(x) ? round(x, digits) : undefined),
  PI: () => Math.PI,
  RAND: () => Math.random(),
  NUMBERBIN: (x, bin = 1) => (isNumber(x) && isNumber(bin) ? Math.floor(x / bin) * bin : undefined),
  INTADD: integers((a, b) => a + b),
  INTSUB: integers((a, b) => a - b),
  INTMUL: integers((a, b) => a * b),
  INTDIV: integers((a, b) => (b === 0n ? undefined : a / b)),
  INTMOD: integers((a, b) => (b === 0n ? undefined : a % b)),
  INTBITAND: integers((a, b) => a & b),
  INTBITOR: integers((a, b) => a | b),
  INTBITXOR: integers((a, b) => a ^ b),
  INTBITLEFTSHIFT: integers((a, b) => a << BigInt.asUintN(6, b)),
  INTBITRIGHTSHIFT: integers((a, b) => a >> BigInt.asUintN(6, b)),
  INTBITNOT: (a) => (Number.isInteger(a) ? Number(~BigInt(a as number)) : undefined),

  CONCAT: (...parts) => (parts.every(isString) ? parts.join('') : undefined),
  CONTAINS: search((a, b) => a.includes(b)),
  STARTSWITH: search((a, b) => a.startsWith(b)),
  ENDSWITH: search((a, b) => a.endsWith(b)),
  STRINGEQUALS: search((a, b) => a === b),
  REGEXMATCH: regex,
  INDEX_OF: (a, b, start) =>
    isString(a) && isString(b) ? a.indexOf(b, isNumber(start) ? start : 0) : undefined,
  LENGTH: text((s) => s.length),
  LOWER: text((s) => s.toLowerCase()),
  UPPER: text((s) => s.toUpperCase()),
  LTRIM: text((s) => s.trimStart()),
  RTRIM: text((s) => s.trimEnd()),
  TRIM: text((s) => s.trim()),
  REVERSE: text((s) => Array.from(s).toReversed().join('')),
  LEFT: (s, n) => (isString(s) && isNumber(n) ? s.slice(0, Math.max(0, n)) : undefined),
  RIGHT: (s, n) => (isString(s) && isNumber(n) ? (n <= 0 ? '' : s.slice(-n)) : undefined),
  SUBSTRING: substring,
  REPLACE: (s, a, b) =>
    isString(s) && isString(a) && isString(b) ? (a === '' ? s : s.replaceAll(a, b)) : undefined,
  REPLICATE: (s, n) => (isString(s) && isNumber(n) && n >= 0 && n <= 10_000 ? s.repeat(n) : undefined),
  STRINGSPLIT: texts((s, by) => s.split(by)),
  STRINGJOIN: (items, by) =>
    Array.isArray(items) && items.every(isString) && isString(by) ? items.join(by) : undefined,
  STRINGTOARRAY: parsed(Array.isArray),
  STRINGTOBOOLEAN: parsed((value) => typeof value === 'boolean'),
  STRINGTONULL: parsed((value) => value === null),
  STRINGTONUMBER: parsed(isNumber),
  STRINGTOOBJECT: parsed((value) => typeOf(value) === 'object'),
  TOSTRING: (value) => (value === undefined ? undefined : isString(value) ? value : JSON.stringify(value)),

  ARRAY_CONCAT: (...lists) => (lists.every(Array.isArray) ? lists.flat() : undefined),
  ARRAY_CONTAINS: list((items, wanted, partial) =>
    wanted === undefined ? undefined : includes(items, wanted, partial === true),
  ),
  ARRAY_CONTAINS_ANY: list((items, ...wanted) => wanted.some((each) => includes(items, each, false))),
  ARRAY_CONTAINS_ALL: list((items, ...wanted) => wanted.every((each) => includes(items, each, false))),
  ARRAY_LENGTH: list((items) => items.length),
  ARRAY_SLICE: list(slice),
  ARRAY_AVG: list((items) =>
    items.length > 0 && items.every(isNumber) ? sum(items) / items.length : undefined,
  ),
  ARRAY_SUM: list((items) => (items.every(isNumber) ? sum(items) : undefined)),
  ARRAY_MIN: list((items) => items.toSorted(compare)[0]),
  ARRAY_MAX: list((items) => items.toSorted(compare).at(-1)),
  ARRAY_MEDIAN: list((items) => (items.every(isNumber) ? median(items) : undefined)),
  SETINTERSECT: (a, b) =>
    Array.isArray(a) && Array.isArray(b) ? unique(a).filter((item) => includes(b, item, false)) : undefined,
  SETUNION: (a, b) => (Array.isArray(a) && Array.isArray(b) ? unique([...a, ...b]) : undefined),
  SETDIFFERENCE: (a, b) =>
    Array.isArray(a) && Array.isArray(b) ? unique(a).filter((item) => !includes(b, item, false)) : undefined,
  SETEQUAL: (a, b) =>
    Array.isArray(a) && Array.isArray(b)
      ? canonical(unique(a).map(canonical).toSorted()) === canonical(unique(b).map(canonical).toSorted())
      : undefined,
  CHOOSE: (index, ...items) => (isNumber(index) ? items[index - 1] : undefined),
  OBJECTTOARRAY: (value, k = 'k', v = 'v') =>
    typeOf(value) === 'object' && isString(k) && isString(v)
      ? Object.entries(value as object).map(([key, each]) => ({ [k]: key, [v]: each }))
      : undefined,
  IIF: (test, a, b) => (test === true ? a : b),

  IS_ARRAY: is('array'),
  IS_BOOL: is('boolean'),
  IS_NULL: is('null'),
  IS_NUMBER: is('number'),
  IS_OBJECT: is('object'),
  IS_STRING: is('string'),
  IS_PRIMITIVE: is('null', 'boolean', 'number', 'string'),
  IS_DEFINED: (value) => value !== undefined,
  IS_FINITE_NUMBER: (value) => Number.isFinite(value),
  IS_INTEGER: (value) => Number.isInteger(value),
  IS_DATETIME: (value) => dateOf(value) !== undefined,

  GETCURRENTDATETIME: () => stamp(new Date()),
  GETCURRENTTIMESTAMP: () => Date.now(),
  GETCURRENTTICKS: () => Date.now() * MS_PER_TICK + TICKS_AT_EPOCH,
  GETCURRENTDATETIMESTATIC: () => stamp(new Date()),
  GETCURRENTTIMESTAMPSTATIC: () => Date.now(),
  GETCURRENTTICKSSTATIC: () => Date.now() * MS_PER_TICK + TICKS_AT_EPOCH,
  DATETIMEADD: dateAdd,
  DATETIMEDIFF: dateDiff,
  DATETIMEPART: (part, value) => {
    const [name, date] = [partOf(part), dateOf(value)];
    return name && date ? PARTS[name]?.(date) : undefined;
  },
  DATETIMEFROMPARTS: (y, mo, d, h = 0, mi = 0, s = 0) =>
    [y, mo, d, h, mi, s].every(isNumber)
      ? stamp(new Date(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))))
      : undefined,
  DATETIMEBIN: (value, part, size = 1) => {
    const [name, date] = [partOf(part), dateOf(value)];
    const unit = name ? MS_OF[name] : undefined;
    if (!date || !unit || !isNumber(size)) return undefined;
    return stamp(new Date(Math.floor(date.getTime() / (unit * size)) * unit * size));
  },
  DATETIMETOTIMESTAMP: (value) => dateOf(value)?.getTime(),
  DATETIMETOTICKS: (value) => {
    const date = dateOf(value);
    return date ? date.getTime() * MS_PER_TICK + TICKS_AT_EPOCH : undefined;
  },
  TIMESTAMPTODATETIME: (value) => (isNumber(value) ? stamp(new Date(value)) : undefined),
  TICKSTODATETIME: (value) =>
    isNumber(value) ? stamp(new Date((value - TICKS_AT_EPOCH) / MS_PER_TICK)) : undefined,
  ...spatial,
};

export function functionNamed(name: string): Fn {
  const found = FUNCTIONS[name];
  if (found) return found;
  if (name.startsWith('udf.')) throw notSupported(`the user-defined function ${name}`);
  throw notSupported(`the function ${name}`);
}

function sum(items: readonly unknown[]): number {
  return items.reduce<number>((total, item) => total + (item as number), 0);
}

function median(items: readonly number[]): number | undefined {
  const sorted = items.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
