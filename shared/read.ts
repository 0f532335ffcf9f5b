/**
 * Reads all external input: HTTP bodies, socket frames, hub messages, answers of other servers, settings, files.
 *
 * R1 Nothing here throws, for any value: a fault in the value, or in a check of it, becomes a field error.
 * R2 A value nests at most `MAX_DEPTH` levels and its texts are well-formed Unicode, so code that later hashes, copies,
 *    stores or compares it may recurse, and reads back what was written.
 * R3 An error names the field by its path and never repeats the value: it may be a secret, and it goes to logs.
 */
import type { z } from 'zod';
import type { FieldError } from './errors.ts';

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

type Issue = z.core.$ZodIssue;

/** More would not help the caller, and the answer stays small. */
const MAX_ERRORS = 20;

/** Deepest nesting of a value; the contracts need 8. */
const MAX_DEPTH = 64;

/**
 * Answers the value as the schema defines it, or its faults.
 * @param where the first segment of each error's path: `body`, `query`, `frame`; empty for none
 */
export function read<S extends z.ZodType>(schema: S, value: unknown, where = ''): Read<z.output<S>> {
  const root = where === '' ? [] : [where];
  try {
    const unfit = findUnfit(value, root);
    if (unfit) return { ok: false, errors: [unfit] };
    const result = schema.safeParse(value);
    if (result.success) return { ok: true, value: result.data };
    const errors = result.error.issues.flatMap((issue) => errorsOf(root, issue));
    return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  } catch {
    // A check of the schema threw: zod runs checks of length on values of the wrong type.
    return { ok: false, errors: [{ path: where, message: 'is not valid' }] };
  }
}

/** Parses JSON from text or UTF-8 bytes; the value is not yet checked. */
export function parseJson(input: string | Uint8Array, where = ''): Read<unknown> {
  const failed = (message: string): Read<never> => ({ ok: false, errors: [{ path: where, message }] });
  let text: string;
  try {
    text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch {
    return failed('is not UTF-8');
  }
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return failed(notJson(error));
  }
}

/** `parseJson`, then `read`. */
export function readJson<S extends z.ZodType>(
  schema: S,
  input: string | Uint8Array,
  where = '',
): Read<z.output<S>> {
  const parsed = parseJson(input, where);
  return parsed.ok ? read(schema, parsed.value, where) : parsed;
}

/**
 * Puts an outgoing value into the shape that its schema promises; unknown fields are left out.
 * @throws Error when the value breaks the promise: that is a fault of the calling code, not of any input
 */
export function conform<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = read(schema, value);
  if (!result.ok) throw new Error(`a value does not fit its schema: ${describeErrors(result.errors)}`);
  return result.value;
}

/** The first error as one phrase. @example 'body.weight: Too small: expected number to be >0' */
export function describeErrors([first]: readonly FieldError[]): string {
  if (!first) return 'is not valid';
  return first.path === '' ? first.message : `${first.path}: ${first.message}`;
}

/** Breadth first, so that no depth of nesting can exhaust the stack. */
function findUnfit(root: unknown, where: readonly PropertyKey[]): FieldError | undefined {
  if (typeof root === 'string') return root.isWellFormed() ? undefined : notUnicode(where);
  if (typeof root !== 'object' || root === null || root instanceof Uint8Array) return undefined;
  let level: [readonly PropertyKey[], object][] = [[where, root]];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      return { path: written(where), message: `is nested more than ${MAX_DEPTH} levels deep` };
    }
    const next: typeof level = [];
    for (const [path, value] of level) {
      for (const [key, member] of Object.entries(value)) {
        if (!key.isWellFormed()) return notUnicode(path);
        if (typeof member === 'string' && !member.isWellFormed()) return notUnicode([...path, key]);
        if (typeof member === 'object' && member !== null) next.push([[...path, key], member as object]);
      }
    }
    level = next;
  }
  return undefined;
}

function notUnicode(path: readonly PropertyKey[]): FieldError {
  return { path: written(path), message: 'is not well-formed Unicode' };
}

function errorsOf(parent: readonly PropertyKey[], issue: Issue): FieldError[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: written([...path, key]), message: 'unknown field' }));
  }
  if (issue.code === 'invalid_union') {
    const intended = closestBranch(issue.errors);
    if (intended) return intended.flatMap((inner) => errorsOf(path, inner));
  }
  return [{ path: written(path), message: issue.message }];
}

/** The alternative that was probably meant: of the right type, with the fewest faults. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const ofTheType = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  return ofTheType.toSorted((a, b) => a.length - b.length)[0];
}

function written(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function notJson(error: unknown): string {
  const position = /position (\d+)/.exec((error as Error).message)?.[1];
  return position === undefined ? 'is not JSON' : `is not JSON, starting at position ${position}`;
}
