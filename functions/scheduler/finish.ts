/** Ends a workflow: writes its outcome and event in one batch, once, and answers changes that came too late. */
import type { JSONObject, OperationInput, PatchOperation } from '@azure/cosmos';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import type { Store } from '../../shared/cosmos/store.ts';
import { unlessConflict, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import type { Inbox, Received } from '../../shared/saga/inbox.ts';
import { MAX_OPERATIONS } from '../../shared/saga/journal.ts';
import { finalAnswers } from './domain.ts';
import type { WorkflowDocument } from './schemas.ts';

export interface FinishRepository {
  /** Of two outcomes at one moment one is written. `also`: operations on the document in the same write. */
  finish(deliveryId: string, outcome: Outcome, also?: readonly PatchOperation[]): Promise<void>;
  /** Rejects, in the status of an ended workflow, a change that came too late. */
  refuseLate(deliveryId: string, change: 'cancel' | 'reschedule'): Promise<void>;
}

export function createFinish(
  store: Store<WorkflowDocument>,
  inbox: Inbox<WorkflowDocument>,
  now: () => Date,
  retentionDays: number,
): FinishRepository {
  const refuseLate: FinishRepository['refuseLate'] = async (deliveryId, change) => {
    const isOpen = `(NOT IS_DEFINED(c.${change}) OR c.${change} = 'requested')`;
    const condition = `FROM c WHERE IS_DEFINED(c.outcome) AND ${isOpen}`;
    const operations = patchOf({ [change]: `${change}Refused`, updatedAt: now().toISOString() });
    await unlessConflict(() => store.patch('workflow', deliveryId, operations, { condition }));
  };

  const endOf = (document: WorkflowDocument, outcome: Outcome, also: readonly PatchOperation[]) =>
    endOperations(document, outcome, { now: now(), retentionDays, also });

  /** One read has the document and all that came; the end is written only if nothing came meanwhile. */
  const end = async (
    deliveryId: string,
    outcome: Outcome,
    also: readonly PatchOperation[],
  ): Promise<readonly Received[]> => {
    const { state, received } = await inbox.read(deliveryId);
    if (state && !state.outcome) await store.batch(deliveryId, endOf(state, outcome, also));
    return received;
  };

  return {
    refuseLate,
    finish: async (deliveryId, outcome, also = []) => {
      const received = await withOptimisticRetry(() => end(deliveryId, outcome, also));
      for (const { kind, handled } of received) {
        if (!handled && (kind === 'cancel' || kind === 'reschedule')) await refuseLate(deliveryId, kind);
      }
    },
  };
}

interface EndOptions {
  readonly now: Date;
  readonly retentionDays: number;
  readonly also: readonly PatchOperation[];
}

function endOperations(
  document: WorkflowDocument,
  outcome: Outcome,
  { now, retentionDays, also }: EndOptions,
): OperationInput[] {
  const fields = patchOf({
    outcome,
    state: 'Processed',
    step: outcome.kind,
    updatedAt: now.toISOString(),
    ttl: retentionDays * 24 * 3600,
    ...finalAnswers(document, outcome),
  });
  const condition = `FROM c WHERE NOT IS_DEFINED(c.outcome) AND c.mail = ${document.mail}`;
  const patch = (operations: PatchOperation[], more: { condition?: string } = {}): OperationInput => ({
    operationType: 'Patch',
    id: 'workflow',
    resourceBody: { operations, ...more },
  });
  const end =
    also.length + fields.length <= MAX_OPERATIONS
      ? [patch([...also, ...fields], { condition })]
      : [patch(fields, { condition }), ...chunks(also).map((some) => patch(some))];
  if (outcome.kind !== 'rejected') return end;
  return [...end, { operationType: 'Create', resourceBody: rejection(document, outcome) }];
}

function chunks(operations: readonly PatchOperation[]): PatchOperation[][] {
  const count = Math.ceil(operations.length / MAX_OPERATIONS);
  return Array.from({ length: count }, (_, index) =>
    operations.slice(index * MAX_OPERATIONS, (index + 1) * MAX_OPERATIONS),
  );
}

function rejection({ deliveryId, request: { owner } }: WorkflowDocument, outcome: Outcome): JSONObject {
  const item = domainEventItem(
    { deliveryId },
    {
      service: 'scheduler',
      type: 'RequestRejected',
      id: `${deliveryId}-rejected`,
      subject: deliveryId,
      time: outcome.at,
      data: { deliveryId, owner, reasons: customerOutcome(outcome).reasons, at: outcome.at },
    },
  );
  return item as unknown as JSONObject;
}

function patchOf(fields: Readonly<Record<string, unknown>>): PatchOperation[] {
  return Object.entries(fields).map(([name, value]) => ({ op: 'set', path: `/${name}`, value }));
}
