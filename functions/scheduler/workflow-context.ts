/** The context in which a delivery is orchestrated: its saga and its limits. */
import type { OrchestrationContext } from 'durable-functions';
import { createSagaContext, type SagaContext } from '../../shared/saga/saga-context.ts';
import { type DeliverySaga, deliverySaga } from './delivery-saga.ts';
import type { Assignment } from './schemas.ts';

/** Recorded in the orchestration's input, so a replay sees the same values. Seconds, unless noted. */
export interface Limits {
  readonly missionAnswer: number;
  readonly recallAnswer: number;
  readonly pickupGrace: number;
  readonly deliveryGrace: number;
  readonly confirmation: number;
  /** Drones tried before a carrier is booked. */
  readonly drones: number;
  readonly stepAttempts: number;
  readonly stepRetry: number;
}

export interface WorkflowInput {
  readonly deliveryId: string;
  readonly generation: number;
  readonly limits: Limits;
  /** What was under way when the orchestration was started: null, unless the engine had lost an earlier one. */
  readonly underWay: Assignment['by'] | null;
}

export interface WorkflowContext extends SagaContext<DeliverySaga> {
  readonly limits: Limits;
  readonly underWay: Assignment['by'] | null;
}

export function createWorkflowContext(
  context: OrchestrationContext,
  { deliveryId, generation, limits, underWay }: WorkflowInput,
): WorkflowContext {
  const retry = { attempts: limits.stepAttempts, firstSeconds: limits.stepRetry };
  const start = { id: deliveryId, generation, retry };
  const saga = createSagaContext(context, deliverySaga, start, {
    alert: (self, alert) => self.step('createWorkItem', alert),
  });
  return { ...saga, limits, underWay };
}
