import { defineConfig } from 'vitest/config';

/** Unit tests lie beside the code; what crosses folders lies in tests/ and runs as its own project, because it starts processes. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{functions,shared,tracking,web,simulator,local,scripts}/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['tests/{conformance,contract,security,infra,fuzz}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/{e2e,chaos,simulation}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
