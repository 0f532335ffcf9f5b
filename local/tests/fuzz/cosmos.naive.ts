/**
 * The query language evaluated the plain way: over trees that the generator makes, with loops, without text, compilation,
 * indexes or pages. It shares nothing with the engine; where the two differ, one of them is wrong.
 */

export type Value = unknown;

export type Path = readonly ['path', alias: string, keys: readonly (string | number)[]];

export type Tree =
  | readonly ['literal', Value]
  | readonly ['parameter', Value]
  | readonly ['undefined']
  | Path
  | readonly ['not' | 'minus' | 'plus' | 'complement', Tree]
  | readonly ['binary', operator: string, Tree, Tree]
  | readonly ['between', Tree, Tree, Tree, negated: boolean]
  | readonly ['in', Tree, readonly Tree[], negated: boolean]
  | readonly ['like', Tree, pattern: string, negated: boolean]
  | readonly ['choice', Tree, Tree, Tree]
  | readonly ['call', name: string, readonly Tree[]]
  | readonly ['array', readonly Tree[]]
  | readonly ['object', readonly (readonly [string, Tree])[]]
  | readonly ['exists' | 'list' | 'count', of: Path, alias: string, condition: Tree];

export interface Aggregate {
  readonly name: 'COUNT' | 'SUM' | 'AVG' | 'MIN' | 'MAX';
  readonly of: Tree;
}

export interface Shape {
  readonly select:
    | { readonly kind: 'star' }
    | { readonly kind: 'value'; readonly of: Tree }
    | { readonly kind: 'fields'; readonly fields: readonly (readonly [string, Tree])[] }
    | { readonly kind: 'aggregate'; readonly aggregate: Aggregate }
    | {
        readonly kind: 'group';
        readonly keys: readonly (readonly [string, Path])[];
        readonly aggregates: readonly (readonly [string, Aggregate])[];
      };
  readonly distinct: boolean;
  readonly top?: number;
  readonly join?: Path;
  readonly where?: Tree;
  readonly orderBy: readonly { readonly path: Path; readonly descending: boolean }[];
  readonly window?: { readonly offset: number; readonly limit: number };
}

type Inputs = Readonly<Record<string, Value>>;

const kindOf = (value: Value) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : (typeof value as string);

/** Text that is equal for equal values. */
export function fingerprint(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(fingerprint).join()}]`;
  if (kindOf(value) === 'object') {
    const fields = Object.entries(value as object).map(([key, each]) => [
      JSON.stringify(key),
      fingerprint(each),
    ]);
    return `{${fields
      .map(([key, each]) => `${key}:${each}`)
      .sort()
      .join()}}`;
  }
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

const same = (a: Value, b: Value) => kindOf(a) === kindOf(b) && fingerprint(a) === fingerprint(b);

function step(value: Value, key: string | number): Value {
  if (typeof key === 'number') return Array.isArray(value) ? value[key] : undefined;
  return kindOf(value) === 'object' && Object.hasOwn(value as object, key)
    ? (value as Record<string, Value>)[key]
    : undefined;
}

const follow = ([, alias, keys]: Path, inputs: Inputs) => keys.reduce<Value>(step, inputs[alias]);

const negate = (value: Value) => (typeof value === 'boolean' ? !value : undefined);

function less(a: Value, b: Value): boolean | undefined {
  if (kindOf(a) !== kindOf(b)) return undefined;
  if (typeof a === 'number' || typeof a === 'string') return a < (b as typeof a);
  if (typeof a === 'boolean') return !a && b === true;
  return a === null ? false : undefined;
}

function ordered(operator: string, a: Value, b: Value): boolean | undefined {
  if (operator === '<') return less(a, b);
  if (operator === '>') return less(b, a);
  const turned = operator === '<=' ? less(b, a) : less(a, b);
  return turned === undefined ? undefined : !turned;
}

function arithmetic(operator: string, a: number, b: number): number | undefined {
  const results: Readonly<Record<string, () => number>> = {
    '+': () => a + b,
    '-': () => a - b,
    '*': () => a * b,
    '/': () => a / b,
    '%': () => a % b,
    '&': () => a & b,
    '|': () => a | b,
    '^': () => a ^ b,
  };
  const result = results[operator]?.();
  return Number.isFinite(result) ? result : undefined;
}

function binary(operator: string, left: Tree, right: Tree, inputs: Inputs): Value {
  const [a, b] = [value(left, inputs), value(right, inputs)];
  switch (operator) {
    case 'AND':
      if (a === false || b === false) return false;
      return a === true && b === true ? true : undefined;
    case 'OR':
      if (a === true || b === true) return true;
      return a === false && b === false ? false : undefined;
    case '??':
      return a === undefined ? b : a;
    case '||':
      return typeof a === 'string' && typeof b === 'string' ? `${a}${b}` : undefined;
    case '=':
      return a === undefined || b === undefined ? undefined : same(a, b);
    case '!=':
      return a === undefined || b === undefined ? undefined : !same(a, b);
    case '<':
    case '>':
    case '<=':
    case '>=':
      return ordered(operator, a, b);
    default:
      return typeof a === 'number' && typeof b === 'number' ? arithmetic(operator, a, b) : undefined;
  }
}

/** By trying every way that a `%` could be filled. */
function like(text: string, pattern: string): boolean {
  if (pattern === '') return text === '';
  const [first, rest] = [pattern.charAt(0), pattern.slice(1)];
  if (first === '%') {
    for (let at = 0; at <= text.length; at++) if (like(text.slice(at), rest)) return true;
    return false;
  }
  if (text === '') return false;
  return (first === '_' || first === text.charAt(0)) && like(text.slice(1), rest);
}

const FUNCTIONS: Readonly<Record<string, (args: readonly Value[]) => Value>> = {
  LOWER: ([s]) => (typeof s === 'string' ? s.toLowerCase() : undefined),
  UPPER: ([s]) => (typeof s === 'string' ? s.toUpperCase() : undefined),
  LENGTH: ([s]) => (typeof s === 'string' ? s.length : undefined),
  CONTAINS: ([s, t]) =>
    typeof s === 'string' && typeof t === 'string' ? s.split(t).length > 1 || t === '' : undefined,
  STARTSWITH: ([s, t]) =>
    typeof s === 'string' && typeof t === 'string' ? s.slice(0, t.length) === t : undefined,
  ENDSWITH: ([s, t]) =>
    typeof s === 'string' && typeof t === 'string'
      ? t.length <= s.length && s.slice(s.length - t.length) === t
      : undefined,
  INDEX_OF: ([s, t]) => {
    if (typeof s !== 'string' || typeof t !== 'string') return undefined;
    for (let at = 0; at + t.length <= s.length; at++) if (s.slice(at, at + t.length) === t) return at;
    return -1;
  },
  LEFT: ([s, n]) =>
    typeof s === 'string' && typeof n === 'number' ? s.slice(0, n < 0 ? 0 : Math.trunc(n)) : undefined,
  ABS: ([x]) => (typeof x === 'number' ? (x < 0 ? -x : x) : undefined),
  FLOOR: ([x]) => (typeof x === 'number' ? Math.floor(x) : undefined),
  CEILING: ([x]) => (typeof x === 'number' ? -Math.floor(-x) : undefined),
  SIGN: ([x]) => (typeof x === 'number' ? (x > 0 ? 1 : x < 0 ? -1 : 0) : undefined),
  ARRAY_LENGTH: ([list]) => (Array.isArray(list) ? list.length : undefined),
  ARRAY_CONTAINS: ([list, wanted]) =>
    Array.isArray(list) && wanted !== undefined ? list.some((each) => same(each, wanted)) : undefined,
  IS_DEFINED: ([x]) => x !== undefined,
  IS_NULL: ([x]) => x === null,
  IS_NUMBER: ([x]) => typeof x === 'number',
  IS_STRING: ([x]) => typeof x === 'string',
  IS_BOOL: ([x]) => typeof x === 'boolean',
  IS_ARRAY: ([x]) => Array.isArray(x),
  IS_OBJECT: ([x]) => kindOf(x) === 'object',
  IS_PRIMITIVE: ([x]) => x === null || ['boolean', 'number', 'string'].includes(typeof x),
  IIF: ([test, a, b]) => (test === true ? a : b),
};

/** Names of the functions, with the number of their arguments. */
export const ARITY: ReadonlyMap<string, number> = new Map(
  Object.keys(FUNCTIONS).map((name) => [
    name,
    name === 'IIF'
      ? 3
      : ['CONTAINS', 'STARTSWITH', 'ENDSWITH', 'INDEX_OF', 'LEFT', 'ARRAY_CONTAINS'].includes(name)
        ? 2
        : 1,
  ]),
);

export function value(tree: Tree, inputs: Inputs): Value {
  switch (tree[0]) {
    case 'literal':
    case 'parameter':
      return tree[1];
    case 'undefined':
      return undefined;
    case 'path':
      return follow(tree, inputs);
    case 'not':
      return negate(value(tree[1], inputs));
    case 'minus':
    case 'plus':
    case 'complement': {
      const operand = value(tree[1], inputs);
      if (typeof operand !== 'number') return undefined;
      return tree[0] === 'minus' ? -operand : tree[0] === 'plus' ? operand : -(operand | 0) - 1;
    }
    case 'binary':
      return binary(tree[1], tree[2], tree[3], inputs);
    case 'between': {
      const both = binary(
        'AND',
        ['binary', '>=', tree[1], tree[2]],
        ['binary', '<=', tree[1], tree[3]],
        inputs,
      );
      return tree[4] ? negate(both) : both;
    }
    case 'in': {
      const wanted = value(tree[1], inputs);
      if (wanted === undefined) return undefined;
      const found = tree[2]
        .map((each) => value(each, inputs))
        .some((each) => each !== undefined && same(each, wanted));
      return found !== tree[3];
    }
    case 'like': {
      const text = value(tree[1], inputs);
      return typeof text === 'string' ? like(text, tree[2]) !== tree[3] : undefined;
    }
    case 'choice':
      return value(value(tree[1], inputs) === true ? tree[2] : tree[3], inputs);
    case 'call':
      return FUNCTIONS[tree[1]]?.(tree[2].map((each) => value(each, inputs)));
    case 'array':
      return tree[1].map((each) => value(each, inputs)).filter((each) => each !== undefined);
    case 'object':
      return record(tree[1], inputs);
    case 'exists':
    case 'list':
    case 'count': {
      const list = follow(tree[1], inputs);
      const all = Array.isArray(list) ? list : [];
      const found = all.filter((each) => value(tree[3], { ...inputs, [tree[2]]: each }) === true);
      if (tree[0] === 'exists') return found.length > 0;
      return tree[0] === 'list' ? found : found.length;
    }
    default:
      return tree satisfies never;
  }
}

function record(fields: readonly (readonly [string, Tree])[], inputs: Inputs): Value {
  const found = fields.map(([name, of]) => [name, value(of, inputs)] as const);
  return Object.fromEntries(found.filter(([, each]) => each !== undefined));
}

const RANKS = ['undefined', 'null', 'boolean', 'number', 'string'];

/** Of primitives: ORDER BY, MIN and MAX. */
function compare(a: Value, b: Value): number {
  const ranks = RANKS.indexOf(kindOf(a)) - RANKS.indexOf(kindOf(b));
  if (ranks !== 0) return ranks;
  return less(a, b) === true ? -1 : less(b, a) === true ? 1 : 0;
}

function aggregated({ name, of }: Aggregate, rows: readonly Inputs[]): Value {
  const values = rows.map((row) => value(of, row)).filter((each) => each !== undefined);
  if (name === 'COUNT') return values.length;
  if (name === 'SUM' || name === 'AVG') {
    if (!values.every((each) => typeof each === 'number')) return undefined;
    let sum = 0;
    for (const each of values) sum += each;
    const result = name === 'SUM' ? sum : sum / values.length;
    return Number.isFinite(result) ? result : undefined;
  }
  if (values.some((each) => !RANKS.includes(kindOf(each)))) return undefined;
  const sorted = values.toSorted(compare);
  return name === 'MIN' ? sorted[0] : sorted.at(-1);
}

function projected(select: Shape['select'], rows: readonly Inputs[]): Value[] {
  switch (select.kind) {
    case 'star':
      return rows.map(({ c }) => c);
    case 'value':
      return rows.map((row) => value(select.of, row));
    case 'fields':
      return rows.map((row) => record(select.fields, row));
    case 'aggregate':
      return [aggregated(select.aggregate, rows)];
    case 'group': {
      const groups = new Map<string, Inputs[]>();
      for (const row of rows) {
        const key = select.keys.map(([, path]) => fingerprint(follow(path, row))).join('|');
        groups.set(key, [...(groups.get(key) ?? []), row]);
      }
      return [...groups.values()].map((members) =>
        Object.fromEntries(
          [
            ...select.keys.map(([name, path]) => [name, follow(path, members[0] ?? {})] as const),
            ...select.aggregates.map(([name, each]) => [name, aggregated(each, members)] as const),
          ].filter(([, each]) => each !== undefined),
        ),
      );
    }
    default:
      return select satisfies never;
  }
}

/** The rows of a query over documents in the order of their creation. */
export function rowsOf(shape: Shape, documents: readonly Value[]): Value[] {
  let rows: Inputs[] = documents.map((c) => ({ c }));
  const { join, where, orderBy, window } = shape;
  if (join)
    rows = rows.flatMap((row) => {
      const list = follow(join, row);
      return Array.isArray(list) ? list.map((t: Value) => ({ ...row, t })) : [];
    });
  if (where) rows = rows.filter((row) => value(where, row) === true);
  if (orderBy.length > 0)
    rows = rows.toSorted((a, b) => {
      for (const { path, descending } of orderBy) {
        const order = compare(follow(path, a), follow(path, b));
        if (order !== 0) return descending ? -order : order;
      }
      return 0;
    });
  let found = projected(shape.select, rows).filter((row) => row !== undefined);
  if (shape.distinct) {
    const seen = new Set<string>();
    found = found.filter((row) => !seen.has(fingerprint(row)) && seen.add(fingerprint(row)));
  }
  if (window) found = found.slice(window.offset, window.offset + window.limit);
  return shape.top === undefined ? found : found.slice(0, shape.top);
}
