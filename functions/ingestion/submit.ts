/**
 * Accepts a request: records it, publishes it to the hub, then answers 202. If the hub does not acknowledge it, the answer
 * is 503. The client's retry makes no second delivery: with an Idempotency-Key it is the same request; without one, the
 * first request is abandoned, unless the scheduler already has it, and then the answer is 202 after all.
 */
import { ownAccount } from '../../shared/auth/tenancy.ts';
import { canonicalHash } from '../../shared/canonical-hash.ts';
import { sortKeyOf } from '../../shared/continuation.ts';
import { checkAdmission } from '../../shared/contracts/accounts.ts';
import type { Owner } from '../../shared/contracts/common.ts';
import type { DeliveryRequestBody, RequestMessage, submitRequest } from '../../shared/contracts/requests.ts';
import { AppError, toAppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type Call, type Handler, invalid } from '../../shared/http/pipeline.ts';
import { traceContext } from '../../shared/telemetry/trace-context.ts';
import { createAdmission } from './admission.ts';
import { acceptedRequest, answerOf, idempotencyId } from './domain.ts';
import type { RequestRepository } from './repository.ts';
import { IDEMPOTENCY_TTL_SECONDS, type IdempotencyDocument, type RequestDocument } from './schemas.ts';

/** The account is checked before the message is published, within the same 2 s. */
const ASK_TIMEOUT_MS = 400;
/** A client waits at most 2 s for a 503. */
const PUBLISH_TIMEOUT_MS = 1_500;

export function createSubmit(
  repository: RequestRepository,
  deps: ServiceDeps,
): Handler<typeof submitRequest> {
  const admit = createAdmission((owner) => checkMayShip(owner, deps), deps.now);
  return async ({ body }, call) => {
    const owner = ownerOf(body.ownerId, call);
    const key = keyOf(call, owner.accountId, canonicalHash(body));
    const recorded = await recordOnce(body, owner, key);
    if (recorded.status === 'accepted') await publish(recorded, key !== undefined);
    return {
      status: 202,
      body: answerOf(recorded.request),
      headers: { location: `${deps.settings.PUBLIC_ORIGIN}/api/deliveryrequests/${recorded.id}` },
    };
  };

  /** Writes first: only what could not be recorded may be the repetition of an earlier call with the same key. */
  async function recordOnce(
    body: DeliveryRequestBody,
    owner: Owner,
    key: Key | undefined,
  ): Promise<RequestDocument> {
    try {
      await admit(owner);
      return await record(body, owner, key);
    } catch (error) {
      const known = key && (await repository.earlier(key));
      if (known) return known;
      throw error;
    }
  }

  async function record(
    body: DeliveryRequestBody,
    owner: Owner,
    key: Key | undefined,
  ): Promise<RequestDocument> {
    const request = acceptedRequest({ body, owner, deliveryId: deps.newId(), now: deps.now() });
    const document: RequestDocument = {
      id: request.deliveryId,
      type: 'request',
      accountId: owner.accountId,
      status: 'accepted',
      pending: true,
      keyed: key !== undefined,
      request,
      sortKey: sortKeyOf(request.acceptedAt, request.deliveryId),
      ttl: deps.settings.RETENTION_DAYS * 24 * 3600,
      ...traceContext(),
    };
    return repository.record(
      document,
      key && { ...key, type: 'idempotency', deliveryId: document.id, ttl: IDEMPOTENCY_TTL_SECONDS },
    );
  }

  /**
   * With a key nothing is abandoned, so the client does not wait for the mark that it is published: were the mark lost, the
   * sweep would publish the same message again, and nothing would come of it.
   */
  async function publish(recorded: RequestDocument, hasKey: boolean): Promise<void> {
    if (hasKey) {
      await publishDelivery(recorded, deps);
      void repository.markPublished(recorded.accountId, recorded.id).catch((error: unknown) => {
        deps.log.warn({ err: error, deliveryId: recorded.id }, 'a request could not be marked as published');
      });
      return;
    }
    try {
      await publishRequest(recorded, repository, deps);
    } catch (error) {
      if (await abandon(recorded.accountId, recorded.id)) throw error;
    }
  }

  async function abandon(accountId: string, deliveryId: string): Promise<boolean> {
    try {
      return await repository.abandon(accountId, deliveryId);
    } catch (error) {
      deps.log.error({ err: error, deliveryId }, 'a request could not be marked abandoned');
      return true;
    }
  }
}

/**
 * Idempotent: the message always has the same id.
 * @throws AppError `dependency_unavailable`, also when the request was abandoned meanwhile
 */
export async function publishRequest(
  recorded: RequestDocument,
  repository: RequestRepository,
  deps: ServiceDeps,
): Promise<void> {
  const { accountId, id } = recorded;
  await publishDelivery(recorded, deps);
  if (await repository.markPublished(accountId, id)) return;
  throw new AppError(
    'dependency_unavailable',
    'the request took too long and will not be carried out; try again',
    {
      retryAfterSeconds: 2,
    },
  );
}

function publishDelivery({ request, id }: RequestDocument, deps: ServiceDeps): Promise<void> {
  return publishOperation({ operation: 'delivery', messageId: `request-${id}`, request }, id, deps);
}

/** The property `operation` is the original's; the body says the same. */
export async function publishOperation(
  message: RequestMessage,
  deliveryId: string,
  deps: ServiceDeps,
): Promise<void> {
  const properties = { operation: message.operation, messageId: message.messageId };
  try {
    await deps.publisher.publish('delivery-requests', [{ key: deliveryId, body: message, properties }], {
      timeoutMs: PUBLISH_TIMEOUT_MS,
    });
  } catch (thrown) {
    const error = toAppError(thrown);
    throw new AppError('dependency_unavailable', 'requests cannot be accepted right now; try again', {
      cause: error,
      retryAfterSeconds: error.options.retryAfterSeconds ?? 2,
    });
  }
}

/**
 * Refuses a suspended, unknown or exhausted account at once. The workflow decides when it holds the quota, so a request is
 * not refused while the account service does not answer.
 * @throws AppError `account_unknown`, `account_suspended` or `over_quota`
 */
export async function checkMayShip({ accountId, userId }: Owner, { call, log }: ServiceDeps): Promise<void> {
  try {
    await call(checkAdmission, {
      params: { accountId },
      query: { userId },
      accountId,
      timeoutMs: ASK_TIMEOUT_MS,
    });
  } catch (thrown) {
    const error = toAppError(thrown);
    if (!error.retryable) throw error;
    log.warn({ err: error, accountId }, 'the account could not be checked');
  }
}

export function ownerOf(ownerId: string, call: Call): Owner {
  const accountId = ownAccount(call.principal);
  if (ownerId !== accountId) {
    throw new AppError('forbidden', 'ownerId is not your account', {
      errors: [{ path: 'body.ownerId', message: 'is not your account' }],
    });
  }
  return { userId: call.principal.subject, accountId };
}

type Key = Pick<IdempotencyDocument, 'id' | 'accountId' | 'bodyHash'>;

function keyOf(call: Call, accountId: string, bodyHash: string): Key | undefined {
  const key = call.headers['idempotency-key'];
  if (!key) return undefined;
  if (key.length > 255)
    throw invalid([{ path: 'header.idempotency-key', message: 'must have at most 255 characters' }]);
  return { id: idempotencyId(call.principal.subject, key), accountId, bodyHash };
}
