/** The unit tests of one folder, for StrykerJS: scripts/mutation.ts names them in MUTATION_TESTS. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: (process.env.MUTATION_TESTS ?? '').split(',').filter(Boolean),
    exclude: ['**/node_modules/**', '**/*.process.test.ts'],
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
