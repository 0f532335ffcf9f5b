/**
 * Counts the mutants of a run and compares its survivors with the accepted ones.
 *
 * The key of a survivor is its file and a text without line numbers: an entry stays valid while the code around it moves, and
 * becomes stale when its own line changes.
 */
export interface Mutant {
  readonly status: string;
  /** In code that runs while its module is loaded. */
  readonly static?: boolean;
  readonly replacement?: string;
  /** Lines and columns from 1. */
  readonly location: { readonly start: Place; readonly end: Place };
}
interface Place {
  readonly line: number;
  readonly column: number;
}

/** A report of StrykerJS: https://github.com/stryker-mutator/mutation-testing-elements/tree/master/packages/report-schema */
export interface Results {
  readonly files: Readonly<Record<string, { readonly source: string; mutants: readonly Mutant[] }>>;
}

/** Survivors of one file that do not matter, for one reason. */
export interface Accepted {
  readonly file: string;
  readonly reason: string;
  readonly mutants: readonly string[];
}

export interface Report {
  readonly folder: string;
  readonly killed: number;
  readonly survivors: readonly Survivor[];
}
export interface Survivor {
  readonly file: string;
  readonly line: number;
  readonly mutant: string;
}

/** Statuses in which no test noticed the change. */
const ALIVE = new Set(['Survived', 'NoCoverage']);
/** Statuses in which a test failed or never ended. */
const DEAD = new Set(['Killed', 'Timeout']);

export function reportOf(folder: string, { files }: Results): Report {
  const mutants = Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants.map((mutant) => ({ file, source, mutant })),
  );
  return {
    folder,
    killed: mutants.filter(({ mutant }) => DEAD.has(mutant.status)).length,
    survivors: mutants
      .filter(({ mutant }) => ALIVE.has(mutant.status))
      .map(({ file, source, mutant }) => ({
        file,
        line: mutant.location.start.line,
        mutant: describeMutant(mutant, source),
      })),
  };
}

/** The mutated text, its replacement, and the line on which it stands. */
export function describeMutant({ location, replacement = '' }: Mutant, source: string): string {
  const lines = source.split('\n');
  const { start, end } = location;
  const mutated = lines.slice(start.line - 1, end.line);
  mutated[mutated.length - 1] = (mutated.at(-1) ?? '').slice(0, end.column - 1);
  mutated[0] = (mutated[0] ?? '').slice(start.column - 1);
  return `${short(mutated.join(' '))} → ${short(replacement)} in ${short(lines[start.line - 1] ?? '')}`;
}

const short = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
};

export const score = ({ killed, survivors }: Report) => (100 * killed) / (killed + survivors.length || 1);

/** Survivors without a reason, and entries of the mutated files that match no survivor. */
export function compareAccepted(
  survivors: readonly Survivor[],
  accepted: readonly Accepted[],
  mutatedFiles: ReadonlySet<string>,
): { unexplained: Survivor[]; stale: string[] } {
  const keys = new Set(survivors.map(({ file, mutant }) => `${file}: ${mutant}`));
  const reasons = accepted
    .filter(({ file }) => mutatedFiles.has(file))
    .flatMap(({ file, mutants }) => mutants.map((mutant) => `${file}: ${mutant}`));
  const known = new Set(reasons);
  return {
    unexplained: survivors.filter(({ file, mutant }) => !known.has(`${file}: ${mutant}`)),
    stale: reasons.filter((reason) => !keys.has(reason)),
  };
}
