/** Maps the Cosmos SDK's errors to AppError. Status codes: https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb */
import { AppError } from '../errors.ts';
import { WriteConflict } from './write-conflict.ts';

interface CosmosFailure {
  readonly code?: number | string;
  readonly message?: string;
  readonly retryAfterInMs?: number;
}

export function fromCosmos(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { code, retryAfterInMs } = (thrown ?? {}) as CosmosFailure;
  switch (code) {
    case 404:
      return new AppError('not_found', 'there is no such item', { cause: thrown });
    case 409:
      return new WriteConflict('exists', thrown);
    case 412:
      return new WriteConflict('changed', thrown);
    case 413:
      return new AppError('body_too_large', 'the item is too large', { cause: thrown });
    case 429:
      return new AppError('too_many_requests', 'the database is throttling', {
        cause: thrown,
        retryAfterSeconds: (retryAfterInMs ?? 1000) / 1000,
      });
    case 400:
    case 401:
    case 403:
      return new AppError('internal', `the database refused: ${code}`, { cause: thrown });
    case undefined:
    default:
      return new AppError('dependency_unavailable', 'the database cannot be reached', {
        cause: thrown,
        retryAfterSeconds: 1,
      });
  }
}
