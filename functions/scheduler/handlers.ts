/** The scheduler's contract: views of workflows, and what the supervisor and other services may ask. */

import { mayReach } from '../../shared/auth/tenancy.ts';
import type {
  compensateWorkflow,
  getWorkflow,
  listOverdueWorkflows,
  nudgeWorkflow,
  putInboxEvent,
} from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { viewOf } from './domain.ts';
import type { WorkflowRepository } from './repository.ts';
import type { WorkflowDocument } from './schemas.ts';

export interface SchedulerHandlers {
  readonly get: Handler<typeof getWorkflow>;
  readonly overdue: Handler<typeof listOverdueWorkflows>;
  readonly nudge: Handler<typeof nudgeWorkflow>;
  readonly compensate: Handler<typeof compensateWorkflow>;
  readonly inbox: Handler<typeof putInboxEvent>;
}

export function createHandlers(repository: WorkflowRepository, deps: ServiceDeps): SchedulerHandlers {
  const known = async (deliveryId: string, { principal }: Call): Promise<WorkflowDocument> => {
    const document = await repository.find(deliveryId);
    if (!document || !mayReach(principal, document.request.owner.accountId))
      throw new AppError('not_found', 'there is no such workflow');
    return document;
  };

  return {
    get: async ({ params }, call) => ({ status: 200, body: viewOf(await known(params.deliveryId, call)) }),

    overdue: async ({ query }, { principal }) => {
      const documents = await repository.overdue(deps.now().toISOString(), query.limit);
      const reachable = documents.filter(({ request }) => mayReach(principal, request.owner.accountId));
      return { status: 200, body: { workflows: reachable.map(viewOf) } };
    },

    nudge: async ({ params }, call) => {
      const document = await known(params.deliveryId, call);
      const { deliveryId } = document;
      if (document.outcome) return { status: 202, body: { deliveryId, action: 'ended' } };
      await repository.command(deliveryId, 'nudge', 'nudged', deps.newId());
      return { status: 202, body: { deliveryId, action: 'woken' } };
    },

    compensate: async ({ params, body }, call) => {
      const { deliveryId, outcome } = await known(params.deliveryId, call);
      if (outcome) throw new AppError('conflict', `the workflow has ended: ${outcome.kind}`);
      await repository.command(deliveryId, 'compensate', body.reason, `compensate-${deps.newId()}`);
      return { status: 202, body: { deliveryId } };
    },

    inbox: async ({ params, body }, call) => {
      const { deliveryId } = await known(params.deliveryId, call);
      const { kind, at, reason } = body;
      await repository.putSignal(deliveryId, {
        eventId: params.eventId,
        kind,
        at,
        facts: reason ? { reason } : {},
      });
      await repository.command(deliveryId, 'nudge', kind, params.eventId);
      return { status: 202, body: { deliveryId } };
    },
  };
}
