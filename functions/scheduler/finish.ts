/** Ends a workflow: writes its outcome and event in one batch, once, and answers changes that came too late. */
import type { JSONObject, OperationInput, PatchOperation } from '@azure/cosmos';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import type { Store } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import type { Inbox } from '../../shared/saga/inbox.ts';
import { finalAnswers } from './domain.ts';
import type { WorkflowDocument } from './schemas.ts';

export interface FinishRepository {
  /** Of two outcomes at the same moment, only one is written. */
  finish(deliveryId: string, outcome: Outcome): Promise<void>;
  /** Rejects, in the status of an ended workflow, a change that came too late. */
  refuseLate(deliveryId: string, change: 'cancel' | 'reschedule'): Promise<void>;
}

export function createFinish(
  store: Store<WorkflowDocument>,
  inbox: Inbox,
  now: () => Date,
  retentionDays: number,
): FinishRepository {
  const refuseLate: FinishRepository['refuseLate'] = async (deliveryId, change) => {
    const isOpen = `(NOT IS_DEFINED(c.${change}) OR c.${change} = 'requested')`;
    const condition = `FROM c WHERE IS_DEFINED(c.outcome) AND ${isOpen}`;
    const operations = patchOf({ [change]: `${change}Refused`, updatedAt: now().toISOString() });
    await unlessConflict(() => store.patch('workflow', deliveryId, operations, { condition }));
  };

  return {
    refuseLate,
    finish: async (deliveryId, outcome) => {
      const document = (await store.read('workflow', deliveryId))?.item;
      if (document && !document.outcome) {
        await unlessConflict(() => store.batch(deliveryId, endOf(document, outcome, now(), retentionDays)));
      }
      const late = await inbox.open(deliveryId, ['cancel', 'reschedule']);
      for (const { kind } of late) await refuseLate(deliveryId, kind === 'cancel' ? 'cancel' : 'reschedule');
    },
  };
}

function endOf(
  document: WorkflowDocument,
  outcome: Outcome,
  now: Date,
  retentionDays: number,
): OperationInput[] {
  const operations = patchOf({
    outcome,
    state: 'Processed',
    step: outcome.kind,
    updatedAt: now.toISOString(),
    ttl: retentionDays * 24 * 3600,
    ...finalAnswers(document, outcome),
  });
  const condition = 'FROM c WHERE NOT IS_DEFINED(c.outcome)';
  const end = { operationType: 'Patch' as const, id: 'workflow', resourceBody: { operations, condition } };
  if (outcome.kind !== 'rejected') return [end];
  return [end, { operationType: 'Create' as const, resourceBody: rejection(document, outcome) }];
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
