/** Implements the scheduler's contract: views of workflows, acts of operators and the supervisor, events for the inbox. */
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
import { createActs } from './acts.ts';
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

    ...createActs(repository, known, deps),

    inbox: async ({ params: { deliveryId, eventId }, body: { kind, at, reason, position } }, call) => {
      await known(deliveryId, call);
      const facts = { ...(reason ? { reason } : {}), ...(position ? { position } : {}) };
      await repository.inbox.put(deliveryId, { eventId, kind, at, facts });
      await repository.command(deliveryId, 'nudge', eventId);
      return { status: 202, body: { deliveryId } };
    },
  };
}
