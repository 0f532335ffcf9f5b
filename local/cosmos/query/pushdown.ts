/**
 * Translates the part of a query that SQLite can filter before a document is parsed.
 *
 * P1 A filter passes every document that satisfies the WHERE clause, and perhaps more: the query is still evaluated.
 * P2 Only conjuncts over paths of the container's document are translated, and only values whose order is the same in SQLite
 *    and in Cosmos DB: numbers up to 2^53, and ASCII texts.
 * P3 The partition key, compared with values, is looked up by the index of the table: partitions that are not named are not read.
 */
import { aggregatesIn, childrenOf, type Expression, type Query, selected } from './ast.ts';

export interface Filter {
  /** SQL over the columns of a row; each `?` is one of `values`. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

type Parameters = ReadonlyMap<string, unknown>;

const OPERATORS: Readonly<Record<string, string>> = { '=': '=', '<': '<', '>': '>', '<=': '<=', '>=': '>=' };
const FLIPPED: Readonly<Record<string, string>> = { '=': '=', '<': '>', '>': '<', '<=': '>=', '>=': '<=' };
const NAME = /^[A-Za-z]\w*$/;
// oxlint-disable-next-line no-control-regex -- the bounds of ASCII without NUL, which SQLite's JSON functions end a text at
const ASCII = /^[\x01-\x7f]*$/;
const MAX_LIST = 50;
/** Of partitions, which are found by index. */
const MAX_KEYS = 500;
/** SQLite limits the depth of expressions; the rest is evaluated here. */
const MAX_FILTERS = 50;

/** The alias that stands for the container's document, if a row begins with one. */
export function rootOf(query: Query): string | undefined {
  const [first] = query.from;
  return first?.source.kind === 'root' && !first.iterate ? first.alias : undefined;
}

/** @param keyPaths the container's partition key: `/cell` */
export function filtersOf(query: Query, parameters: Parameters, keyPaths: readonly string[]): Filter[] {
  const alias = rootOf(query);
  if (alias === undefined || query.from.slice(1).some((from) => from.alias === alias)) return [];
  const root: Root = { alias, keyPath: keyPaths.length === 1 ? keyPaths[0]?.replace('/', '$.') : undefined };
  const filters: Filter[] = [];
  // A chain of ANDs leans to the left, and may be thousands long: no recursion along it.
  for (let where = query.where; where && filters.length < MAX_FILTERS; ) {
    const isChain: boolean = where.kind === 'binary' && where.op === 'AND';
    const [last, rest]: readonly [Expression, Expression | undefined] =
      where.kind === 'binary' && isChain ? [where.right, where.left] : [where, undefined];
    filters.push(...conjuncts(last, root, parameters));
    where = rest;
  }
  return filters.slice(0, MAX_FILTERS);
}

interface Root {
  readonly alias: string;
  /** `$.cell`; undefined where the key has several levels. */
  readonly keyPath: string | undefined;
}

function conjuncts(where: Expression, root: Root, parameters: Parameters): Filter[] {
  if (where.kind === 'binary' && where.op === 'AND')
    return [...conjuncts(where.left, root, parameters), ...conjuncts(where.right, root, parameters)];
  const filter = keysOf(where, root, parameters) ?? filterOf(where, root.alias, parameters);
  return filter ? [filter] : [];
}

/** The partitions that `c.cell = 'a'` or `c.cell IN ('a', 'b')` asks for. */
function keysOf(where: Expression, { alias, keyPath }: Root, parameters: Parameters): Filter | undefined {
  const [of, list] =
    where.kind === 'in'
      ? [where.of, where.list]
      : where.kind === 'binary' && where.op === '='
        ? [where.left, [where.right]]
        : [undefined, []];
  if (of === undefined || keyPath === undefined || pathOf(of, alias) !== keyPath) return undefined;
  if (list.length > MAX_KEYS) return undefined;
  const values = list.map((each) => constant(each, parameters));
  if (values.some((value) => value === undefined)) return undefined;
  return {
    sql: `pk IN (${values.map(() => '?').join(',')})`,
    values: values.map((value) => JSON.stringify([value])),
  };
}

function filterOf(where: Expression, alias: string, parameters: Parameters): Filter | undefined {
  if (where.kind === 'binary') {
    return (
      comparison(where.left, OPERATORS[where.op], where.right, alias, parameters) ??
      comparison(where.right, FLIPPED[where.op], where.left, alias, parameters)
    );
  }
  if (where.kind === 'between') {
    const low = comparison(where.of, '>=', where.low, alias, parameters);
    const high = comparison(where.of, '<=', where.high, alias, parameters);
    return low && high
      ? { sql: `${low.sql} AND ${high.sql}`, values: [...low.values, ...high.values] }
      : (low ?? high);
  }
  if (where.kind === 'in' && where.list.length <= MAX_LIST) {
    const column = columnOf(where.of, alias);
    const values = where.list.map((each) => constant(each, parameters));
    return column && values.every((value) => value !== undefined)
      ? { sql: `${column} IN (${values.map(() => '?').join(',')})`, values }
      : undefined;
  }
  return undefined;
}

function comparison(
  of: Expression,
  operator: string | undefined,
  to: Expression,
  alias: string,
  parameters: Parameters,
): Filter | undefined {
  const column = operator && columnOf(of, alias);
  const value = column ? constant(to, parameters) : undefined;
  return value === undefined ? undefined : { sql: `${column} ${operator} ?`, values: [value] };
}

/** The id has its own column, with an index. */
function columnOf(of: Expression, alias: string): string | undefined {
  const path = pathOf(of, alias);
  if (path === undefined || path === '$') return undefined;
  return path === '$.id' ? 'id' : `json_extract(body, '${path}')`;
}

function pathOf(expression: Expression, alias: string): string | undefined {
  if (expression.kind === 'input') return expression.name === alias ? '$' : undefined;
  if (expression.kind !== 'member' || expression.key.kind !== 'literal') return undefined;
  const { value } = expression.key;
  const of = pathOf(expression.of, alias);
  return of && typeof value === 'string' && NAME.test(value) ? `${of}.${value}` : undefined;
}

function constant(expression: Expression, parameters: Parameters): string | number | undefined {
  const value =
    expression.kind === 'literal'
      ? expression.value
      : expression.kind === 'parameter'
        ? parameters.get(expression.name)
        : undefined;
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
  return typeof value === 'string' && ASCII.test(value) ? value : undefined;
}

/** Whether the query can see `_rid`, `_ts` and the like, or the whole document. */
export function needsSystem(query: Query): boolean {
  const alias = rootOf(query);
  if (alias === undefined || query.from.length > 1) return true;
  const parts = [
    ...(isWhole(query) ? [] : selected(query.select)),
    ...(query.where ? [query.where] : []),
    ...query.orderBy.map(({ value }) => value),
    ...query.groupBy,
  ];
  return parts.some(seesSystem);
}

function seesSystem(expression: Expression): boolean {
  if (expression.kind === 'input' || expression.kind === 'subquery') return true;
  if (expression.kind === 'member' && expression.of.kind === 'input') {
    const { key } = expression;
    return key.kind !== 'literal' || String(key.value).startsWith('_');
  }
  return childrenOf(expression).some(seesSystem);
}

/** Whether a row of the answer is the document itself: `SELECT *`, `SELECT VALUE c`. */
export function isWhole(query: Query): boolean {
  const alias = rootOf(query);
  if (alias === undefined || query.from.length > 1) return false;
  const { select } = query;
  return (
    select.kind === 'star' ||
    (select.kind === 'value' && select.value.kind === 'input' && select.value.name === alias)
  );
}

/** Whether rows can be produced document by document, without the others. */
export function isStreamable(query: Query): boolean {
  return (
    rootOf(query) !== undefined &&
    query.orderBy.length === 0 &&
    query.groupBy.length === 0 &&
    !query.distinct &&
    query.top === undefined &&
    query.offset === undefined &&
    selected(query.select).every((value) => aggregatesIn(value).length === 0)
  );
}
