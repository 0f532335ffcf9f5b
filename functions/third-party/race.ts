/** Two calls for one delivery at the same moment: the loser of a conditional write looks again. */
import { AppError } from '../../shared/errors.ts';

const RACE_ATTEMPTS = 8;

export async function untilNobodyIsFaster<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const race =
        error instanceof AppError && (error.code === 'already_exists' || error.code === 'etag_mismatch');
      if (!race) throw error;
      if (attempt >= RACE_ATTEMPTS) {
        throw new AppError('dependency_unavailable', 'too many changes at one time', {
          cause: error,
          retryAfterSeconds: 1,
        });
      }
    }
  }
}
