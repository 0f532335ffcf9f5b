/**
 * Builds the Function App as one CommonJS bundle in `dist/functions`, the package that is deployed, and the processes and
 * pages of this machine in `platform/dist`. Argument: the root of the repository.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { build } from 'esbuild';
import { cityMap, DEMO_ADDRESSES, geocode } from '../shared/geo/service-area/service-area.ts';
import { functionsBundle, pageBundles, processBundles } from './bundles.ts';
import { lockFile } from './lock-file.ts';
import { OUT } from './process-files.ts';

const TURN_POLL_MS = 50;
const WARNINGS_ARE_ERRORS = { logLevel: 'error' } as const;

/** Sources of every build. */
const SOURCES = [
  'functions',
  'shared',
  'tracking',
  'simulator',
  'platform',
  'local',
  'web',
  'package-lock.json',
];

/** Builds everything, unless no source has changed since the last build. @param root of the repository @throws Error with esbuild's messages */
async function buildOnce(root: string): Promise<void> {
  const stampFile = join(root, OUT, 'stamp');
  const stamp = stampOf(root);
  const isBuilt = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (isBuilt()) return;
  mkdirSync(join(root, OUT), { recursive: true });
  const lock = await turnAt(join(root, OUT, 'build.lock'));
  try {
    if (isBuilt()) return;
    await Promise.all([
      // Old chunks stay: another platform may be running them.
      build({ ...WARNINGS_ARE_ERRORS, ...processBundles(root) }),
      build({ ...WARNINGS_ARE_ERRORS, ...functionsBundle(root) }),
      buildWeb(root),
    ]);
    writeFileSync(stampFile, stamp);
  } finally {
    lock.close();
  }
}

/** One build at a time: another platform must not start from half-written files. */
async function turnAt(file: string): Promise<DatabaseSync> {
  for (;;) {
    const lock = lockFile(file);
    if (lock) return lock;
    await pause(TURN_POLL_MS);
  }
}

/** Names and times of all sources. */
function stampOf(root: string): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const path = join(root, source);
    const files = source.includes('.')
      ? [path]
      : globSync('**/*.{ts,tsx,css,html,json,svg}', { cwd: path, exclude: isMade }).map((file) =>
          join(path, file),
        );
    for (const file of files.toSorted()) hash.update(`${file}:${statSync(file).mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Folders that a build or an installation creates. */
const isMade = (name: string) => name === 'dist' || name === 'node_modules';

async function buildWeb(root: string): Promise<void> {
  const out = join(root, OUT, 'web');
  mkdirSync(out, { recursive: true });
  if (!existsSync(join(root, 'web/api.tsx'))) return;
  await build({ ...WARNINGS_ARE_ERRORS, ...pageBundles(root) });
  cpSync(join(root, 'web/static'), out, { recursive: true });
  const addresses = DEMO_ADDRESSES.map((text) => ({ text, position: geocode(text) }));
  writeFileSync(join(out, 'city.json'), JSON.stringify({ ...cityMap(), addresses }));
  await Promise.all(
    globSync('*.{html,js,css,json,svg}', { cwd: out }).map((file) => compress(join(out, file))),
  );
}

/** Writes `.br` and `.gz` beside the file, for browsers that accept them. */
async function compress(file: string): Promise<void> {
  const content = readFileSync(file);
  await Promise.all([
    promisify(brotliCompress)(content).then((small) => writeFile(`${file}.br`, small)),
    promisify(gzip)(content, { level: 9 }).then((small) => writeFile(`${file}.gz`, small)),
  ]);
}

const [given] = process.argv.slice(2);
const root = given && resolve(given);
if (root) {
  await buildOnce(root);
  process.disconnect?.();
}
