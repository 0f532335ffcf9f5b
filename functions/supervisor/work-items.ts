/** Handles work items: one per delivery, kind and step, settled by a retry or by hand. */
import { pageOf, sortKeyIn, sortKeyOf } from '../../shared/continuation.ts';
import { releaseDrone } from '../../shared/contracts/drones.ts';
import type {
  listWorkItems,
  recordWorkItem,
  settleWorkItem,
  WorkItem,
} from '../../shared/contracts/supervisor.ts';
import { cancelCarrier } from '../../shared/contracts/third-party.ts';
import { nudgeWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { audited, reopened, workItemId, workItemView } from './domain.ts';
import type { SupervisorRepository } from './repository.ts';
import type { WorkItemDocument } from './schemas.ts';

export type Facts = Pick<WorkItem, 'deliveryId' | 'kind' | 'step' | 'detail'>;

export interface WorkItemHandlers {
  readonly record: Handler<typeof recordWorkItem>;
  readonly list: Handler<typeof listWorkItems>;
  readonly settle: Handler<typeof settleWorkItem>;
}

export interface Recorder {
  (facts: Facts): Promise<{ id: string; created: boolean }>;
}

export function createRecorder(repository: SupervisorRepository, deps: ServiceDeps): Recorder {
  return async (facts) => {
    const id = workItemId(facts);
    const at = deps.now().toISOString();
    const sortKey = sortKeyOf(at, `${facts.deliveryId}~${id}`);
    const fresh: WorkItemDocument = { ...facts, id, type: 'work', status: 'Open', at, sortKey, audit: [] };
    if (await repository.createWorkItem(fresh)) {
      deps.log.warn(
        { deliveryId: facts.deliveryId, kind: facts.kind, step: facts.step },
        'a work item needs an operator',
      );
      return { id, created: true };
    }
    const known = await repository.workItem(facts.deliveryId, id);
    const again = known && reopened(known.item, facts.detail, at);
    if (again) await repository.replaceWorkItem(again, known.etag);
    return { id, created: false };
  };
}

export function createWorkItemHandlers(
  repository: SupervisorRepository,
  deps: ServiceDeps,
): WorkItemHandlers {
  const recordItem = createRecorder(repository, deps);
  return {
    record: async ({ body }) => {
      const { id, created } = await recordItem(body);
      return { status: created ? 201 : 200, body: { id } };
    },

    list: async ({ query: { status, limit, continuation } }) => {
      const after = sortKeyIn(continuation);
      const { items, next } = pageOf(await repository.workItems({ status, after, limit: limit + 1 }), limit);
      return { status: 200, body: { workItems: items.map(workItemView), ...next } };
    },

    settle: async ({ params: { deliveryId, itemId }, body }, { principal }) => {
      const known = await repository.workItem(deliveryId, itemId);
      if (known?.item.type !== 'work') throw new AppError('not_found', 'there is no such work item');
      if (known.item.status === 'Settled') return { status: 200, body: workItemView(known.item) };
      if (body.action === 'retry') await retry(known.item, principal.subject, deps);
      const at = deps.now().toISOString();
      const act = { by: principal.subject, action: body.action, at, note: body.note };
      const ttl = deps.settings.RETENTION_DAYS * 24 * 3600;
      const settled = audited<WorkItemDocument>(
        known.item,
        { status: 'Settled', settledBy: body.action },
        act,
      );
      const { item } = await repository.replaceWorkItem({ ...settled, ttl }, known.etag);
      return { status: 200, body: workItemView(item) };
    },
  };
}

/** A woken workflow retries the step that failed. The next round releases an orphaned hold. */
async function retry(
  { id, kind, deliveryId }: WorkItemDocument,
  by: string,
  { call }: ServiceDeps,
): Promise<void> {
  if (kind === 'OrphanHold') return;
  if (kind === 'OrphanBooking') {
    await call(cancelCarrier, { params: { deliveryId } });
    return;
  }
  if (kind === 'OrphanReservation') {
    await call(releaseDrone, { params: { deliveryId } });
    return;
  }
  const body = { reason: `${by} retries the work item ${id}` };
  await call(nudgeWorkflow, { params: { deliveryId }, body });
}
