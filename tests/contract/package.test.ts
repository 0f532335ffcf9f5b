/** The packages that are deployed hold this product alone: nothing of the local servers, the platform, the simulator or the tests. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const STAYS_HERE =
  /^(local|platform|simulator|scripts|tests|web)\/|^node_modules\/(azure-local|azurite|croner|esbuild)\//;
const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  await run(process.execPath, ['platform/build.ts', '.'], { cwd: ROOT });
  await run(process.execPath, ['tracking/build.ts', join(folder, 'tracking.mjs')], { cwd: ROOT });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

/** Files that gave code to a bundle, by its source map. */
function sourcesOf(bundle: string): string[] {
  const { sources } = JSON.parse(readFileSync(`${bundle}.map`, 'utf8')) as { sources: string[] };
  return sources.map((source) => relative(ROOT, resolve(bundle, '..', source)));
}

/** Files of the working tree that the package of the Function App takes in, by the rules of .gitignore that .funcignore follows. */
function packaged(): string[] {
  const git = join(folder, 'empty.git');
  execFileSync('git', ['init', '--quiet', '--bare', git]);
  const list = ['ls-files', '--others', '-z', `--exclude-from=${join(ROOT, '.funcignore')}`];
  return execFileSync('git', [`--git-dir=${git}`, `--work-tree=${ROOT}`, ...list], { cwd: ROOT })
    .toString()
    .split('\0')
    .filter(Boolean);
}

/** What exports spans stands apart: it is loaded where a setting asks for it. */
const BUNDLES = ['main', 'azure-exporter', 'otlp-exporter', 'span-recorder'];

test('.funcignore lets through the bundles, host.json and package.json, and no other file', () => {
  const built = BUNDLES.flatMap((name) => [`dist/functions/${name}.cjs`, `dist/functions/${name}.cjs.map`]);
  expect(packaged().toSorted()).toEqual([...built, 'host.json', 'package.json'].toSorted());
});

test('the bundle of the Function App has nothing of OpenTelemetry but its API', () => {
  const packages = sourcesOf(join(ROOT, 'dist/functions/main.cjs')).flatMap(
    (source) => /node_modules\/(@opentelemetry\/[^/]+|@azure\/monitor[^/]*)\//.exec(source)?.slice(1) ?? [],
  );
  expect([...new Set(packages)].toSorted()).toEqual([
    '@opentelemetry/api',
    '@opentelemetry/context-async-hooks',
    '@opentelemetry/core',
  ]);
});

describe.each([
  ['the Function App', () => join(ROOT, 'dist/functions/main.cjs'), 'functions/main.ts'],
  ['tracking', () => join(folder, 'tracking.mjs'), 'tracking/main.ts'],
])('the bundle of %s', (_, bundle, entry) => {
  test('is made of the product’s own sources and its dependencies only', () => {
    const sources = sourcesOf(bundle());
    expect(sources).toContain(entry);
    expect(sources.filter((source) => STAYS_HERE.test(source))).toEqual([]);
  });
});

test('the empty stand-ins are where their dependents look: the real packages are not installed', () => {
  const folder = join(ROOT, 'stand-ins');
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(names).toHaveLength(5);
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { link?: boolean; resolved?: string; hasInstallScript?: boolean; integrity?: string }
    >;
  };
  for (const { name: entry } of names) {
    const { name } = JSON.parse(readFileSync(join(folder, entry, 'package.json'), 'utf8')) as {
      name: string;
    };
    const installed = Object.entries(lock.packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
    expect(installed).toEqual([[`node_modules/${name}`, { resolved: `stand-ins/${entry}`, link: true }]]);
  }
});

test('every installed package is covered by the integrity of the lock file, and only esbuild runs a script', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { link?: boolean; hasInstallScript?: boolean; integrity?: string; optional?: boolean }
    >;
  };
  const installed = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );
  expect(installed.filter(([, { integrity }]) => !integrity)).toEqual([]);
  const withScript = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(withScript.filter((path) => !path.endsWith('fsevents'))).toEqual(['node_modules/esbuild']);
});
