/** The items of the container `requests` (partition: account). */
import type { AcceptedRequest } from '../../shared/contracts/requests.ts';
import type { TraceContext } from '../../shared/telemetry/trace-context.ts';

/**
 * `accepted`: recorded, and on its way to the hub. `taken`: the scheduler has it. `abandoned`: a client without an
 * Idempotency-Key was answered 503; if the message reaches the hub nevertheless, the scheduler drops it.
 */
export interface RequestDocument extends TraceContext {
  readonly id: string;
  readonly type: 'request';
  readonly accountId: string;
  readonly status: 'accepted' | 'taken' | 'abandoned';
  /** True until the hub has acknowledged the request, or it was taken or abandoned. No client is answered 202 while it is true. */
  readonly pending: boolean;
  /** Whether the client sent an Idempotency-Key. */
  readonly keyed: boolean;
  readonly request: AcceptedRequest;
  /** Of the time at which it was accepted. */
  readonly sortKey: string;
  /** Counted from the last change, so that a request expires before its workflow does. */
  readonly ttl: number;
}

/** The delivery of an `Idempotency-Key`; it expires after a day. */
export interface IdempotencyDocument {
  readonly id: string;
  readonly type: 'idempotency';
  readonly accountId: string;
  readonly deliveryId: string;
  readonly bodyHash: string;
  readonly ttl: number;
}

export const IDEMPOTENCY_TTL_SECONDS = 24 * 3600;
