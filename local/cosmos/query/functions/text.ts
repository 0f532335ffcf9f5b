/** String functions. https://learn.microsoft.com/cosmos-db/query/functions */
import { and, or, typeOf } from '../values.ts';
import { matches } from './regex.ts';
import { ANY_NUMBER, type Fn, isNumber, isString, isWhole, type SystemFunction, takes } from './signature.ts';

/** Longest result of REPLICATE; beyond it, the result is undefined. */
const MAX_REPLICATED = 10_000;

const text = (f: (s: string) => unknown): SystemFunction => takes(1, (s) => (isString(s) ? f(s) : undefined));

/** `ignoreCase` is an optional third argument. */
const search = (f: (a: string, b: string) => boolean): SystemFunction =>
  takes(
    2,
    (a, b, ignoreCase) => {
      if (!isString(a) || !isString(b)) return undefined;
      return ignoreCase === true ? f(a.toLowerCase(), b.toLowerCase()) : f(a, b);
    },
    3,
  );

/** CONTAINS of each of the texts, joined by AND or OR. */
const searches = (join: typeof and, start: boolean, ignoreCase: boolean): SystemFunction =>
  takes(
    2,
    (a, ...list) => {
      const within = (b: unknown) => {
        if (!isString(a) || !isString(b)) return undefined;
        return ignoreCase ? a.toLowerCase().includes(b.toLowerCase()) : a.includes(b);
      };
      return list.map(within).reduce<unknown>((found, each) => join(found, each), start);
    },
    ANY_NUMBER,
  );

/** Trims white space without a second argument, and each of its characters with one. */
function trim(start: boolean, end: boolean): SystemFunction {
  return takes(
    1,
    (s, characters) => {
      if (!isString(s) || (characters !== undefined && !isString(characters))) return undefined;
      const cut = (at: number) =>
        characters === undefined ? /\s/.test(s.charAt(at)) : characters.includes(s.charAt(at));
      let [from, to] = [0, s.length];
      while (start && from < to && cut(from)) from++;
      while (end && from < to && cut(to - 1)) to--;
      return s.slice(from, to);
    },
    2,
  );
}

/** Modifiers: `i` ignores case, `m` is multi-line, `s` lets a dot match any character, `x` ignores white space in the pattern. */
const regex: Fn = (value, pattern, modifiers = '') => {
  if (!isString(value) || !isString(pattern) || !isString(modifiers) || /[^imsx]/.test(modifiers))
    return undefined;
  const source = modifiers.includes('x') ? pattern.replace(/\s+/g, '') : pattern;
  return matches(value, source, [...new Set(modifiers.replaceAll('x', ''))].join(''));
};

const substring: Fn = (value, start, length) => {
  if (!isString(value) || !isNumber(start) || !isNumber(length)) return undefined;
  const from = Math.max(0, start);
  return value.slice(from, from + Math.max(0, length));
};

const parsed = (accept: (value: unknown) => boolean): SystemFunction =>
  text((s) => {
    try {
      const value: unknown = JSON.parse(s.trim());
      return accept(value) ? value : undefined;
    } catch {
      return undefined;
    }
  });

function textOf(value: unknown): string | undefined {
  if (value === undefined || isString(value)) return value;
  return isNumber(value) ? String(value) : JSON.stringify(value);
}

export const TEXT: Readonly<Record<string, SystemFunction>> = {
  CONCAT: takes(2, (...parts) => (parts.every(isString) ? parts.join('') : undefined), ANY_NUMBER),
  CONTAINS: search((a, b) => a.includes(b)),
  CONTAINS_ALL_CI: searches(and, true, true),
  CONTAINS_ALL_CS: searches(and, true, false),
  CONTAINS_ANY_CI: searches(or, false, true),
  CONTAINS_ANY_CS: searches(or, false, false),
  STARTSWITH: search((a, b) => a.startsWith(b)),
  ENDSWITH: search((a, b) => a.endsWith(b)),
  STRINGEQUALS: search((a, b) => a === b),
  REGEXMATCH: takes(2, regex, 3),
  INDEX_OF: takes(
    2,
    (a, b, start = 0) =>
      isString(a) && isString(b) && isWhole(start) && start >= 0 ? a.indexOf(b, start) : undefined,
    3,
  ),
  LASTINDEXOF: takes(
    2,
    (a, b, start) => {
      if (!isString(a) || !isString(b)) return undefined;
      if (start === undefined) return a.lastIndexOf(b);
      return isWhole(start) && start >= 0 ? a.slice(0, start + 1).lastIndexOf(b) : undefined;
    },
    3,
  ),
  LENGTH: text((s) => s.length),
  LOWER: text((s) => s.toLowerCase()),
  UPPER: text((s) => s.toUpperCase()),
  LTRIM: trim(true, false),
  RTRIM: trim(false, true),
  TRIM: trim(true, true),
  REVERSE: text((s) => Array.from(s).toReversed().join('')),
  LEFT: takes(2, (s, n) => (isString(s) && isNumber(n) ? s.slice(0, Math.max(0, n)) : undefined)),
  RIGHT: takes(2, (s, n) => (isString(s) && isNumber(n) ? (n <= 0 ? '' : s.slice(-n)) : undefined)),
  SUBSTRING: takes(3, substring),
  REPLACE: takes(3, (s, a, b) =>
    isString(s) && isString(a) && isString(b) ? (a === '' ? s : s.replaceAll(a, () => b)) : undefined,
  ),
  REPLICATE: takes(2, (s, n) =>
    isString(s) && isWhole(n) && n >= 0 && s.length * n <= MAX_REPLICATED ? s.repeat(n) : undefined,
  ),
  STRINGSPLIT: takes(2, (s, by) => (isString(s) && isString(by) ? s.split(by) : undefined)),
  STRINGJOIN: takes(2, (items, by) =>
    Array.isArray(items) && items.every(isString) && isString(by) ? items.join(by) : undefined,
  ),
  STRINGTOARRAY: parsed(Array.isArray),
  STRINGTOBOOLEAN: parsed((value) => typeof value === 'boolean'),
  STRINGTONULL: parsed((value) => value === null),
  STRINGTONUMBER: parsed(Number.isFinite),
  STRINGTOOBJECT: parsed((value) => typeOf(value) === 'object'),
  TOSTRING: takes(1, textOf),
};
