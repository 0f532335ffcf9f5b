/** Handles status, list, cancel and reschedule of delivery requests. */

import { hasRole } from '../../shared/auth/principal.ts';
import { ownAccount, reachesAll } from '../../shared/auth/tenancy.ts';
import { pageOf, sortKeyIn } from '../../shared/continuation.ts';
import type {
  acceptRequest,
  cancelRequest,
  getRequest,
  listRequests,
  rescheduleRequest,
} from '../../shared/contracts/requests.ts';
import { getWorkflow, type WorkflowView } from '../../shared/contracts/workflows.ts';
import { checkIfMatch } from '../../shared/cosmos/write-conflict.ts';
import { AppError, toAppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { reschedule } from './domain.ts';
import type { RequestRepository } from './repository.ts';
import type { RequestDocument } from './schemas.ts';
import { etagOf, statusOf } from './status.ts';
import { publishOperation } from './submit.ts';

export interface IngestionHandlers {
  readonly get: Handler<typeof getRequest>;
  readonly list: Handler<typeof listRequests>;
  readonly accept: Handler<typeof acceptRequest>;
  readonly cancel: Handler<typeof cancelRequest>;
  readonly reschedule: Handler<typeof rescheduleRequest>;
}

export function createHandlers(repository: RequestRepository, deps: ServiceDeps): IngestionHandlers {
  const own = async (deliveryId: string, call: Call): Promise<RequestDocument> => {
    const { accountId } = call.principal;
    const own = accountId === undefined ? undefined : await repository.find(accountId, deliveryId);
    const document =
      own ?? (reachesAll(call.principal) ? await repository.findAnywhere(deliveryId) : undefined);
    if (!document) throw new AppError('not_found', 'there is no such request');
    return document;
  };

  const workflowOf = async (deliveryId: string): Promise<WorkflowView | undefined> => {
    try {
      return (await deps.call(getWorkflow, { params: { deliveryId } })).body;
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    }
  };

  const current = async (document: RequestDocument, { principal }: Call) =>
    statusOf(document, await workflowOf(document.id), {
      isOperator: reachesAll(principal),
      publicOrigin: deps.settings.PUBLIC_ORIGIN,
    });

  /** @throws AppError `etag_mismatch` when the status is not the one that the caller has read */
  const checkVersion = async (document: RequestDocument, call: Call): Promise<void> => {
    const ifMatch = call.headers['if-match'];
    if (ifMatch !== undefined) checkIfMatch(ifMatch, etagOf(await current(document, call)));
  };

  /** Best effort: the status has the binding answer. A workflow that cannot be read now is not a reason to refuse. */
  const refuseWhenTooLate = async ({ id, status }: RequestDocument): Promise<void> => {
    if (status === 'abandoned')
      throw new AppError('conflict', 'this request was answered 503 and will not be carried out');
    const workflow = await workflowOf(id).catch((error: unknown) => {
      if (!toAppError(error).retryable) throw error;
      return undefined;
    });
    if (workflow?.outcome) throw new AppError('conflict', `the delivery has ended: ${workflow.outcome.kind}`);
    if (workflow?.pastPivot) throw new AppError('package_on_board', 'the package is already on board');
  };

  return {
    get: async ({ params }, call) => {
      const status = await current(await own(params.deliveryId, call), call);
      return { status: 200, body: status, headers: { etag: etagOf(status) } };
    },

    list: async ({ query: { limit, continuation } }, call) => {
      const { principal } = call;
      const found = await repository.list({
        accountId: ownAccount(principal),
        userId: hasRole(principal, 'account-admin') ? undefined : principal.subject,
        after: sortKeyIn(continuation),
        limit: limit + 1,
      });
      const { items, next } = pageOf(found, limit);
      const requests = await Promise.all(items.map((document) => current(document, call)));
      return { status: 200, body: { requests, ...next } };
    },

    /** One write where the caller names the account, as the scheduler does. */
    accept: async ({ params: { deliveryId } }, call) => {
      const accountId = call.principal.accountId ?? (await own(deliveryId, call)).accountId;
      const accepted = await repository.take(accountId, deliveryId);
      if (accepted === undefined) throw new AppError('not_found', 'there is no such request');
      return { status: 200, body: { accepted } };
    },

    cancel: async ({ params }, call) => {
      const document = await own(params.deliveryId, call);
      await checkVersion(document, call);
      await refuseWhenTooLate(document);
      return ask(document, { operation: 'cancel' }, deps);
    },

    reschedule: async ({ params, body }, call) => {
      const document = await own(params.deliveryId, call);
      const change = reschedule(body, deps.now());
      await checkVersion(document, call);
      await refuseWhenTooLate(document);
      return ask(document, { operation: 'reschedule', change }, deps);
    },
  };
}

type Asked =
  | { readonly operation: 'cancel' }
  | { readonly operation: 'reschedule'; readonly change: ReturnType<typeof reschedule> };

/** Hands a customer's change to the workflow. */
async function ask({ id: deliveryId, request }: RequestDocument, asked: Asked, deps: ServiceDeps) {
  const head = { messageId: deps.newId(), deliveryId, owner: request.owner, at: deps.now().toISOString() };
  await publishOperation({ ...asked, ...head }, deliveryId, deps);
  return { status: 202 as const, body: { deliveryId }, headers: statusLocation(deliveryId, deps) };
}

function statusLocation(deliveryId: string, deps: ServiceDeps): { location: string } {
  return { location: `${deps.settings.PUBLIC_ORIGIN}/api/deliveryrequests/${deliveryId}` };
}
