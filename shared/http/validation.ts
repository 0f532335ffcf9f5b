/** What a schema found wrong, as fields with their paths: what a client can mend. */
import type { z } from 'zod';
import type { FieldError } from '../errors.ts';

type Issue = z.core.$ZodIssue;

/** More than these help nobody, and an answer stays small. */
const MOST_ERRORS = 20;

/** `where` is `path`, `query` or `body`: the first segment of each path. */
export function fieldErrors(where: string, issues: readonly Issue[]): FieldError[] {
  return issues.flatMap((issue) => errorsOf([where], issue)).slice(0, MOST_ERRORS);
}

function errorsOf(parent: readonly PropertyKey[], issue: Issue): FieldError[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: written([...path, key]), message: 'is not known' }));
  }
  if (issue.code === 'invalid_union') {
    const meant = meantBranch(issue.errors);
    if (meant) return meant.flatMap((inner) => errorsOf(path, inner));
  }
  return [{ path: written(path), message: issue.message }];
}

/** The alternative that the value was meant to be: of the right type, with the fewest faults. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const ofTheType = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  return ofTheType.toSorted((a, b) => a.length - b.length)[0];
}

function written(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

/** Why a text is not JSON, without a piece of the text: it may be a secret, and it goes to logs. */
export function notJson(error: unknown): string {
  const position = /position (\d+)/.exec((error as Error).message)?.[1];
  return position === undefined ? 'is not JSON' : `is not JSON, from position ${position} on`;
}
