import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findInFolders, findWords, replacedWords } from './language.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS =
  'bicep docs functions local platform scripts shared simulator stand-ins tests tracking web'.split(' ');
const WORDS = replacedWords(readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8'));

test('the repository uses no word that docs/glossary.md replaces', () => {
  expect(WORDS.length).toBeGreaterThan(20);
  expect(findInFolders(ROOT, FOLDERS, WORDS).map(({ at, word }) => `${at} ${word}`)).toEqual([]);
});

test.each([
  ['a line', 'b', []],
  ['// The Zebra runs.', 'zebra', ['zebra']],
  ['const wildZebra = 1;', 'zebra', ['zebra']],
  ['const ZEBRA_AGE = 1;', 'zebra', ['zebra']],
  ['parseZEBRAName', 'zebra', ['zebra']],
  ['wild-zebra.ts', 'zebra', ['zebra']],
  ['zebras, prezebra', 'zebra', []],
  ['it is set  free', 'set free', ['set free']],
  ['const ZEB_AGE', 'ZEB_', ['ZEB_']],
  ['const WILDZEB_AGE = zeb_', 'ZEB_', []],
])('L1, L2 in %j the word %j is found as a whole', (text, word, found) => {
  expect(findWords(text, [word])).toEqual(found);
});

test('a find names the file and the line, a file that is called so line 0', () => {
  const root = mkdtempSync(join(tmpdir(), 'language-'));
  try {
    mkdirSync(join(root, 'a/node_modules'), { recursive: true });
    writeFileSync(join(root, 'a/node_modules/x.ts'), 'zebra');
    writeFileSync(join(root, 'a/zebra.ts'), 'one\nzebra\n');
    writeFileSync(join(root, 'a/picture.png'), 'zebra');
    expect(findInFolders(root, ['a'], ['zebra']).map(({ at }) => at)).toEqual([
      'a/zebra.ts:0',
      'a/zebra.ts:2',
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
