/** What ingestion keeps in the container `requests` (partition: account). */
import type { AcceptedRequest } from '../../shared/contracts/requests.ts';

/** `accepted`: the client may have been, or was, answered 202. `abandoned`: it was answered 503 and told to come again. */
export interface RequestDocument {
  readonly id: string;
  readonly type: 'request';
  readonly accountId: string;
  readonly status: 'accepted' | 'abandoned';
  readonly request: AcceptedRequest;
  readonly traceparent?: string;
}

/** Which delivery an `Idempotency-Key` stands for; forgotten after a day. */
export interface IdempotencyDocument {
  readonly id: string;
  readonly type: 'idempotency';
  readonly accountId: string;
  readonly deliveryId: string;
  readonly bodyHash: string;
  readonly ttl: number;
}

export const IDEMPOTENCY_TTL_SECONDS = 24 * 3600;
