import { defineConfig } from 'vitest/config';

/**
 * Unit tests lie beside the code; those of them that start processes are called `*.process.test.ts` and run with what crosses
 * folders, so that `npm run check` stays short.
 */
export default defineConfig({
  test: {
    globalSetup: ['tests/temporary-folder.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // One process for many files: what they import is loaded once.
          isolate: false,
          include: ['{functions,shared,tracking,web,simulator,platform,local,scripts}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.process.test.ts', 'local/tests/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: [
            'tests/{contract,fuzz,infra,security,simulation}/**/*.test.ts',
            'local/tests/**/*.test.ts',
            '{local,platform,tracking}/**/*.process.test.ts',
          ],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/{e2e,chaos}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
