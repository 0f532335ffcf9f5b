/**
 * Numbered invariants (`J1 …` in the header of a file) and the tests that cite them in a title.
 *
 * N1 A test proves the invariant of a file when its title has the number and it lies beside the file, or imports it.
 */
import { basename, dirname } from 'node:path';

export interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Invariant {
  readonly path: string;
  /** `J1` */
  readonly number: string;
}

const IS_TEST = /\.test\.tsx?$/;

/** In the comments of all files but tests. */
export function invariantsIn(sources: readonly Source[]): Invariant[] {
  return sources
    .filter(({ path }) => !IS_TEST.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^ \* ([A-Z]{1,2}\d{1,2}) +\S/gm)].map(([, number = '']) => ({ path, number })),
    );
}

/** Those that no test cites (N1). */
export function uncited(sources: readonly Source[]): Invariant[] {
  const tests = sources.filter(({ path }) => IS_TEST.test(path)).map(citationsOf);
  const cited = new Set(
    tests.flatMap(({ numbers, places }) =>
      numbers.flatMap((number) => places.map((place) => `${place} ${number}`)),
    ),
  );
  return invariantsIn(sources).filter(
    ({ path, number }) => !cited.has(`${dirname(path)} ${number}`) && !cited.has(`${nameOf(path)} ${number}`),
  );
}

interface Citations {
  readonly numbers: readonly string[];
  /** The folder that the test lies in, and the names of the files that it imports. */
  readonly places: readonly string[];
}

function citationsOf({ path, text }: Source): Citations {
  const imports = [...text.matchAll(/ from '[^']*\/([^/']+)'/g)].map(([, file = '']) => nameOf(file));
  return {
    numbers: titlesIn(text).flatMap((title) => title.match(/\b[A-Z]{1,2}\d{1,2}\b/g) ?? []),
    places: [dirname(path), ...imports],
  };
}

/** Of tests and of the groups that they are in: the texts before their functions. */
function titlesIn(text: string): string[] {
  const title = /\(\s*(?:'([^'\n]+)'|"([^"\n]+)"|`([^`\n]+)`),\s*(?:async\s*)?\(/g;
  return [...text.matchAll(title)].map(([, single, double, template]) => single ?? double ?? template ?? '');
}

const nameOf = (path: string) => basename(path).replace(/\.tsx?$/, '');
