import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Takes minutes: part of `npm run test:long` only. */
const LONG = 'tests/**/*.long.test.ts';
/** Tests of the whole system wait more than they compute, so they begin first and the others fill the time. */
const ORDER = ['system', 'conformance', 'unit'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification) => ORDER.indexOf(project.name);
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * Unit tests lie beside the code; those of them that start processes are called `*.process.test.ts` and run with what crosses
 * folders, so that `npm run check` stays short.
 */
export default defineConfig({
  test: {
    globalSetup: ['tests/temporary-folder.ts'],
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The only place for it: a poll that ends has nothing to gain from less, and a busy machine needs more than the default of 1 s.
    expect: { poll: { timeout: 20_000 } },
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
          exclude: ['**/node_modules/**', LONG],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/{e2e,chaos}/**/*.test.ts'],
          exclude: ['**/node_modules/**', LONG],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [LONG],
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
