/** Stops waiting for work that takes too long; the work itself goes on. */
import { AppError } from './errors.ts';

/**
 * @param name of the work, for the error's text
 * @throws AppError `deadline_exceeded` (504) after `timeoutMs`; the outcome of the work is then unknown
 */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number, name: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AppError('deadline_exceeded', `${name} took longer than ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
