/**
 * Takes a request in: recorded, then on the hub, then 202. What is not acknowledged is answered 503 and marked abandoned,
 * so that a client that comes again without a key does not end up with two deliveries.
 */
import type { RequestMessage, submitRequest } from '../../shared/contracts/requests.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { AppError, toAppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { traceparent } from '../../shared/telemetry/trace.ts';
import { acceptedRequest, answerOf, hashOf, idempotencyId } from './domain.ts';
import type { RequestRepository } from './repository.ts';
import { IDEMPOTENCY_TTL_SECONDS, type IdempotencyDocument, type RequestDocument } from './schemas.ts';

/** A client waits at most 2 s for a 503. */
const PUBLISH_TIMEOUT_MS = 1_500;

export function createSubmit(
  repository: RequestRepository,
  deps: ServiceDeps,
): Handler<typeof submitRequest> {
  return async ({ body }, call) => {
    const owner = ownerOf(body.ownerId, call);
    const trace = traceparent();
    const request = acceptedRequest({ body, owner, deliveryId: deps.newId(), now: deps.now() });
    const document: RequestDocument = {
      id: request.deliveryId,
      type: 'request',
      accountId: owner.accountId,
      status: 'accepted',
      request,
      ...(trace ? { traceparent: trace } : {}),
    };
    const recorded = await repository.record(document, idempotencyOf(call, document, hashOf(body)));
    if (recorded.status === 'abandoned') await repository.setStatus(owner.accountId, recorded.id, 'accepted');
    await publish(recorded, repository, deps);
    return {
      status: 202,
      body: answerOf(recorded.request),
      headers: { location: `${deps.settings.PUBLIC_ORIGIN}/api/deliveryrequests/${recorded.id}` },
    };
  };
}

async function publish(
  document: RequestDocument,
  repository: RequestRepository,
  deps: ServiceDeps,
): Promise<void> {
  const { request } = document;
  const message: RequestMessage = {
    operation: 'delivery',
    messageId: `request-${request.deliveryId}`,
    request,
  };
  try {
    await publishOperation(message, request.deliveryId, deps);
  } catch (error) {
    await repository.setStatus(document.accountId, document.id, 'abandoned').catch((cause: unknown) => {
      deps.log.error({ err: cause, deliveryId: document.id }, 'a request could not be marked abandoned');
    });
    throw error;
  }
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
    throw new AppError('dependency_unavailable', 'requests cannot be taken in right now; try again', {
      cause: error,
      retryAfterSeconds: error.options.retryAfterSeconds ?? 2,
    });
  }
}

export function ownerOf(ownerId: string, call: Call): { userId: string; accountId: string } {
  const { accountId, subject } = call.principal;
  if (!accountId || ownerId !== accountId) {
    throw new AppError('forbidden', 'ownerId is not your account', {
      errors: [{ path: 'body.ownerId', message: 'is not your account' }],
    });
  }
  return { userId: subject, accountId };
}

function idempotencyOf(
  call: Call,
  document: RequestDocument,
  bodyHash: string,
): IdempotencyDocument | undefined {
  const key = call.headers['idempotency-key'];
  if (!key) return undefined;
  if (key.length > 255) throw new AppError('invalid_request', 'Idempotency-Key has at most 255 characters');
  return {
    id: idempotencyId(key),
    type: 'idempotency',
    accountId: document.accountId,
    deliveryId: document.id,
    bodyHash,
    ttl: IDEMPOTENCY_TTL_SECONDS,
  };
}
