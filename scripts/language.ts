/**
 * Finds words that the glossary replaces, in names of files and in their text: identifiers, comments and strings alike.
 *
 * L1 A word of lower-case letters matches as a whole word, and as a part of an identifier: `aLine`, `a_line`, `A_LINE`.
 * L2 Other entries, such as a prefix or an identifier, match as they are written, at the beginning of an identifier.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const TEXT = /\.(?:[cm]?[jt]sx?|json|md|html|css|svg|ya?ml|bicep|bicepparam|sql)$/;
const OTHERS = new Set(['node_modules', 'dist', 'package-lock.json', 'glossary.md']);

export interface Find {
  /** `path:line`; line 0 is the name of the file. */
  readonly at: string;
  readonly word: string;
}

/** The first column of the last section's table. */
export function replacedWords(glossary: string): string[] {
  const section = glossary.split(/^## /m).at(-1) ?? '';
  return [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}

export function findWords(text: string, words: readonly string[]): string[] {
  const parts = text
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, ' ');
  return words.filter((word) =>
    /^[a-z ]+$/.test(word)
      ? ` ${parts} `.includes(` ${word} `)
      : new RegExp(String.raw`\b${word}`).test(text),
  );
}

export function findInFolders(root: string, folders: readonly string[], words: readonly string[]): Find[] {
  return folders
    .flatMap((folder) => filesBelow(join(root, folder)))
    .flatMap((file) => {
      const path = relative(root, file).replaceAll(sep, '/');
      return [path, ...readFileSync(file, 'utf8').split('\n')].flatMap((line, number) =>
        findWords(line, words).map((word) => ({ at: `${path}:${number}`, word })),
      );
    });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (OTHERS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() && TEXT.test(entry.name) ? [path] : [];
  });
}
