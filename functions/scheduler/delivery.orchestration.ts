/** The two orchestrations of a delivery, as the engine runs them. */
import type { OrchestrationContext } from 'durable-functions';
import { type Orchestration, untilSuperseded } from '../../shared/saga/protocol.ts';
import { compensateAndFinish, unknownOutcome } from './compensate.ts';
import { deliver } from './deliver.ts';
import { createWorkflowContext } from './workflow-context.ts';

/** Carries a delivery out, or compensates what it began. */
export function* deliverOrchestration(context: OrchestrationContext): Orchestration<void> {
  yield* untilSuperseded(deliver(createWorkflowContext(context, context.df.getInput())));
}

/** Compensates a delivery whose orchestration was terminated, or cannot go on. */
export function* compensateOrchestration(context: OrchestrationContext): Orchestration<void> {
  const workflow = createWorkflowContext(context, context.df.getInput());
  yield* untilSuperseded(compensateAndFinish(workflow, unknownOutcome(workflow.now())));
}
