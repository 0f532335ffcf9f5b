import { expect, test } from 'vitest';
import { digestsOf, importsOf, staleFiles } from './stale.ts';

const TEXTS = new Map([
  ['shared/errors.ts', 'export const a = 1;'],
  ['shared/read.ts', "import { a } from './errors.ts';"],
  ['functions/drone/domain.ts', "import type { A } from '../../shared/read.ts';"],
  ['functions/drone/lazy.ts', "const b = () => import('./domain.ts');"],
  ['tests/e2e.test.ts', "import { start } from 'azure-local/cosmos';"],
  ['local/cosmos/server.ts', "export * from './store.ts';"],
  ['local/cosmos/store.ts', 'export const start = 1;'],
  ['web/alone.tsx', "import './alone.css';"],
]);
const changed = (path: string, text = '// changed') => new Map([...TEXTS, [path, text]]);
const staleAfter = (texts: ReadonlyMap<string, string>, base = 'rules') =>
  staleFiles(digestsOf(texts, base), digestsOf(TEXTS, 'rules')).toSorted();

test.each([
  [
    'shared/errors.ts',
    ['functions/drone/domain.ts', 'functions/drone/lazy.ts', 'shared/errors.ts', 'shared/read.ts'],
  ],
  ['functions/drone/domain.ts', ['functions/drone/domain.ts', 'functions/drone/lazy.ts']],
  ['web/alone.tsx', ['web/alone.tsx']],
  ['local/cosmos/store.ts', ['local/cosmos/server.ts', 'local/cosmos/store.ts', 'tests/e2e.test.ts']],
])('A1, A2 after a change of %s it and what imports it are linted again', (path, stale) => {
  expect(staleAfter(changed(path))).toEqual(stale);
});

test('A1 other rules make every file stale, and no change makes none', () => {
  expect(staleAfter(TEXTS, 'other rules')).toEqual([...TEXTS.keys()].toSorted());
  expect(staleAfter(TEXTS)).toEqual([]);
});

test('A1 a file that is new or gone makes those stale that import it', () => {
  const without = new Map([...TEXTS].filter(([path]) => path !== 'shared/errors.ts'));
  const again = ['functions/drone/domain.ts', 'functions/drone/lazy.ts', 'shared/read.ts'];
  expect(staleAfter(without)).toEqual(again);
  expect(staleFiles(digestsOf(TEXTS, ''), digestsOf(without, '')).toSorted()).toEqual(
    [...again, 'shared/errors.ts'].toSorted(),
  );
});

test('files that import each other are followed to the end', () => {
  const texts = new Map([
    ['a.ts', "import './b.ts';"],
    ['b.ts', "export * from './a.ts';"],
  ]);
  expect(importsOf('a.ts', texts)).toEqual(['b.ts']);
  expect(Object.keys(digestsOf(texts, ''))).toEqual(['a.ts', 'b.ts']);
});
