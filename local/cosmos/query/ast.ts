/** The syntax tree of a query. */

export type Expression =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'undefined' }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Expression; readonly key: Expression }
  | { readonly kind: 'unary'; readonly op: string; readonly of: Expression }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'between'; readonly of: Expression; readonly low: Expression; readonly high: Expression }
  | { readonly kind: 'in'; readonly of: Expression; readonly list: readonly Expression[] }
  | {
      readonly kind: 'like';
      readonly of: Expression;
      readonly pattern: Expression;
      readonly escape?: Expression;
    }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly whenTrue: Expression;
      readonly whenFalse: Expression;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | {
      readonly kind: 'object';
      readonly fields: readonly { readonly name: string; readonly value: Expression }[];
    }
  | { readonly kind: 'subquery'; readonly form: 'exists' | 'array' | 'scalar'; readonly query: Query };

export interface SelectItem {
  readonly value: Expression;
  readonly alias: string;
}

export type Select =
  | { readonly kind: 'star' }
  | { readonly kind: 'value'; readonly value: Expression }
  | { readonly kind: 'list'; readonly items: readonly SelectItem[] };

/** A collection that rows are taken from: the container, a path of an input, or a subquery. */
export type Source =
  | { readonly kind: 'root' }
  | { readonly kind: 'path'; readonly path: Expression }
  | { readonly kind: 'subquery'; readonly query: Query };

export interface From {
  readonly alias: string;
  readonly source: Source;
  /** `x IN c.tags`: one row for each element. */
  readonly iterate: boolean;
}

export interface OrderBy {
  readonly value: Expression;
  readonly descending: boolean;
}

export interface Query {
  readonly select: Select;
  readonly distinct: boolean;
  readonly top?: Expression;
  readonly from: readonly From[];
  readonly where?: Expression;
  readonly groupBy: readonly Expression[];
  readonly orderBy: readonly OrderBy[];
  readonly offset?: Expression;
  readonly limit?: Expression;
}

export const AGGREGATES: ReadonlySet<string> = new Set(['COUNT', 'SUM', 'AVG', 'MIN', 'MAX']);

/** The parts of an expression; those of a subquery are not among them. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'member':
      return [expression.of, expression.key];
    case 'unary':
      return [expression.of];
    case 'binary':
      return [expression.left, expression.right];
    case 'between':
      return [expression.of, expression.low, expression.high];
    case 'in':
      return [expression.of, ...expression.list];
    case 'like':
      return [expression.of, expression.pattern, ...(expression.escape ? [expression.escape] : [])];
    case 'conditional':
      return [expression.test, expression.whenTrue, expression.whenFalse];
    case 'call':
      return expression.args;
    case 'array':
      return expression.items;
    case 'object':
      return expression.fields.map(({ value }) => value);
    case 'literal':
    case 'undefined':
    case 'parameter':
    case 'input':
    case 'subquery':
      return [];
    default:
      return expression satisfies never;
  }
}

/** Aggregates of this query's own level, subqueries left out. */
export function aggregatesIn(expression: Expression): Extract<Expression, { kind: 'call' }>[] {
  if (expression.kind === 'call' && AGGREGATES.has(expression.name)) return [expression];
  return childrenOf(expression).flatMap(aggregatesIn);
}

export function selected(select: Select): readonly Expression[] {
  if (select.kind === 'value') return [select.value];
  return select.kind === 'list' ? select.items.map(({ value }) => value) : [];
}
