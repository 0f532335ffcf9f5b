/**
 * Carries out acts of operators and of the supervisor on a workflow. Each is audited in the workflow document: who, when,
 * why, the state before and after. An operator's reason stays there: customers read a fixed sentence.
 */

import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import type { compensateWorkflow, nudgeWorkflow, WorkflowAct } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { OUTCOME_SENTENCES } from '../../shared/outcome.ts';
import { auditOperation, type WorkflowRepository } from './repository.ts';
import type { WorkflowDocument } from './schemas.ts';

/** The supervisor nudges in every round: its nudges are audited only up to this many acts. */
const MAX_AUTOMATIC_ACTS = 100;

/** The options of an operator for a delivery whose package is on board. */
const ALTERNATIVES = [
  'wait: the delivery ends by itself when the drone has delivered or returned the package',
  'nudgeWorkflow: wakes the workflow if it is stuck',
  'settleWorkItem: closes the work item after the package was recovered by hand',
] as const;

export interface Acts {
  readonly nudge: Handler<typeof nudgeWorkflow>;
  readonly compensate: Handler<typeof compensateWorkflow>;
}

export function createActs(
  repository: WorkflowRepository,
  known: (deliveryId: string, call: Call) => Promise<WorkflowDocument>,
  deps: ServiceDeps,
): Acts {
  const act = (
    action: WorkflowAct['action'],
    document: WorkflowDocument,
    { subject: by }: Principal,
    reason: string | undefined,
  ): WorkflowAct => {
    const before = positionOf(document);
    const after = action === 'compensate' ? { ...before, state: 'Compensating' as const } : before;
    return { by, action, ...(reason ? { reason } : {}), at: deps.now().toISOString(), before, after };
  };

  return {
    nudge: async ({ params, body }, call) => {
      const { principal } = call;
      const document = await known(params.deliveryId, call);
      const { deliveryId } = document;
      if (document.outcome) return { status: 202, body: { deliveryId, action: 'ended' } };
      if (hasRole(principal, 'operator') || (document.audit?.length ?? 0) < MAX_AUTOMATIC_ACTS)
        await repository.audit(document, act('nudge', document, principal, body?.reason));
      await repository.command(deliveryId, 'nudge', deps.newId());
      return { status: 202, body: { deliveryId, action: 'woken' } };
    },

    compensate: async ({ params, body }, call) => {
      const { principal } = call;
      const document = await known(params.deliveryId, call);
      const { deliveryId, outcome } = document;
      if (outcome) throw new AppError('conflict', `the workflow has ended: ${outcome.kind}`);
      const entry = act('compensate', document, principal, body.reason);
      const requested = outcomeOf(principal, entry.at);
      const begun = await repository.journal.beginCompensationBeforePivot(deliveryId, requested, [
        auditOperation(document, entry),
      ]);
      if (!begun) throw packageOnBoard();
      if (document.pendingOutcome) await repository.audit(document, entry);
      await repository.command(deliveryId, 'compensate', `compensate-${deps.newId()}`);
      return { status: 202, body: { deliveryId } };
    },
  };
}

function positionOf({ state, step, generation }: WorkflowDocument): WorkflowAct['before'] {
  return { state, step, generation };
}

/** The sentence that the customer reads. */
function outcomeOf(principal: Principal, at: string): Outcome {
  const code = hasRole(principal, 'operator') ? 'stopped_by_staff' : 'no_progress';
  return { kind: 'failed', code, reasons: [OUTCOME_SENTENCES[code]], at };
}

function packageOnBoard(): AppError {
  return new AppError('package_on_board', 'the package is on board: the delivery can only go forward', {
    facts: { alternatives: ALTERNATIVES },
  });
}
