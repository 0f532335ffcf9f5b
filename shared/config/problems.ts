/** What is wrong with settings, in words. */
import type { z } from 'zod';

/** One phrase for each setting that is missing or wrong, by name. @example ['API_AUDIENCE is missing', 'PUBLIC_ORIGIN: Invalid URL'] */
export function wordsOf(
  error: z.ZodError,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return environment[name] === undefined ? `${name} is missing` : `${name}: ${message}`;
  });
}
