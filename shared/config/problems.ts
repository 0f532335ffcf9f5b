/** Describes the settings that cannot be used. */
import type { FieldError } from '../errors.ts';

/** One phrase for each setting that is missing or wrong, by name. @example ['API_AUDIENCE is missing', 'PUBLIC_ORIGIN: Invalid URL'] */
export function describeProblems(
  errors: readonly FieldError[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return errors.map(({ path, message }) =>
    environment[path] === undefined ? `${path} is missing` : `${path}: ${message}`,
  );
}
