/** Describes the settings that are missing or not valid. */
import type { FieldError } from '../errors.ts';

/** One phrase for each such setting, beginning with its name. @example ['API_AUDIENCE is missing', 'PUBLIC_ORIGIN: Invalid URL'] */
export function describeProblems(
  errors: readonly FieldError[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return errors.map(({ path, message }) =>
    environment[path] === undefined ? `${path} is missing` : `${path}: ${message}`,
  );
}
