/** Bundles tracking into one file for its image: `node tracking/build.ts OUT`. */
import { build } from 'esbuild';

const [out = 'tracking/dist/main.mjs'] = process.argv.slice(2);

await build({
  entryPoints: ['tracking/main.ts'],
  outfile: out,
  bundle: true,
  platform: 'node',
  // What is not used of a package can be left out of its ES modules only.
  mainFields: ['module', 'main'],
  format: 'esm',
  target: 'node24',
  sourcemap: 'linked',
  legalComments: 'linked',
  logLevel: 'warning',
  /** CommonJS dependencies call `require`, which an ES module must create itself. */
  banner: {
    js: "import { createRequire as createRequireOf } from 'node:module'; const require = createRequireOf(import.meta.url);",
  },
});
