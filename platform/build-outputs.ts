/**
 * Writes the changed files of a build, and finds the parts of the platform that run them.
 *
 * O1 Only files whose content differs are written, so a part is restarted only for a change in its own bundle. An entry
 *    names its chunks by their content: a change in a chunk changes each entry that imports it.
 * O2 A changed page loses its compressed copies, which would be served in its place.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { OUT } from './process-files.ts';

export interface OutputFile {
  readonly path: string;
  readonly contents: Uint8Array;
}

/** Returns the paths of the files that were written. */
export function writeChanged(files: readonly OutputFile[]): string[] {
  const changed = files.filter(({ path, contents }) => !isOnDisk(path, contents));
  for (const { path, contents } of changed) {
    mkdirSync(dirname(path), { recursive: true });
    for (const suffix of ['.br', '.gz']) rmSync(`${path}${suffix}`, { force: true });
    writeFileSync(path, contents);
  }
  return changed.map(({ path }) => path);
}

function isOnDisk(path: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}

export interface Touched {
  /** Processes by their names in process-files.ts. */
  readonly processes: readonly string[];
  readonly pages: boolean;
}

/** The parts that run the changed files. Chunks and source maps alone affect none (O1). */
export function touchedBy(root: string, changed: readonly string[]): Touched {
  const code = changed.filter((path) => !path.endsWith('.map'));
  const within = (folder: string) => code.filter((path) => dirname(path) === join(root, folder));
  const entries = within(join(OUT, 'processes'))
    .map((path) => basename(path, '.mjs'))
    .filter((name) => !name.startsWith('chunk-'));
  const app = within('dist/functions').length > 0 ? ['functions'] : [];
  const pages = code.some((path) => !relative(join(root, OUT, 'web'), path).startsWith('..'));
  return { processes: [...new Set([...entries, ...app])], pages };
}
