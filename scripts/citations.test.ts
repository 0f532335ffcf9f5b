import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { invariantsIn, type Source, uncited } from './citations.ts';
import { UNCITED } from './uncited.fixture.ts';

const ROOT = join(import.meta.dirname, '..');

const header = (...lines: readonly string[]) => `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`;
const of = (path: string, text: string): Source => ({ path, text });

test('N1 an invariant is cited by the title of a test beside its file', () => {
  const file = of('a/one.ts', header('A file.', '', 'J1 First.', 'J2 Second.'));
  expect(invariantsIn([file])).toHaveLength(2);
  expect(uncited([file, of('a/x.test.ts', "test('J2 holds', () => {})")])).toEqual([
    { path: 'a/one.ts', number: 'J1' },
  ]);
  expect(uncited([file, of('a/x.test.ts', "describe('J1 and J2', () => {})")])).toEqual([]);
});

test('N1 or of one that imports it; a comment, a longer number or a test elsewhere is no citation', () => {
  const file = of('a/one.ts', header('J1 First.'));
  const imports = "import { one } from '../a/one.ts';\n";
  expect(uncited([file, of('b/x.test.ts', `${imports}test('J1 holds', () => {})`)])).toEqual([]);
  expect(uncited([file, of('b/x.test.ts', "test('J1 holds', () => {})")])).toHaveLength(1);
  expect(uncited([file, of('a/x.test.ts', "test('J11 holds', () => {})")])).toHaveLength(1);
  expect(uncited([file, of('a/x.test.ts', "// J1\ntest('it holds', () => {})")])).toHaveLength(1);
});

test('every numbered invariant of this repository has a test that cites it', () => {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.ts'],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  const sources = listed
    .split('\0')
    .filter(Boolean)
    .flatMap((path): Source[] => {
      try {
        return [{ path, text: readFileSync(join(ROOT, path), 'utf8') }];
      } catch {
        return [];
      }
    });
  expect(invariantsIn(sources).length).toBeGreaterThan(300);
  const missing = uncited(sources).map(({ path, number }) => `${path} ${number}`);
  const known = Object.entries(UNCITED).flatMap(([path, numbers]) =>
    numbers.split(' ').map((number) => `${path} ${number}`),
  );
  // Cite them in the title of the test that proves them.
  expect(missing.filter((each) => !known.includes(each))).toEqual([]);
  // They are cited now: take them off the list.
  expect(known.filter((each) => !missing.includes(each))).toEqual([]);
});
