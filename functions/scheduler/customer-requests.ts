/** Applies a cancel or a reschedule while the customer may still change the delivery, and rejects it afterwards. */
import type { Reschedule } from '../../shared/contracts/requests.ts';
import type { Orchestration, Signal } from '../../shared/saga/protocol.ts';
import { Cancelled } from './interruptions.ts';
import type { WorkflowContext } from './workflow-context.ts';

/** Before a drone or carrier is assigned: a cancel ends the delivery, a reschedule changes the request. */
export function* applyPendingChanges(workflow: WorkflowContext): Orchestration<void> {
  for (;;) {
    if (workflow.take(({ kind }) => kind === 'cancel')) {
      yield* workflow.note({ cancel: 'requested' });
      throw new Cancelled();
    }
    const change = workflow.take(({ kind }) => kind === 'reschedule');
    if (!change) return;
    yield* workflow.replan({ request: requestIn(change), reschedule: 'rescheduled' });
  }
}

/** Writes the binding answer into the status. False when the signal is not a customer request. */
export function* rejectChange(workflow: WorkflowContext, { kind }: Signal): Orchestration<boolean> {
  if (kind === 'cancel') yield* workflow.note({ cancel: 'cancelRefused' });
  else if (kind === 'reschedule') yield* workflow.note({ reschedule: 'rescheduleRefused' });
  else return false;
  return true;
}

/** The facts of a reschedule were validated when the message arrived. */
export function requestIn({ facts }: Signal): Reschedule {
  return facts;
}

export function reasonIn({ facts }: Signal, otherwise: string): string {
  const { reason } = facts;
  return typeof reason === 'string' ? reason : otherwise;
}
