/** Workflow documents, their inbox, the journal of their saga, and commands for the engine. */
import type { PatchOperation } from '@azure/cosmos';
import type { AcceptedRequest } from '../../shared/contracts/requests.ts';
import type { WorkflowAct } from '../../shared/contracts/workflows.ts';
import type { Database } from '../../shared/cosmos/store.ts';
import { unlessConflict, WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { createInbox, type Inbox } from '../../shared/saga/inbox.ts';
import { createJournal, type Journal, STEP_SLACK_SECONDS } from '../../shared/saga/journal.ts';
import type { TraceContext } from '../../shared/telemetry/trace-context.ts';
import { deliverySaga } from './delivery-saga.ts';
import { retoldSignals } from './domain.ts';
import { createFinish, type FinishRepository } from './finish.ts';
import { COMMAND_TTL_SECONDS, type OrchestrationCommand, type WorkflowDocument } from './schemas.ts';

export interface WorkflowRepository extends FinishRepository {
  readonly journal: Journal<WorkflowDocument>;
  readonly inbox: Inbox<WorkflowDocument>;
  find(deliveryId: string): Promise<WorkflowDocument | undefined>;
  /** The document of a new workflow; the existing one when it began before. */
  open(request: AcceptedRequest, trace: TraceContext): Promise<Opened>;
  command(deliveryId: string, command: OrchestrationCommand['command'], id: string): Promise<void>;
  overdue(now: string, limit: number): Promise<readonly WorkflowDocument[]>;
  /** Appends to the workflow's audit. */
  audit(document: WorkflowDocument, act: WorkflowAct): Promise<void>;
}

export interface Opened {
  readonly document: WorkflowDocument;
  readonly isNew: boolean;
}

/** @param retentionDays for which the document of an ended workflow is kept */
export function createWorkflowRepository(
  database: Database,
  now: () => Date,
  retentionDays: number,
): WorkflowRepository {
  const store = database.store<WorkflowDocument>('workflows');
  const journal = createJournal(deliverySaga, { store, documentId: 'workflow', now });
  const inbox = createInbox({
    store,
    documentId: 'workflow',
    partition: (deliveryId) => ({ deliveryId }),
    retold: retoldSignals,
    now,
  });
  return {
    journal,
    inbox,
    find: journal.find,
    open: async (request, trace) => {
      const document = newDocument(request, trace, now());
      try {
        return { document: (await store.create(document)).item, isNew: true };
      } catch (error) {
        const exists = error instanceof WriteConflict;
        const known = exists ? await journal.find(request.deliveryId) : undefined;
        if (known) return { document: known, isNew: false };
        throw error;
      }
    },
    command: async (deliveryId, command, id) => {
      const document: OrchestrationCommand = {
        id: `engine-${id}`,
        type: 'engine',
        deliveryId,
        command,
        at: now().toISOString(),
        ttl: COMMAND_TTL_SECONDS,
      };
      await unlessConflict(
        () => database.store<OrchestrationCommand>('workflows').create(document),
        'exists',
      );
    },
    overdue: async (at, limit) => {
      const sql = `SELECT * FROM c WHERE c.type = 'workflow' AND NOT IS_DEFINED(c.outcome)
        AND (c.completeBy < @at OR c.state = 'CompensationFailed')`;
      return (await store.query(sql, { at }, { limit })).items;
    },
    audit: async (document, act) => {
      await store.patch('workflow', document.deliveryId, [auditOperation(document, act)]);
    },
    ...createFinish(store, inbox, now, retentionDays),
  };
}

/** Part of the same batch as the act's effect, if it has one. */
export function auditOperation({ audit }: WorkflowDocument, act: WorkflowAct): PatchOperation {
  return audit ? { op: 'add', path: '/audit/-', value: act } : { op: 'set', path: '/audit', value: [act] };
}

function newDocument(request: AcceptedRequest, trace: TraceContext, now: Date): WorkflowDocument {
  const at = now.toISOString();
  return {
    id: 'workflow',
    type: 'workflow',
    deliveryId: request.deliveryId,
    request,
    state: 'Pending',
    step: 'begin',
    attempts: 0,
    generation: 1,
    completeBy: new Date(now.getTime() + STEP_SLACK_SECONDS * 1000).toISOString(),
    effects: {},
    mail: 0,
    handled: [],
    excluded: [],
    audit: [],
    ...trace,
    createdAt: at,
    updatedAt: at,
  };
}
