/** Status, cancel, reschedule and quotes of delivery requests. */

import { ownAccount, reachesAll } from '../../shared/auth/tenancy.ts';
import { quoteDrone } from '../../shared/contracts/drones.ts';
import type {
  acceptRequest,
  cancelRequest,
  getRequest,
  quote,
  rescheduleRequest,
} from '../../shared/contracts/requests.ts';
import { quoteCarriers } from '../../shared/contracts/third-party.ts';
import { getWorkflow, type WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError, type FieldError, toAppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import { answerOf, checkPlaces, plannedAnswer, reschedule, resolve } from './domain.ts';
import { checkOffered } from './offer.ts';
import { dronePrice } from './price.ts';
import { courierQuote } from './quote.ts';
import type { RequestRepository } from './repository.ts';
import type { RequestDocument } from './schemas.ts';
import { checkMayShip, publishOperation } from './submit.ts';

export interface IngestionHandlers {
  readonly get: Handler<typeof getRequest>;
  readonly accept: Handler<typeof acceptRequest>;
  readonly cancel: Handler<typeof cancelRequest>;
  readonly reschedule: Handler<typeof rescheduleRequest>;
  readonly quote: Handler<typeof quote>;
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

  /** At best effort: the binding answer is the status's. A workflow that cannot be asked now is no reason to refuse. */
  const refuseWhenTooLate = async ({ id, status }: RequestDocument): Promise<void> => {
    if (status === 'abandoned')
      throw new AppError('conflict', 'this request was answered 503 and is not carried out');
    const workflow = await workflowOf(id).catch((error: unknown) => {
      if (!toAppError(error).retryable) throw error;
      return undefined;
    });
    if (workflow?.outcome) throw new AppError('conflict', `the delivery has ended: ${workflow.outcome.kind}`);
    if (workflow?.pastPivot) throw new AppError('package_on_board', 'the package is on board already');
  };

  return {
    get: async ({ params }, call) => {
      const document = await own(params.deliveryId, call);
      const workflow = await workflowOf(params.deliveryId);
      const base = {
        deliveryId: document.id,
        request: answerOf(document.request),
        acceptedAt: document.request.acceptedAt,
      };
      if (!workflow) {
        const state = document.status === 'abandoned' ? ('Abandoned' as const) : ('Recorded' as const);
        return {
          status: 200,
          body: { ...base, state, step: 'recorded', attempts: 0, generation: 0, updatedAt: base.acceptedAt },
        };
      }
      const {
        owner: _owner,
        completeBy: _by,
        fence: _fence,
        pastPivot: _pivot,
        audit: _audit,
        lastError,
        outcome,
        plan,
        deliveryCreated,
        ...view
      } = workflow;
      const isOperator = reachesAll(call.principal);
      const details = {
        ...(lastError && isOperator ? { lastError } : {}),
        ...(outcome ? { outcome: isOperator ? outcome : customerOutcome(outcome) } : {}),
      };
      const delivery = deliveryCreated
        ? { delivery: `${deps.settings.PUBLIC_ORIGIN}/api/deliveries/${document.id}` }
        : {};
      return {
        status: 200,
        body: { ...base, ...view, ...details, ...delivery, request: plannedAnswer(document.request, plan) },
      };
    },

    /** Services name the account, so that one write is enough. */
    accept: async ({ params: { deliveryId } }, { principal }) => {
      const accepted = await repository.take(ownAccount(principal), deliveryId);
      if (accepted === undefined) throw new AppError('not_found', 'there is no such request');
      return { status: 200, body: { accepted } };
    },

    cancel: async ({ params }, call) => {
      const document = await own(params.deliveryId, call);
      await refuseWhenTooLate(document);
      const { owner } = document.request;
      const message = {
        operation: 'cancel' as const,
        messageId: deps.newId(),
        deliveryId: document.id,
        owner,
      };
      await publishOperation({ ...message, at: deps.now().toISOString() }, document.id, deps);
      return { status: 202, body: { deliveryId: document.id }, headers: statusLocation(document.id, deps) };
    },

    reschedule: async ({ params, body }, call) => {
      const document = await own(params.deliveryId, call);
      const change = reschedule(body, deps.now());
      await refuseWhenTooLate(document);
      const { owner } = document.request;
      const message = {
        operation: 'reschedule' as const,
        messageId: deps.newId(),
        deliveryId: document.id,
        owner,
        change,
      };
      await publishOperation({ ...message, at: deps.now().toISOString() }, document.id, deps);
      return { status: 202, body: { deliveryId: document.id }, headers: statusLocation(document.id, deps) };
    },

    quote: async ({ body }, call) => {
      const accountId = ownAccount(call.principal);
      const errors: FieldError[] = [];
      const pickup = resolve(body.pickupLocation, 'body.pickupLocation', errors);
      const dropoff = resolve(body.dropOffLocation, 'body.dropOffLocation', errors);
      checkPlaces(pickup, dropoff, errors);
      if (errors.length > 0 || !pickup || !dropoff) throw invalid(errors);
      checkOffered({ expedited: body.expedited }, pickup, dropoff);
      const owner = { userId: call.principal.subject, accountId };
      await checkMayShip(owner, deps);
      const { weight, size } = body.packageInfo;
      const { body: byDrone } = await deps.call(quoteDrone, { body: { pickup, dropoff, weight, size } });
      const { pickupEta, deliveryEta } = byDrone;
      if (byDrone.feasible && byDrone.distance !== undefined && pickupEta && deliveryEta) {
        const price = dronePrice({ distance: byDrone.distance, weight, expedited: body.expedited });
        const served = { feasible: true, by: 'drone' as const, price, pickupEta, deliveryEta, reasons: [] };
        return { status: 200, body: served };
      }
      const { body: carriers } = await deps.call(quoteCarriers, {
        body: { owner, pickup, dropoff, weight, size },
      });
      return { status: 200, body: courierQuote(byDrone.refusals, carriers) };
    },
  };
}

function statusLocation(deliveryId: string, deps: ServiceDeps): { location: string } {
  return { location: `${deps.settings.PUBLIC_ORIGIN}/api/deliveryrequests/${deliveryId}` };
}
