/** Wakes overdue workflows, then compensates them, then alerts an operator. */
import {
  compensateWorkflow,
  listOverdueWorkflows,
  nudgeWorkflow,
  type WorkflowView,
} from '../../shared/contracts/workflows.ts';
import { failedStepOf, type Measure, markOf, measuresFor } from './domain.ts';
import { count, guarded, type RoundDeps, watchKey } from './watching.ts';

const LIMIT = 500;

export async function checkOverdue(deps: RoundDeps): Promise<ReadonlySet<string>> {
  const { body } = await deps.services.call(listOverdueWorkflows, { query: { limit: LIMIT } });
  const seen = new Set<string>();
  for (const workflow of body.workflows) {
    const { deliveryId } = workflow;
    const watch = { id: 'watch-overdue', deliveryId, mark: markOf(workflow) };
    seen.add(watchKey(watch));
    await guarded(deliveryId, deps, async () => {
      const rounds = await count(watch, deps);
      if (rounds === undefined) return;
      for (const measure of measuresFor(workflow, rounds)) {
        deps.services.log.info({ deliveryId, step: workflow.step, rounds, measure }, 'a workflow is overdue');
        await guarded(deliveryId, deps, () => act(measure, workflow, deps));
      }
    });
  }
  return seen;
}

async function act(measure: Measure, workflow: WorkflowView, deps: RoundDeps): Promise<void> {
  const { deliveryId, step, lastError, completeBy, state } = workflow;
  const { call } = deps.services;
  switch (measure) {
    case 'nudge':
      await call(nudgeWorkflow, { params: { deliveryId } });
      return;
    case 'compensate': {
      const reason = `overdue in ${step} since ${completeBy ?? 'unknown'}`.slice(0, 500);
      await call(compensateWorkflow, { params: { deliveryId }, body: { reason } });
      return;
    }
    case 'tell': {
      const kind = state === 'CompensationFailed' ? 'CompensationFailed' : 'Overdue';
      const detail = lastError ?? `${step} makes no progress`;
      await deps.recordItem({ deliveryId, kind, step: failedStepOf(workflow), detail });
    }
  }
}
