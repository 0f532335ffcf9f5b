/** Compiles expressions to closures over a scope: inputs by alias, parameters by name, aggregates by node. */
import { badRequest, notSupported } from '../errors.ts';
import type { Expression, Query } from './ast.ts';
import { AGGREGATES } from './ast.ts';
import { functionNamed } from './functions/index.ts';
import { isLike, type Like, readLike } from './like.ts';
import { and, equals, or, ranges, typeOf } from './values.ts';

export interface Scope {
  readonly inputs: ReadonlyMap<string, unknown>;
  readonly parameters: ReadonlyMap<string, unknown>;
  /** Runs a query within this scope. */
  readonly subquery: (query: Query, scope: Scope) => unknown[];
  /** Results of the aggregates of this group, by their node. */
  readonly aggregates?: ReadonlyMap<Expression, unknown>;
}

export type Compiled = (scope: Scope) => unknown;

export function compile(expression: Expression): Compiled {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'undefined':
      return () => undefined;
    case 'parameter': {
      const { name } = expression;
      return ({ parameters }) => {
        if (!parameters.has(name)) throw badRequest(`the parameter ${name} has no value`);
        return parameters.get(name);
      };
    }
    case 'input': {
      const { name } = expression;
      return ({ inputs }) => {
        if (!inputs.has(name)) throw badRequest(`Identifier '${name}' could not be resolved.`);
        return inputs.get(name);
      };
    }
    case 'member':
      return compileMember(compile(expression.of), compile(expression.key));
    case 'unary':
      return compileUnary(expression.op, compile(expression.of));
    case 'binary':
      return compileBinary(expression.op, compile(expression.left), compile(expression.right));
    case 'between': {
      const [of, low, high] = [compile(expression.of), compile(expression.low), compile(expression.high)];
      return (scope) => and(ranges('>=', of(scope), low(scope)), ranges('<=', of(scope), high(scope)));
    }
    case 'in': {
      const of = compile(expression.of);
      const list = expression.list.map(compile);
      return (scope) => {
        const value = of(scope);
        if (value === undefined) return undefined;
        return list.some((each) => equals(value, each(scope)) === true);
      };
    }
    case 'like':
      return compileLike(
        compile(expression.of),
        compile(expression.pattern),
        expression.escape && compile(expression.escape),
      );
    case 'conditional': {
      const test = compile(expression.test);
      const [whenTrue, whenFalse] = [compile(expression.whenTrue), compile(expression.whenFalse)];
      return (scope) => (test(scope) === true ? whenTrue(scope) : whenFalse(scope));
    }
    case 'call':
      return compileCall(expression);
    case 'array': {
      const items = expression.items.map(compile);
      return (scope) => items.map((item) => item(scope)).filter((value) => value !== undefined);
    }
    case 'object': {
      const fields = expression.fields.map(({ name, value }) => [name, compile(value)] as const);
      return (scope) => {
        return objectOf(fields, scope);
      };
    }
    case 'subquery': {
      const { form, query } = expression;
      return (scope) => {
        const rows = scope.subquery(query, scope);
        if (form === 'exists') return rows.length > 0;
        if (form === 'array') return rows;
        if (rows.length > 1)
          throw badRequest('The cardinality of a scalar subquery result set cannot be greater than one.');
        return rows[0];
      };
    }
    default:
      return expression satisfies never;
  }
}

/** An undefined field is left out of the object; `__proto__` is a name like any other. */
export function objectOf(
  fields: readonly (readonly [name: string, value: Compiled])[],
  scope: Scope,
): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [name, value] of fields) {
    const result = value(scope);
    if (result === undefined) continue;
    if (name === '__proto__')
      Object.defineProperty(object, name, {
        value: result,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else object[name] = result;
  }
  return object;
}

function compileMember(of: Compiled, key: Compiled): Compiled {
  return (scope) => {
    const owner = of(scope);
    if (owner === null || typeof owner !== 'object') return undefined;
    const name = key(scope);
    if (Array.isArray(owner)) return typeof name === 'number' ? owner[name] : undefined;
    return typeof name === 'string' && Object.hasOwn(owner, name)
      ? (owner as Record<string, unknown>)[name]
      : undefined;
  };
}

function compileUnary(op: string, of: Compiled): Compiled {
  switch (op) {
    case 'NOT':
      return (scope) => {
        const value = of(scope);
        return typeof value === 'boolean' ? !value : undefined;
      };
    case '-':
      return (scope) => number(of(scope), (x) => -x);
    case '~':
      return (scope) => number(of(scope), (x) => ~x);
    default:
      return (scope) => number(of(scope), (x) => x);
  }
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
};

function compileBinary(op: string, left: Compiled, right: Compiled): Compiled {
  switch (op) {
    case 'AND':
      return (scope) => {
        const a = left(scope);
        return a === false ? false : and(a, right(scope));
      };
    case 'OR':
      return (scope) => {
        const a = left(scope);
        return a === true ? true : or(a, right(scope));
      };
    case '=':
      return (scope) => equals(left(scope), right(scope));
    case '!=':
    case '<>':
      return (scope) => {
        const same = equals(left(scope), right(scope));
        return same === undefined ? undefined : !same;
      };
    case '<':
    case '>':
    case '<=':
    case '>=':
      return (scope) => ranges(op, left(scope), right(scope));
    case '??':
      return (scope) => {
        const value = left(scope);
        return value === undefined ? right(scope) : value;
      };
    case '||':
      return (scope) => {
        const [a, b] = [left(scope), right(scope)];
        return typeof a === 'string' && typeof b === 'string' ? a + b : undefined;
      };
    default: {
      const calculate = ARITHMETIC[op];
      if (!calculate) throw notSupported(`the operator ${op}`);
      return (scope) => {
        const [a, b] = [left(scope), right(scope)];
        if (typeof a !== 'number' || typeof b !== 'number') return undefined;
        const result = calculate(a, b);
        return Number.isFinite(result) ? result : undefined;
      };
    }
  }
}

function compileLike(of: Compiled, pattern: Compiled, escape: Compiled | undefined): Compiled {
  let [known, mark, like]: [string | undefined, unknown, Like] = [undefined, undefined, []];
  return (scope) => {
    const [value, text] = [of(scope), pattern(scope)];
    if (typeof value !== 'string' || typeof text !== 'string') return undefined;
    const escaped = escape?.(scope);
    if (text !== known || escaped !== mark) {
      like = readLike(text, typeof escaped === 'string' ? escaped : undefined);
      [known, mark] = [text, escaped];
    }
    return isLike(value, like);
  };
}

function compileCall(expression: Extract<Expression, { kind: 'call' }>): Compiled {
  if (AGGREGATES.has(expression.name)) {
    return ({ aggregates }) => {
      if (!aggregates) throw badRequest(`the aggregate ${expression.name} is not possible here`);
      return aggregates.get(expression);
    };
  }
  const call = functionNamed(expression.name, expression.args.length);
  const args = expression.args.map(compile);
  return (scope) => call(...args.map((arg) => arg(scope)));
}

function number(value: unknown, f: (x: number) => number): number | undefined {
  return typeOf(value) === 'number' ? f(value as number) : undefined;
}
