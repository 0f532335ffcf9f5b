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
      readonly then: Expression;
      readonly otherwise: Expression;
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

/** Aggregates of this query's own level, subqueries left out. */
export function aggregatesIn(expression: Expression): Extract<Expression, { kind: 'call' }>[] {
  switch (expression.kind) {
    case 'call':
      return AGGREGATES.has(expression.name) ? [expression] : expression.args.flatMap(aggregatesIn);
    case 'member':
      return [...aggregatesIn(expression.of), ...aggregatesIn(expression.key)];
    case 'unary':
      return aggregatesIn(expression.of);
    case 'binary':
      return [...aggregatesIn(expression.left), ...aggregatesIn(expression.right)];
    case 'conditional':
      return [expression.test, expression.then, expression.otherwise].flatMap(aggregatesIn);
    case 'array':
      return expression.items.flatMap(aggregatesIn);
    case 'object':
      return expression.fields.flatMap(({ value }) => aggregatesIn(value));
    default:
      return [];
  }
}

export function selected(select: Select): readonly Expression[] {
  if (select.kind === 'value') return [select.value];
  return select.kind === 'list' ? select.items.map(({ value }) => value) : [];
}
