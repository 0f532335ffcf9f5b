/**
 * Which files have to be linted again.
 *
 * A1 A complaint about a file depends on the file, on what it imports, directly or not, and on the base: the rules, the
 *    compiler's settings and the installed packages. A file is linted again when one of them has changed.
 * A2 What cannot be followed is taken to be everything: an import of azure-local depends on the whole of local/.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g;
const LOCAL = 'azure-local/';

/** By path, relative to the root. */
export type Texts = ReadonlyMap<string, string>;
export type Digests = Readonly<Record<string, string>>;

/** The paths that a file imports, as far as they are files of the repository. */
export function importsOf(path: string, texts: Texts): string[] {
  const specifiers = [...(texts.get(path) ?? '').matchAll(IMPORT)].map(
    ([, specifier]) => specifier as string,
  );
  const relative = specifiers
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier));
  const local = specifiers.some((specifier) => specifier.startsWith(LOCAL))
    ? [...texts.keys()].filter((file) => file.startsWith('local/'))
    : [];
  return [...new Set([...relative, ...local])].filter((file) => texts.has(file));
}

/** Of each file, with all that a complaint about it depends on. */
export function digestsOf(texts: Texts, base: string): Digests {
  const own = new Map([...texts].map(([path, text]) => [path, sha(text)]));
  const imports = new Map([...texts.keys()].map((path) => [path, importsOf(path, texts)]));
  const reached = (path: string) => {
    const seen = new Set([path]);
    for (const file of seen) for (const next of imports.get(file) ?? []) seen.add(next);
    return [...seen].toSorted();
  };
  return Object.fromEntries(
    [...texts.keys()].map((path) => [
      path,
      sha([base, ...reached(path).map((file) => `${file} ${own.get(file)}`)].join('\n')),
    ]),
  );
}

/** The files that were not found clean as they are now. */
export function staleFiles(now: Digests, clean: Digests): string[] {
  return Object.keys(now).filter((path) => now[path] !== clean[path]);
}

export function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
