import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Takes minutes: part of `npm run test:long` only. */
const LONG = 'tests/**/*.long.test.ts';
/** Files that take half a minute or more. A fresh clone knows no durations, and one of these begun last would run alone. */
const FIRST = [
  'tests/e2e/pages',
  'tests/contract/saga',
  'tests/chaos/kill',
  'tests/security/hostile-values',
  'tests/e2e/start',
  'tests/contract/contention',
  'tests/chaos/poison',
  'local/tests/conformance/functions-host.triggers',
  'tests/infra/bicep',
  'tests/fuzz/api',
  'tests/contract/eta',
  'local/tests/compatibility',
  'tests/security/matrix',
  'local/storage/crash',
  'local/tests/conformance/functions-host.sharing',
  'local/durable/sharing',
  'local/tests/fuzz/cosmos.queries',
  'local/tests/conformance/event-hubs.operation',
];

/**
 * Tests of the whole system wait more than they compute, conformance tests compute more than they wait: they begin by turns, the longest
 * first, so that neither the processors nor the workers are idle. Unit tests fill the rest.
 */
class ByTurns extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = FIRST.findIndex((name) => moduleId.includes(`/${name}.`));
      return index < 0 ? FIRST.length : index;
    };
    const sorted = (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
    const of = (name: string) => sorted.filter(({ project }) => project.name === name);
    const [system, conformance] = [of('system'), of('conformance')];
    const turns = Array.from({ length: Math.max(system.length, conformance.length) }, (_, index) =>
      [system[index], conformance[index]].filter((file) => file !== undefined),
    ).flat();
    return [...turns, ...sorted.filter((file) => !turns.includes(file))];
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
    maxWorkers: 4,
    sequence: { sequencer: ByTurns },
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
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [LONG],
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
