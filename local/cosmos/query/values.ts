/**
 * Defines values and their order. `undefined` is JavaScript's: the result of a path that does not exist; it is not null.
 * Order of types in ORDER BY: undefined < null < false < true < numbers < strings < arrays < objects.
 */

export type TypeName = 'undefined' | 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as TypeName;
}

const RANK: Readonly<Record<TypeName, number>> = {
  undefined: 0,
  null: 1,
  boolean: 2,
  number: 3,
  string: 4,
  array: 5,
  object: 6,
};

/** Total order, for ORDER BY, MIN and MAX. */
export function compare(a: unknown, b: unknown): number {
  const [left, right] = [typeOf(a), typeOf(b)];
  if (left !== right) return RANK[left] - RANK[right];
  if (left === 'number' || left === 'boolean') return Number(a) - Number(b);
  if (left === 'string') return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0;
  if (left === 'array' || left === 'object') {
    const [x, y] = [canonical(a), canonical(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return 0;
}

/** Equality of query values: undefined when either side is. */
export function equals(a: unknown, b: unknown): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  const left = typeOf(a);
  if (left !== typeOf(b)) return false;
  return left === 'array' || left === 'object' ? canonical(a) === canonical(b) : a === b;
}

/** Ranges compare within one type only; numbers, strings, booleans. */
export function ranges(op: string, a: unknown, b: unknown): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  const type = typeOf(a);
  if (type !== typeOf(b) || type === 'array' || type === 'object') return undefined;
  const order = compare(a, b);
  switch (op) {
    case '<':
      return order < 0;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    default:
      return order >= 0;
  }
}

/** The same text for equal values, regardless of the order of their keys. */
export function canonical(value: unknown): string {
  if (value === undefined) return 'undefined';
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export function and(a: unknown, b: unknown): boolean | undefined {
  if (a === false || b === false) return false;
  return a === true && b === true ? true : undefined;
}

export function or(a: unknown, b: unknown): boolean | undefined {
  if (a === true || b === true) return true;
  return a === false && b === false ? false : undefined;
}
