/**
 * Handles conditional writes that came too late.
 *
 * K1 The store rejects such a write with a `WriteConflict`, an error inside a service: the caller reads and decides again.
 * K2 Its code is that of a busy server (503, retryable): if no loop has caught it, the client is not at fault.
 * K3 `etag_mismatch` (412) is an answer, and only to a client that sent If-Match.
 */
import { AppError } from '../errors.ts';

/** `exists`: an item to be created was there; `changed`: an etag or a condition no longer held. */
export type Conflict = 'exists' | 'changed';

export class WriteConflict extends AppError {
  readonly conflict: Conflict;

  constructor(conflict: Conflict, cause?: unknown) {
    super('dependency_unavailable', 'other requests are changing this resource at the same time: try again', {
      cause,
      retryAfterSeconds: 1,
    });
    this.name = 'WriteConflict';
    this.conflict = conflict;
  }
}

/** Each conflict means that another writer succeeded, so only a storm of writes reaches this limit. */
const MAX_ATTEMPTS = 20;

/**
 * Runs `work`, which reads, decides and writes conditionally; a write conflict runs it again. `work` is told which attempt
 * it is: one that mostly makes what is new writes first, and reads only from the second attempt on.
 * @param ifMatch the client's own precondition: then a conflict is final
 * @throws AppError `etag_mismatch` (412) when `ifMatch` no longer holds; after 20 conflicts the last `WriteConflict` (503)
 */
export async function withOptimisticRetry<T>(
  work: (attempt: number) => Promise<T>,
  ifMatch?: string,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      if (ifMatch !== undefined) throw preconditionFailed(error);
      if (attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** The result of a write, or undefined after a conflict (of the given kind, if there is one). */
export async function unlessConflict<T>(write: () => Promise<T>, kind?: Conflict): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof WriteConflict && (kind === undefined || error.conflict === kind)) return undefined;
    throw error;
  }
}

/**
 * Checks the client's If-Match, one ETag or a list of them, against the resource's current ETag.
 * @param etag undefined: there is no such resource
 * @throws AppError `etag_mismatch` (412)
 */
export function checkIfMatch(ifMatch: string | undefined, etag: string | undefined): void {
  if (ifMatch === undefined || (ifMatch === '*' && etag !== undefined)) return;
  const listed = ifMatch.split(',').map((each) => each.trim());
  if (etag === undefined || !listed.includes(etag)) throw preconditionFailed();
}

function preconditionFailed(cause?: unknown): AppError {
  return new AppError('etag_mismatch', 'the resource no longer has the ETag of If-Match: read it again', {
    cause,
  });
}
