/** Random documents, and random queries over them: as trees for the naive evaluation, and as text for the server. */
import fc from 'fast-check';
import { type Aggregate, ARITY, type Path, type Shape, type Tree } from './cosmos.naive.ts';

const texts = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('', 'a', 'b', 'ab', 'abc', 'B', 'ba', 'Ärger', 'ß', '10', '%', 'a_b'),
  },
  {
    weight: 1,
    arbitrary: fc.string({
      maxLength: 4,
      unit: fc.constantFrom('a', 'b', 'Z', 'ä', '😀', '\\', "'", '"', '\u0000', '\n'),
    }),
  },
);
const numbers = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 6 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0.1, -2.5, 1e21, 2 ** 53, -(2 ** 31), 4294967296.5, 1e300, 5e-324),
  },
);
const primitives = fc.oneof(
  { weight: 4, arbitrary: numbers },
  { weight: 4, arbitrary: texts },
  { weight: 2, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant(null) },
);
const KEYS = ['a', 'b', 'n', 's', 'constructor', 'with space', 'ü'];
const values = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 6, arbitrary: primitives },
    { weight: 1, arbitrary: fc.array(tie('any'), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom(...KEYS), tie('any'), { maxKeys: 3, noNullPrototype: true }),
    },
  ),
})).any;

const often = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 6 });

const seldom = <T>(of: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });

/** `k` and `l` are primitives, as ORDER BY needs them; `tags` is a list more often than not. */
const document = fc
  .record({
    k: often(primitives),
    l: often(primitives),
    a: often(values),
    n: often(numbers),
    s: often(texts),
    o: often(fc.dictionary(fc.constantFrom(...KEYS), values, { maxKeys: 4, noNullPrototype: true })),
    tags: often(
      fc.oneof(
        { weight: 5, arbitrary: fc.array(values, { maxLength: 4 }) },
        { weight: 1, arbitrary: values },
      ),
    ),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

export const PARTITIONS = 4;

/** Most documents lie in the first partition. */
export const documents = fc.array(
  fc.record({ partition: fc.constantFrom(0, 0, 0, 0, 1, 2, 3), document }, { noNullPrototype: true }),
  { minLength: 4, maxLength: 16 },
);

const path = (alias: string): fc.Arbitrary<Path> =>
  fc.oneof(
    fc.constantFrom('k', 'l', 'a', 'n', 's', 'tags', 'missing').map((key): Path => ['path', alias, [key]]),
    fc.constantFrom(...KEYS).map((key): Path => ['path', alias, ['o', key]]),
    fc.constantFrom(...KEYS, 0, 1).map((key): Path => ['path', alias, ['a', key]]),
  );
const ofPath = path('c');
const element = fc.oneof(
  fc.constant<Path>(['path', 't', []]),
  fc.constantFrom(...KEYS, 0).map((key): Path => ['path', 't', [key]]),
);

const likePattern = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '%', '_', 'ä', 'B') });

function trees(leaf: fc.Arbitrary<Path>, nested: boolean): fc.Arbitrary<Tree> {
  return fc.letrec<{ tree: Tree }>((tie) => {
    const tree = tie('tree');
    const pairs = (operators: readonly string[]) =>
      fc
        .tuple(fc.constantFrom(...operators), tree, tree)
        .map(([operator, a, b]): Tree => ['binary', operator, a, b]);
    const call = fc
      .constantFrom(...ARITY)
      .chain(([name, arity]) =>
        fc.array(tree, { minLength: arity, maxLength: arity }).map((args): Tree => ['call', name, args]),
      );
    const subqueries = nested
      ? [
          {
            weight: 2,
            arbitrary: fc
              .tuple(fc.constantFrom('exists', 'list', 'count'), ofPath, trees(element, false))
              .map(([form, of, condition]): Tree => [form, of, 't', condition]),
          },
        ]
      : [];
    return {
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        { weight: 6, arbitrary: leaf },
        { weight: 4, arbitrary: fc.oneof(primitives, values).map((value): Tree => ['literal', value]) },
        { weight: 1, arbitrary: primitives.map((value): Tree => ['parameter', value]) },
        { weight: 1, arbitrary: fc.constant<Tree>(['undefined']) },
        { weight: 6, arbitrary: pairs(['=', '!=', '<', '>', '<=', '>=']) },
        { weight: 4, arbitrary: pairs(['AND', 'OR', 'AND', 'OR', '??']) },
        { weight: 3, arbitrary: pairs(['+', '-', '*', '/', '%', '||', '&', '|', '^']) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(fc.constantFrom('not', 'not', 'minus', 'plus', 'complement'), tree)
            .map(([op, of]): Tree => [op, of]),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(tree, tree, tree, fc.boolean())
            .map(([a, b, c, no]): Tree => ['between', a, b, c, no]),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(tree, fc.array(tree, { minLength: 1, maxLength: 3 }), fc.boolean())
            .map(([of, list, no]): Tree => ['in', of, list, no]),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(tree, likePattern, fc.boolean())
            .map(([of, text, no]): Tree => ['like', of, text, no]),
        },
        { weight: 1, arbitrary: fc.tuple(tree, tree, tree).map(([a, b, c]): Tree => ['choice', a, b, c]) },
        { weight: 4, arbitrary: call },
        { weight: 1, arbitrary: fc.array(tree, { maxLength: 3 }).map((items): Tree => ['array', items]) },
        {
          weight: 1,
          arbitrary: fc
            .uniqueArray(fc.tuple(fc.constantFrom(...KEYS), tree), { maxLength: 3, selector: ([key]) => key })
            .map((fields): Tree => ['object', fields]),
        },
        ...subqueries,
      ),
    };
  }).tree;
}

const ofDocument = trees(ofPath, true);
const ofJoin = trees(fc.oneof(ofPath, element), true);

/** A path and a constant that it may well have. */
const matched: fc.Arbitrary<readonly [Path, fc.Arbitrary<unknown>]> = fc.constantFrom<
  readonly [Path, fc.Arbitrary<unknown>]
>(
  [['path', 'c', ['n']], fc.integer({ min: -3, max: 6 })],
  [['path', 'c', ['n']], numbers],
  [['path', 'c', ['s']], texts],
  [['path', 'c', ['k']], primitives],
  [['path', 'c', ['o', 'a']], primitives],
);

/** Constants on one side and a path on the other, joined by AND: what the engine hands to SQLite. */
const sifted: fc.Arbitrary<Tree> = fc
  .array(
    matched.chain(([of, constants]) =>
      fc.oneof(
        fc
          .tuple(fc.constantFrom('=', '<', '>', '<=', '>=', '!='), constants, fc.boolean())
          .map(
            ([operator, constant, turned]): Tree =>
              turned
                ? ['binary', operator, ['literal', constant], of]
                : ['binary', operator, of, ['parameter', constant]],
          ),
        fc
          .array(constants, { minLength: 1, maxLength: 6 })
          .map((list): Tree => ['in', of, list.map((each): Tree => ['literal', each]), false]),
        fc
          .tuple(constants, constants)
          .map(([low, high]): Tree => ['between', of, ['literal', low], ['parameter', high], false]),
      ),
    ),
    { minLength: 1, maxLength: 2, size: 'xsmall' },
  )
  .map((parts) => parts.reduce((all, each): Tree => ['binary', 'AND', all, each]));

/** Conditions that hold for some documents, as a random tree seldom does. */
function conditionsOf(tree: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> {
  const tests = [
    'IS_DEFINED',
    'IS_DEFINED',
    'IS_NUMBER',
    'IS_STRING',
    'IS_ARRAY',
    'IS_PRIMITIVE',
    'IS_PRIMITIVE',
  ];
  return fc.letrec<{ condition: Tree }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      { weight: 2, arbitrary: tree },
      { weight: 2, arbitrary: sifted },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(...tests), fc.oneof({ weight: 4, arbitrary: ofPath }, tree))
          .map(([name, of]): Tree => ['call', name, [of]]),
      },
      { weight: 2, arbitrary: tie('condition').map((of): Tree => ['not', of]) },
      {
        weight: 4,
        arbitrary: fc
          .tuple(fc.constantFrom('AND', 'OR', 'OR'), tie('condition'), tie('condition'))
          .map(([operator, a, b]): Tree => ['binary', operator, a, b]),
      },
    ),
  })).condition;
}

const aggregate = (of: fc.Arbitrary<Tree>): fc.Arbitrary<Aggregate> =>
  fc.record({ name: fc.constantFrom('COUNT', 'SUM', 'AVG', 'MIN', 'MAX'), of }, { noNullPrototype: true });

const uniqueFields = <T>(of: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y', 'z', 'w'), of), {
    minLength: 1,
    maxLength: 3,
    selector: ([name]) => name,
  });

const ID: Tree = ['path', 'c', ['id']];

function shapesOf(tree: fc.Arbitrary<Tree>, join: Path | undefined): fc.Arbitrary<Shape> {
  const plain: fc.Arbitrary<Shape['select']> = fc.oneof(
    ...(join
      ? []
      : [fc.constant({ kind: 'star' as const }), fc.constant({ kind: 'value' as const, of: ID })]),
    tree.map((of) => ({ kind: 'value' as const, of })),
    uniqueFields(tree).map((fields) => ({ kind: 'fields' as const, fields })),
  );
  const grouped: fc.Arbitrary<Shape['select']> = fc.oneof(
    aggregate(tree).map((each) => ({ kind: 'aggregate' as const, aggregate: each })),
    fc
      .tuple(
        fc.constantFrom<(readonly [string, Path])[]>(
          [['x', ['path', 'c', ['k']]]],
          [
            ['x', ['path', 'c', ['l']]],
            ['y', ['path', 'c', ['n']]],
          ],
        ),
        fc.uniqueArray(fc.tuple(fc.constantFrom('g', 'h'), aggregate(tree)), {
          maxLength: 2,
          selector: ([name]) => name,
        }),
      )
      .map(([keys, aggregates]) => ({ kind: 'group' as const, keys, aggregates })),
  );
  const where = fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: conditionsOf(tree) },
    { weight: 1, arbitrary: sifted },
  );
  const joined = join ? { join } : {};
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .record({
          select: plain,
          where,
          distinct: fc.boolean(),
          orderBy: fc.uniqueArray(
            fc.record({
              path: fc.constantFrom<Path>(['path', 'c', ['k']], ['path', 'c', ['l']], ['path', 'c', ['n']]),
              descending: fc.boolean(),
            }),
            { maxLength: 2, selector: ({ path: [, , keys] }) => keys[0] },
          ),
          window: seldom(fc.record({ offset: fc.nat({ max: 2 }), limit: fc.nat({ max: 6 }) })),
          top: seldom(fc.nat({ max: 6 })),
        })
        .map(({ where: condition, window, top, ...rest }) => ({
          ...rest,
          ...joined,
          ...(condition ? { where: condition } : {}),
          ...(window ? { window } : top === undefined ? {} : { top }),
        })),
    },
    {
      weight: 1,
      arbitrary: fc.record({ select: grouped, where }).map(({ select, where: condition }) => ({
        select,
        distinct: false,
        orderBy: [],
        ...joined,
        ...(condition ? { where: condition } : {}),
      })),
    },
  );
}

export const shapes = fc.oneof(
  { weight: 3, arbitrary: shapesOf(ofDocument, undefined) },
  { weight: 1, arbitrary: shapesOf(ofJoin, ['path', 'c', ['tags']]) },
);

export interface Text {
  readonly query: string;
  readonly parameters: readonly { readonly name: string; readonly value: unknown }[];
}

const BINDING: Readonly<Record<string, number>> = {
  '??': 0,
  OR: 1,
  AND: 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '=': 6,
  '!=': 6,
  '<': 6,
  '>': 6,
  '<=': 6,
  '>=': 6,
  '||': 7,
  '+': 8,
  '-': 8,
  '*': 9,
  '/': 9,
  '%': 9,
};
const TIGHT = 10;

/** Parentheses only where they are needed between operators that bind differently. */
export function textOf(shape: Shape): Text {
  const parameters: { name: string; value: unknown }[] = [];
  const parenthesised = (tree: Tree) =>
    ['path', 'literal', 'parameter', 'call', 'array', 'object', 'undefined'].includes(tree[0]) &&
    !isNegative(tree)
      ? write(tree)
      : `(${write(tree)})`;
  const operand = (tree: Tree, least: number) =>
    tree[0] === 'binary'
      ? (BINDING[tree[1]] ?? 0) >= least
        ? write(tree)
        : `(${write(tree)})`
      : parenthesised(tree);
  const list = (trees: readonly Tree[]) => trees.map(write).join(', ');
  const not = (negated: boolean) => (negated ? 'NOT ' : '');
  const write = (tree: Tree): string => {
    switch (tree[0]) {
      case 'literal':
        return literal(tree[1]);
      case 'parameter':
        parameters.push({ name: `@p${parameters.length}`, value: tree[1] });
        return `@p${parameters.length - 1}`;
      case 'undefined':
        return 'undefined';
      case 'path':
        return pathText(tree);
      case 'not':
        return `NOT ${parenthesised(tree[1])}`;
      case 'minus':
        return `-${parenthesised(tree[1])}`;
      case 'plus':
        return `+${parenthesised(tree[1])}`;
      case 'complement':
        return `~${parenthesised(tree[1])}`;
      case 'binary': {
        const binding = BINDING[tree[1]] ?? 0;
        return `${operand(tree[2], binding)} ${tree[1]} ${operand(tree[3], binding + 1)}`;
      }
      case 'between':
        return `${parenthesised(tree[1])} ${not(tree[4])}BETWEEN ${parenthesised(tree[2])} AND ${parenthesised(tree[3])}`;
      case 'in':
        return `${parenthesised(tree[1])} ${not(tree[3])}IN (${list(tree[2])})`;
      case 'like':
        return `${parenthesised(tree[1])} ${not(tree[3])}LIKE ${literal(tree[2])}`;
      case 'choice':
        return `${operand(tree[1], TIGHT)} ? ${parenthesised(tree[2])} : ${parenthesised(tree[3])}`;
      case 'call':
        return `${tree[1]}(${list(tree[2])})`;
      case 'array':
        return `[${list(tree[1])}]`;
      case 'object':
        return `{${tree[1].map(([name, of]) => `${JSON.stringify(name)}: ${write(of)}`).join(', ')}}`;
      case 'exists':
        return `EXISTS(SELECT VALUE ${tree[2]} FROM ${tree[2]} IN ${pathText(tree[1])} WHERE ${write(tree[3])})`;
      case 'list':
        return `ARRAY(SELECT VALUE ${tree[2]} FROM ${tree[2]} IN ${pathText(tree[1])} WHERE ${write(tree[3])})`;
      case 'count':
        return `(SELECT VALUE COUNT(1) FROM ${tree[2]} IN ${pathText(tree[1])} WHERE ${write(tree[3])})`;
      default:
        return tree satisfies never;
    }
  };
  const call = ({ name, of }: Aggregate) => `${name}(${write(of)})`;
  const selected = (): string => {
    const { select } = shape;
    if (select.kind === 'star') return '*';
    if (select.kind === 'value') return `VALUE ${write(select.of)}`;
    if (select.kind === 'fields')
      return select.fields.map(([name, of]) => `${write(of)} AS ${name}`).join(', ');
    if (select.kind === 'aggregate') return `VALUE ${call(select.aggregate)}`;
    return [
      ...select.keys.map(([name, of]) => `${pathText(of)} AS ${name}`),
      ...select.aggregates.map(([name, each]) => `${call(each)} AS ${name}`),
    ].join(', ');
  };
  const { select, join, where, orderBy, window, top } = shape;
  const query = [
    'SELECT',
    shape.distinct ? 'DISTINCT' : '',
    top === undefined ? '' : `TOP ${top}`,
    selected(),
    'FROM c',
    join ? `JOIN t IN ${pathText(join)}` : '',
    where ? `WHERE ${write(where)}` : '',
    select.kind === 'group' ? `GROUP BY ${select.keys.map(([, of]) => pathText(of)).join(', ')}` : '',
    orderBy.length > 0
      ? `ORDER BY ${orderBy.map(({ path: of, descending }) => `${pathText(of)}${descending ? ' DESC' : ''}`).join(', ')}`
      : '',
    window ? `OFFSET ${window.offset} LIMIT ${window.limit}` : '',
  ];
  return { query: query.filter((part) => part !== '').join(' '), parameters };
}

const isNegative = (tree: Tree) => tree[0] === 'literal' && typeof tree[1] === 'number' && tree[1] < 0;

const NAME = /^[A-Za-z]\w*$/;

function pathText([, alias, keys]: Path): string {
  return keys.reduce<string>(
    (text, key) =>
      typeof key === 'string' && NAME.test(key) ? `${text}.${key}` : `${text}[${JSON.stringify(key)}]`,
    alias,
  );
}

/** JSON is almost the query language's own form of constants. */
const literal = (value: unknown) => JSON.stringify(value);
