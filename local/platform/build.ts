/** The build that is deployed, and that runs here: the Function App as one CommonJS bundle, the pages as static files. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { cityMap, DEMO_ADDRESSES } from '../../shared/geo/service-area/service-area.ts';

const WARNINGS_ARE_ERRORS = { logLevel: 'error' } as const;

/** `root` is the repository. @throws Error with esbuild's messages */
export async function buildAll(root: string): Promise<void> {
  await Promise.all([buildFunctions(root), buildWeb(root)]);
}

export async function buildFunctions(root: string): Promise<void> {
  await build({
    ...WARNINGS_ARE_ERRORS,
    entryPoints: [join(root, 'functions/main.ts')],
    outfile: join(root, 'dist/functions/main.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    external: ['@azure/functions-core'],
    sourcemap: 'linked',
    keepNames: true,
  });
}

async function buildWeb(root: string): Promise<void> {
  const out = join(root, 'dist/web');
  mkdirSync(out, { recursive: true });
  const entry = join(root, 'web/main.tsx');
  if (!existsSync(entry)) return;
  await build({
    ...WARNINGS_ARE_ERRORS,
    entryPoints: [entry, join(root, 'web/api.tsx')],
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'linked',
  });
  cpSync(join(root, 'web/static'), out, { recursive: true });
  writeFileSync(join(out, 'city.json'), JSON.stringify({ ...cityMap(), addresses: DEMO_ADDRESSES }));
}
