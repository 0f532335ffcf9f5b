/**
 * Sweeps requests whose submission died between the record and the hub's acknowledgement: no client was answered 202.
 *
 * R1 With an Idempotency-Key they are published again: the client repeats, and the message has the same id.
 * R2 Without one they are abandoned, as when the client is answered 503.
 * R3 A request that was published or taken meanwhile stays as it is, even when two sweeps run at once.
 */
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { inSpan } from '../../shared/telemetry/trace.ts';
import type { RequestRepository } from './repository.ts';
import { publishRequest } from './submit.ts';

/** Longer than any submission takes, ms. */
const SUBMISSION_MS = 60_000;
/** Largest number of requests in one sweep; the next sweep continues. */
const MAX_SWEPT = 100;

/** Rejects when the hub or the database is away: the next sweep finds the rest. */
export async function sweep(repository: RequestRepository, deps: ServiceDeps): Promise<void> {
  const before = new Date(deps.now().getTime() - SUBMISSION_MS).toISOString();
  for (const request of await repository.pending(before, MAX_SWEPT)) {
    const { id: deliveryId, accountId, keyed } = request;
    if (keyed) {
      const span = { attributes: { service: 'ingestion' }, parent: request };
      await inSpan('publish again', span, () => publishRequest(request, repository, deps));
    } else await repository.abandon(accountId, deliveryId);
    deps.log.warn({ deliveryId, keyed }, 'swept a request that was recorded, but not published');
  }
}
