import { expect, test } from 'vitest';
import { compareAccepted, describeMutant, type Mutant, reportOf, score } from './report.ts';

const SOURCE = 'const one = 1;\n  if (a < b) {\n    run();\n  }\n';
const mutant = (status: string, change: Partial<Mutant> = {}): Mutant => ({
  status,
  replacement: 'a <= b',
  location: { start: { line: 2, column: 7 }, end: { line: 2, column: 12 } },
  ...change,
});
const resultsOf = (...statuses: string[]) => ({
  files: { 'a.ts': { source: SOURCE, mutants: statuses.map((status) => mutant(status)) } },
});
const KEY = 'a < b → a <= b in if (a < b) {';

test('a mutant is described by its text, its replacement and its line', () => {
  expect(describeMutant(mutant('Survived'), SOURCE)).toBe(KEY);
  const block = mutant('Survived', {
    replacement: '{}',
    location: { start: { line: 2, column: 14 }, end: { line: 4, column: 4 } },
  });
  expect(describeMutant(block, SOURCE)).toBe('{ run(); } → {} in if (a < b) {');
  const long = describeMutant(mutant('Survived', { replacement: 'x'.repeat(500) }), SOURCE);
  expect(long).toHaveLength('a < b → '.length + 100 + ' in if (a < b) {'.length);
});

test('killed and timed out count as noticed, survived and not covered do not, others not at all', () => {
  const statuses = ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored', 'CompileError', 'RuntimeError'];
  const report = reportOf('folder', resultsOf(...statuses));
  expect(report).toMatchObject({ folder: 'folder', killed: 2 });
  expect(report.survivors).toEqual(Array(2).fill({ file: 'a.ts', line: 2, mutant: KEY }));
  expect(score(report)).toBe(50);
  expect(score({ folder: 'empty', killed: 0, survivors: [] })).toBe(0);
});

test('an accepted survivor is explained, and an entry that matches none is stale', () => {
  const { survivors } = reportOf('folder', resultsOf('Survived'));
  const entry = (file: string, ...mutants: string[]) => ({ file, reason: 'equal', mutants });
  const compare = (...accepted: ReturnType<typeof entry>[]) =>
    compareAccepted(survivors, accepted, new Set(['a.ts']));
  expect(compare()).toEqual({ unexplained: survivors, stale: [] });
  expect(compare(entry('a.ts', KEY))).toEqual({ unexplained: [], stale: [] });
  expect(compare(entry('a.ts', KEY, 'other'))).toEqual({ unexplained: [], stale: ['a.ts: other'] });
  // An entry of a file that this run has not changed says nothing, and explains nothing.
  expect(compare(entry('b.ts', KEY))).toEqual({ unexplained: survivors, stale: [] });
});
