/** Ends a delivery by compensating its effects. */
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { compensateAll } from '../../shared/saga/compensation.ts';
import type { Orchestration } from '../../shared/saga/protocol.ts';
import type { WorkflowContext } from './workflow-context.ts';

/** The orchestration that only compensates: its document has the outcome before it starts. */
export function unknownOutcome(now: Date): Outcome {
  return { kind: 'failed', code: 'not_carried_out', reasons: ['given up'], at: now.toISOString() };
}

export function* compensateAndFinish(workflow: WorkflowContext, requested: Outcome): Orchestration<void> {
  const outcome = yield* compensateAll(workflow, requested);
  yield* workflow.step('archive', outcome);
  yield* workflow.finish(outcome);
}
