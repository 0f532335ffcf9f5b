import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { touchedBy, writeChanged } from './build-outputs.ts';
import { functionsBundle, pageBundles, processBundles } from './bundles.ts';

const SOURCES = {
  'shared/both.ts': 'export const both = () => "both";',
  'shared/own.ts': 'export const own = () => "own";',
  'tracking/main.ts': 'import { both } from "../shared/both.ts"; console.log(both());',
  'simulator/main.ts':
    'import { both } from "../shared/both.ts"; import { own } from "../shared/own.ts"; console.log(both(), own());',
  'functions/main.ts': 'import { own } from "../shared/own.ts"; console.log(own());',
  'shared/telemetry/azure-exporter.ts': 'export {};',
  'shared/telemetry/otlp-exporter.ts': 'export {};',
  'shared/telemetry/span-recorder.ts': 'export {};',
  'web/main.tsx': 'console.log("page");',
  'web/api.tsx': 'console.log("api");',
};
const PROCESSES = { tracking: 'tracking/main.ts', simulator: 'simulator/main.ts' };

let root: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'outputs-'));
  for (const [file, text] of Object.entries(SOURCES)) save(file, text);
  await rebuild();
});
afterEach(() => rmSync(root, { recursive: true }));

function save(file: string, text: string): void {
  mkdirSync(join(root, file, '..'), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** The options that ship, for two of the processes. */
async function rebuild() {
  const entryPoints = Object.entries(PROCESSES).map(([out, entry]) => ({ in: entry, out }));
  const results = await Promise.all(
    [{ ...processBundles(root), entryPoints }, functionsBundle(root), pageBundles(root)].map((options) =>
      build({ ...options, write: false, logLevel: 'silent' }),
    ),
  );
  const { processes, pages } = touchedBy(root, writeChanged(results.flatMap((one) => one.outputFiles ?? [])));
  return { processes: [...processes].sort(), pages };
}

test.each([
  ['a source of one process', 'tracking/main.ts', { processes: ['tracking'], pages: false }],
  [
    'a chunk that two processes share',
    'shared/both.ts',
    { processes: ['simulator', 'tracking'], pages: false },
  ],
  [
    'a source of a process and of the app',
    'shared/own.ts',
    { processes: ['functions', 'simulator'], pages: false },
  ],
  ['a source of the app', 'functions/main.ts', { processes: ['functions'], pages: false }],
  ['a source of a page', 'web/main.tsx', { processes: [], pages: true }],
])('O1 %s touches what runs it, and nothing else', async (_, file, touched) => {
  const text = SOURCES[file as keyof typeof SOURCES];
  save(file, text.replace(/"(both|own|page)"/, '"changed"').replace('console.log(', 'console.log(1, '));
  expect(await rebuild()).toEqual(touched);
  expect(await rebuild()).toEqual({ processes: [], pages: false });
});

test('O1 a file that nothing imports touches nothing', async () => {
  save('shared/unused.ts', 'export const unused = 1;');
  expect(await rebuild()).toEqual({ processes: [], pages: false });
});

test('O2 a page that changes loses its compressed copies, another keeps them', async () => {
  const pages = join(root, 'platform/dist/web');
  for (const copy of ['main.js.br', 'main.js.gz', 'api.js.br']) writeFileSync(join(pages, copy), 'old');
  save('web/main.tsx', 'console.log("new");');
  await rebuild();
  expect(readFileSync(join(pages, 'main.js'), 'utf8')).toContain('new');
  expect(readdirSync(pages).filter((file) => /\.(br|gz)$/.test(file))).toEqual(['api.js.br']);
  expect(existsSync(join(pages, 'main.js.map'))).toBe(true);
});
