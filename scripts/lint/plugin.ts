/**
 * Our own lint rules, as an oxlint plugin (https://oxc.rs/docs/guide/usage/linter/writing-js-plugins).
 *
 * L1 `imports`: every import, export and `import()` follows boundaries.ts.
 * L2 `no-clock`: replayed code takes the time from its orchestration, never from `new Date()`.
 * L3 `read-input`: the product reads external input with shared/read.ts, whose functions never throw.
 */
import { dirname, join, relative, sep } from 'node:path';
import type { RuleTester } from 'oxlint/plugins-dev';
import { refusalOfImport, refusalOfPackage, roomOf } from './rooms.ts';

type Rule = Exclude<Parameters<RuleTester['run']>[1], { createOnce: unknown }>;
type Context = Parameters<Rule['create']>[0];
type Reported = NonNullable<Extract<Parameters<Context['report']>[0], { node?: unknown }>['node']>;

interface WithSpecifiers {
  readonly kind: string | undefined;
  readonly specifiers: readonly string[];
}

/** Objects whose `parse` reads no external input, or is a parser of its own that cannot throw on a string. */
const OTHER_PARSERS: ReadonlySet<string> = new Set(['Date', 'URL', 'path']);
const ZOD_READERS: ReadonlySet<string> = new Set(['safeParse', 'safeParseAsync', 'parseAsync']);

const imports: Rule = {
  create: (context) => {
    const from = pathOf(context);
    const check = (node: Reported, source: unknown, asType: boolean) => {
      if (typeof source !== 'string') return;
      const message = source.startsWith('.')
        ? refusalOfImport(from, join(dirname(from), source).split(sep).join('/'), asType)
        : refusalOfPackage(from, source, asType);
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => {
        const kinds = node.specifiers.map(
          (one) => ('importKind' in one ? one.importKind : 'value') ?? 'value',
        );
        check(node, node.source.value, onlyTypes({ kind: node.importKind, specifiers: kinds }));
      },
      ExportNamedDeclaration: (node) => {
        const kinds = node.specifiers.map(({ exportKind }) => exportKind ?? 'value');
        if (node.source)
          check(node, node.source.value, onlyTypes({ kind: node.exportKind, specifiers: kinds }));
      },
      ExportAllDeclaration: (node) => check(node, node.source.value, node.exportKind === 'type'),
      ImportExpression: (node) => {
        if (node.source.type === 'Literal') check(node, node.source.value, false);
      },
      TSImportType: (node) => check(node, node.source.value, true),
    };
  },
};

const noClock: Rule = {
  create: (context) => {
    if (!roomOf(pathOf(context))?.pure) return {};
    const message = 'a replay must see the same time: take it from the orchestration';
    return {
      NewExpression: (node) => {
        const isDate = node.callee.type === 'Identifier' && node.callee.name === 'Date';
        if (isDate && node.arguments.length === 0) context.report({ node, message });
      },
      CallExpression: (node) => {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date')
          context.report({ node, message });
      },
    };
  },
};

const readInput: Rule = {
  create: (context) => {
    const path = pathOf(context);
    if (path === 'shared/read.ts' || !roomOf(path)?.reader) return {};
    return {
      CallExpression: (node) => {
        if (node.callee.type !== 'MemberExpression' || node.callee.property.type !== 'Identifier') return;
        const { object, property } = node.callee;
        const owner = object.type === 'Identifier' ? object.name : '';
        const reads =
          ZOD_READERS.has(property.name) || (property.name === 'parse' && !OTHER_PARSERS.has(owner));
        if (reads) context.report({ node, message: 'use read, readJson or parseJson of shared/read.ts' });
      },
    };
  },
};

/** Relative to the folder of the configuration, with `/`. */
function pathOf(context: Context): string {
  return relative(context.cwd, context.filename).split(sep).join('/');
}

function onlyTypes({ kind, specifiers }: WithSpecifiers): boolean {
  return kind === 'type' || (specifiers.length > 0 && specifiers.every((one) => one === 'type'));
}

export default { meta: { name: 'house' }, rules: { imports, 'no-clock': noClock, 'read-input': readInput } };
