/**
 * Date and time functions: texts such as `2026-11-24T10:20:30.1234567Z`, ticks of 100 ns since 1970.
 *
 * D1 Every tick counts: instants are whole ticks, since a JavaScript date would lose four digits.
 * D2 An invalid date, or one outside the years 1 to 9999, is undefined.
 * https://learn.microsoft.com/cosmos-db/query/functions
 */
import { isNumber, isString, isWhole, type SystemFunction, takes } from './signature.ts';

const TICKS_PER_MS = 10_000n;
const TICKS_PER_SECOND = 10_000_000n;
const NANOSECONDS_PER_TICK = 100n;
const FIRST = ticksOf(1, 1, 1);
const LAST = ticksOf(9999, 12, 31, 23, 59, 59) + TICKS_PER_SECOND - 1n;
const TEXT = /^(\d{4})-(\d\d)-(\d\d)(?:Z|[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?Z?)?$/;

type Part = 'yyyy' | 'mm' | 'dd' | 'hh' | 'mi' | 'ss' | 'ms' | 'mcs' | 'ns';

const PARTS: ReadonlyMap<string, Part> = new Map(
  (
    [
      ['yyyy', 'year', 'yy'],
      ['mm', 'month', 'm'],
      ['dd', 'day', 'd'],
      ['hh', 'hour'],
      ['mi', 'minute', 'n'],
      ['ss', 'second', 's'],
      ['ms', 'millisecond'],
      ['mcs', 'microsecond'],
      ['ns', 'nanosecond'],
    ] as const
  ).flatMap(([part, ...others]) => [part, ...others].map((name) => [name, part] as const)),
);

/** Nanoseconds, of the parts that are always equally long. */
const LENGTH: ReadonlyMap<Part, bigint> = new Map([
  ['dd', 86_400_000_000_000n],
  ['hh', 3_600_000_000_000n],
  ['mi', 60_000_000_000n],
  ['ss', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['mcs', 1_000n],
  ['ns', 1n],
]);

const partOf = (name: unknown) => (isString(name) ? PARTS.get(name.toLowerCase()) : undefined);

function ticksOf(y: number, mo: number, d: number, h = 0, mi = 0, s = 0): bigint {
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  date.setUTCHours(h, mi, s, 0);
  return BigInt(date.getTime()) * TICKS_PER_MS;
}

function daysOf(year: number, month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return date.getUTCDate();
}

/** Undefined where a part is out of its range. */
function fromParts(parts: readonly number[]): bigint | undefined {
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, fraction = 0] = parts;
  const within = (value: number, low: number, high: number) => value >= low && value <= high;
  const right =
    parts.every(isWhole) &&
    within(y, 1, 9999) &&
    within(mo, 1, 12) &&
    within(d, 1, daysOf(y, mo)) &&
    within(h, 0, 23) &&
    within(mi, 0, 59) &&
    within(s, 0, 59) &&
    within(fraction, 0, 9_999_999);
  return right ? ticksOf(y, mo, d, h, mi, s) + BigInt(fraction) : undefined;
}

function read(value: unknown): bigint | undefined {
  const match = isString(value) ? TEXT.exec(value) : undefined;
  if (!match) return undefined;
  const [y, mo, d, h = '0', mi = '0', s = '0', fraction = '0'] = match.slice(1);
  return fromParts([y, mo, d, h, mi, s, fraction.padEnd(7, '0')].map(Number));
}

function write(ticks: bigint): string | undefined {
  if (ticks < FIRST || ticks > LAST) return undefined;
  const fraction = floorMod(ticks, TICKS_PER_SECOND);
  const date = new Date(Number((ticks - fraction) / TICKS_PER_MS));
  return `${date.toISOString().slice(0, 19)}.${String(fraction).padStart(7, '0')}Z`;
}

function floorMod(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return rest < 0n ? rest + b : rest;
}

const floorDivide = (a: bigint, b: bigint) => (a - floorMod(a, b)) / b;

const dateOf = (ticks: bigint) => new Date(Number(floorDivide(ticks, TICKS_PER_MS)));

/** The end of a month stays within it: the day is limited to the month's length. */
function addMonths(ticks: bigint, months: number): bigint | undefined {
  const date = dateOf(ticks);
  const total = date.getUTCFullYear() * 12 + date.getUTCMonth() + months;
  const [year, month] = [Math.floor(total / 12), (((total % 12) + 12) % 12) + 1];
  if (year < 1 || year > 9999) return undefined;
  const day = Math.min(date.getUTCDate(), daysOf(year, month));
  return ticksOf(year, month, day) + floorMod(ticks, 864_000_000_000n);
}

function add(name: unknown, amount: unknown, ticks: bigint | undefined): string | undefined {
  const part = partOf(name);
  if (!part || ticks === undefined || !isWhole(amount)) return undefined;
  const length = LENGTH.get(part);
  const sum =
    length === undefined
      ? addMonths(ticks, part === 'yyyy' ? amount * 12 : amount)
      : ticks + floorDivide(length * BigInt(amount), NANOSECONDS_PER_TICK);
  return sum === undefined ? undefined : write(sum);
}

/** The number of boundaries of the part between the two. */
function difference(name: unknown, from: unknown, to: unknown): number | undefined {
  const [part, a, b] = [partOf(name), read(from), read(to)];
  if (!part || a === undefined || b === undefined) return undefined;
  const length = LENGTH.get(part);
  if (length !== undefined) {
    const count = (ticks: bigint) => floorDivide(ticks * NANOSECONDS_PER_TICK, length);
    return Number(count(b) - count(a));
  }
  const years = dateOf(b).getUTCFullYear() - dateOf(a).getUTCFullYear();
  return part === 'yyyy' ? years : years * 12 + dateOf(b).getUTCMonth() - dateOf(a).getUTCMonth();
}

function component(name: unknown, value: unknown): number | undefined {
  const [part, ticks] = [partOf(name), read(value)];
  if (!part || ticks === undefined) return undefined;
  const date = dateOf(ticks);
  const fraction = Number(floorMod(ticks, TICKS_PER_SECOND));
  const found: Readonly<Record<Part, number>> = {
    yyyy: date.getUTCFullYear(),
    mm: date.getUTCMonth() + 1,
    dd: date.getUTCDate(),
    hh: date.getUTCHours(),
    mi: date.getUTCMinutes(),
    ss: date.getUTCSeconds(),
    ms: Math.floor(fraction / 10_000),
    mcs: Math.floor(fraction / 10),
    ns: fraction * 100,
  };
  return found[part];
}

/** The start of a date's bin, counted from `origin`. */
function bin(value: unknown, name: unknown, size: unknown = 1, origin?: unknown): string | undefined {
  const [ticks, part] = [read(value), partOf(name)];
  const start = origin === undefined ? 0n : read(origin);
  const length = part && LENGTH.get(part);
  if (ticks === undefined || start === undefined || !length || !isWhole(size) || size <= 0) return undefined;
  const wide = length * BigInt(size);
  const whole = floorDivide((ticks - start) * NANOSECONDS_PER_TICK, wide) * wide;
  return write(start + floorDivide(whole, NANOSECONDS_PER_TICK));
}

const FORMAT = /yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|tt/g;

/** Format letters of .NET: `yyyy-MM-dd HH:mm:ss.fff`. */
function format(value: unknown, pattern: unknown): string | undefined {
  const ticks = read(value);
  if (ticks === undefined || !isString(pattern)) return undefined;
  const date = dateOf(ticks);
  const hours = date.getUTCHours();
  const fraction = String(floorMod(ticks, TICKS_PER_SECOND)).padStart(7, '0');
  const of: Readonly<Record<string, number>> = {
    y: date.getUTCFullYear(),
    M: date.getUTCMonth() + 1,
    d: date.getUTCDate(),
    H: hours,
    h: hours % 12 || 12,
    m: date.getUTCMinutes(),
    s: date.getUTCSeconds(),
  };
  return pattern.replace(FORMAT, (letters) => {
    if (letters === 'tt') return hours < 12 ? 'AM' : 'PM';
    if (letters.startsWith('f')) return fraction.slice(0, letters.length);
    const digits = String(of[letters.charAt(0)]).padStart(letters.length, '0');
    return letters === 'yy' ? digits.slice(-2) : digits;
  });
}

const now = () => BigInt(Date.now()) * TICKS_PER_MS;
const part = (name: Part) => takes(1, (value) => component(name, value));
const currentText = takes(0, () => write(now()));
const currentTimestamp = takes(0, () => Date.now());
const currentTicks = takes(0, () => Number(now()));

export const DATES: Readonly<Record<string, SystemFunction>> = {
  GETCURRENTDATETIME: currentText,
  GETCURRENTDATETIMESTATIC: currentText,
  GETCURRENTTIMESTAMP: currentTimestamp,
  GETCURRENTTIMESTAMPSTATIC: currentTimestamp,
  GETCURRENTTICKS: currentTicks,
  GETCURRENTTICKSSTATIC: currentTicks,
  NOW: currentText,
  AGO: takes(2, (name, amount) => add(name, isWhole(amount) ? -amount : undefined, now())),
  DATETIMEADD: takes(3, (name, amount, value) => add(name, amount, read(value))),
  DATETIMEBIN: takes(2, bin, 4),
  DATETIMEDIFF: takes(3, difference),
  DATETIMEFORMAT: takes(2, format),
  DATETIMEFROMPARTS: takes(
    3,
    (...parts) => {
      const ticks = parts.every(isNumber) ? fromParts(parts) : undefined;
      return ticks === undefined ? undefined : write(ticks);
    },
    7,
  ),
  DATETIMEPART: takes(2, component),
  DATETIMETOTICKS: takes(1, (value) => {
    const ticks = read(value);
    return ticks === undefined ? undefined : Number(ticks);
  }),
  DATETIMETOTIMESTAMP: takes(1, (value) => {
    const ticks = read(value);
    return ticks === undefined ? undefined : Number(floorDivide(ticks, TICKS_PER_MS));
  }),
  TICKSTODATETIME: takes(1, (value) => (isWhole(value) ? write(BigInt(value)) : undefined)),
  TIMESTAMPTODATETIME: takes(1, (value) =>
    isWhole(value) ? write(BigInt(value) * TICKS_PER_MS) : undefined,
  ),
  YEAR: part('yyyy'),
  MONTH: part('mm'),
  DAY: part('dd'),
  IS_DATETIME: takes(1, (value) => read(value) !== undefined),
};
