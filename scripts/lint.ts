/**
 * Lints what has changed since it was found clean; everything with `--all`, or where nothing is known, as in CI. What is known lies in
 * node_modules/.cache.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Digests, digestsOf, sha, staleFiles } from './lint/stale.ts';

const ROOT = join(import.meta.dirname, '..');
const CACHE = join(ROOT, 'node_modules/.cache/lint.json');
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint');
const SOURCE = /\.tsx?$/;
/** What every complaint depends on. */
const BASE =
  /^(oxlint\.config\.ts|boundaries\.ts|package-lock\.json|scripts\/lint\/.*|.*tsconfig.*\.json|.*package\.json|.*\.d\.ts)$/;

function filesOf(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT });
  return listed.toString().split('\0').filter(Boolean);
}

function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return '';
  }
}

function known(): Digests {
  try {
    return JSON.parse(readFileSync(CACHE, 'utf8')) as Digests;
  } catch {
    return {};
  }
}

const files = filesOf();
const base = sha(
  files
    .filter((path) => BASE.test(path))
    .map((path) => `${path} ${sha(read(path))}`)
    .join('\n'),
);
const texts = new Map(files.filter((path) => /\.(tsx?|json)$/.test(path)).map((path) => [path, read(path)]));
const now = digestsOf(texts, base);
const stale = staleFiles(now, process.argv.includes('--all') ? {} : known()).filter((path) =>
  SOURCE.test(path),
);

if (stale.length > 0) {
  const isAll = stale.length === files.filter((path) => SOURCE.test(path)).length;
  const { status } = spawnSync(OXLINT, ['--type-aware', ...(isAll ? [] : stale)], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  mkdirSync(dirname(CACHE), { recursive: true });
  writeFileSync(CACHE, JSON.stringify(now));
}
