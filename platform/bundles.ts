/** Options of esbuild for the three kinds of bundles: the Function App, the processes of this machine, and the pages. */
import { basename, join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { OUT, PROCESSES } from './process-files.ts';

/** Packages that are loaded from node_modules: they read their own files, or are loaded by name. */
const UNBUNDLED = ['azurite', 'azurite/*', '@azure/functions-core'];

/** Node keeps the source text in memory, and a third of it was white space. Names stay, and lines are short enough for a stack trace. */
const SMALL_SOURCE = { minifyWhitespace: true, minifySyntax: true, lineLimit: 160 } as const;

/** A package's ES modules where it has them: what of them is not used is left out. */
const ES_MODULES_FIRST = ['module', 'main'];

/** Bundles start faster than hundreds of files and need less memory. */
export function processBundles(root: string): BuildOptions {
  return {
    absWorkingDir: root,
    entryPoints: Object.entries(PROCESSES).map(([out, entry]) => ({ in: entry, out })),
    outdir: join(root, OUT, 'processes'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node22',
    mainFields: ES_MODULES_FIRST,
    format: 'esm',
    external: UNBUNDLED,
    sourcemap: 'linked',
    keepNames: true,
    ...SMALL_SOURCE,
    // CommonJS packages inside an ES module still call `require`.
    banner: {
      js: "import { createRequire as localRequire } from 'node:module'; const require = localRequire(import.meta.url);",
    },
  };
}

/** Loaded where a setting asks for spans: files of their own, since Node keeps the text of a file in memory. */
const SPAN_MODULES = ['span-recorder', 'otlp-exporter', 'azure-exporter'];

/** CommonJS bundles are not split by esbuild. */
const spanModulesApart: Plugin = {
  name: 'span-modules-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`/(${SPAN_MODULES.join('|')})\\.ts$`) }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.cjs`, external: true } : undefined,
    ),
};

export function functionsBundle(root: string): BuildOptions {
  return {
    entryPoints: [
      join(root, 'functions/main.ts'),
      ...SPAN_MODULES.map((name) => join(root, `shared/telemetry/${name}.ts`)),
    ],
    outdir: join(root, 'dist/functions'),
    entryNames: '[name]',
    outExtension: { '.js': '.cjs' },
    plugins: [spanModulesApart],
    bundle: true,
    platform: 'node',
    target: 'node22',
    mainFields: ES_MODULES_FIRST,
    format: 'cjs',
    external: ['@azure/functions-core'],
    sourcemap: 'linked',
    keepNames: true,
    ...SMALL_SOURCE,
  };
}

export function pageBundles(root: string): BuildOptions {
  return {
    entryPoints: [join(root, 'web/main.tsx'), join(root, 'web/api.tsx')],
    outdir: join(root, OUT, 'web'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'linked',
  };
}
