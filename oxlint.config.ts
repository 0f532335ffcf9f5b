/** Lint: types, promises, imports; and the rooms of boundaries.ts, by our own rules in scripts/lint/plugin.ts. */
import { defineConfig, type OxlintOverride } from 'oxlint';
import { ROOMS } from './boundaries.ts';

const REPLAYED = 'an orchestrator is pure: time and ids come from the orchestration, I/O from an activity';
const IMPURE_GLOBALS = [
  'fetch',
  'process',
  'crypto',
  'performance',
  'console',
  'Buffer',
  'Intl',
  'navigator',
];
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
const IMPURE_PROPERTIES = [
  { object: 'Date', property: 'now', message: REPLAYED },
  { object: 'Math', property: 'random', message: REPLAYED },
  ...['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString', 'localeCompare'].map((property) => ({
    property,
    message: 'it depends on the locale of the process: a replay elsewhere sees another value',
  })),
  { property: 'callHttp', message: 'activities do I/O' },
  { property: 'lock', message: 'df.lock is not used: conditional writes make effects exactly-once' },
  ...['isCompleted', 'isFaulted', 'hasResult', 'result'].map((property) => ({
    property,
    message: 'yield a task; its fields differ on a replay',
  })),
];

/** A `describe` is one function. */
const TESTS = ROOMS.filter(({ name }) => name === 'tests' || name === 'local/tests').flatMap(
  ({ files }) => files,
);

export default defineConfig({
  plugins: ['typescript', 'import', 'promise', 'node', 'unicorn', 'oxc', 'vitest'],
  jsPlugins: ['./scripts/lint/plugin.ts'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'house/imports': 'error',
    'house/no-clock': 'error',
    'house/read-input': 'error',
    'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/consistent-return': 'off',
    'typescript/no-unnecessary-type-arguments': 'off',
    'typescript/no-unnecessary-type-conversion': 'off',
    'typescript/no-unnecessary-type-parameters': 'off',
    'typescript/no-generated-empty-object-type': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/unbound-method': 'off',
    'unicorn/prefer-node-protocol': 'error',
    'unicorn/no-array-fill-with-reference-type': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/require-module-specifiers': 'off',
    'import/no-named-as-default-member': 'off',
    'import/no-unassigned-import': 'off',
    'no-await-in-loop': 'off',
    'no-shadow': 'off',
    'no-unmodified-loop-condition': 'off',
    'no-underscore-dangle': 'off',
    'promise/always-return': 'off',
    'vitest/require-mock-type-parameters': 'off',
    'vitest/expect-expect': 'off',
    'vitest/no-conditional-expect': 'off',
    'vitest/no-conditional-tests': 'off',
    'vitest/valid-title': 'off',
    'vitest/warn-todo': 'error',
    'vitest/no-focused-tests': 'error',
    'vitest/valid-expect': ['error', { maxArgs: 2 }],
  },
  ignorePatterns: ['dist', '.data', 'local/tests/conformance/recorded'],
  overrides: [
    ...ROOMS.filter(({ pure }) => pure).map(
      ({ files }): OxlintOverride => ({
        files: [...files],
        rules: {
          'no-restricted-globals': [
            'error',
            ...[...IMPURE_GLOBALS, ...TIMERS].map((name) => ({ name, message: REPLAYED })),
          ],
          'no-restricted-properties': ['error', ...IMPURE_PROPERTIES],
        },
      }),
    ),
    { files: [...TESTS], rules: { 'max-lines-per-function': 'off' } },
  ],
});
