/** Optimistic writing: who finds that somebody else wrote meanwhile looks again. */
import { AppError } from '../errors.ts';

/** Each lost race means that another call got on, so this many are lost only under a storm of them. */
const RACE_ATTEMPTS = 20;

/**
 * `work` reads, decides and writes by etag; it begins anew when the write came too late.
 * @throws AppError `dependency_unavailable` (retryable) when it was always too late, else whatever `work` throws
 */
export async function untilUndisturbed<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const race =
        error instanceof AppError && (error.code === 'etag_mismatch' || error.code === 'already_exists');
      if (!race) throw error;
      if (attempt >= RACE_ATTEMPTS) {
        const detail = 'too many changes at one time';
        throw new AppError('dependency_unavailable', detail, { cause: error, retryAfterSeconds: 1 });
      }
    }
  }
}
