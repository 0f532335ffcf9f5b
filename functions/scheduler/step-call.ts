/** The input of a step of a delivery: the call's circumstances, and a client that sends them along. */
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Client } from '../../shared/http/client.ts';
import type { StepCall, StepImplementations } from '../../shared/saga/run-step.ts';
import type { DeliverySaga } from './delivery-saga.ts';
import type { WorkflowDocument } from './schemas.ts';

export interface DeliveryCall extends StepCall<WorkflowDocument> {
  /** Every call carries the step's idempotency key and time-out. */
  readonly call: Client;
}

export type DeliverySteps = StepImplementations<DeliverySaga, DeliveryCall>;

export function withClient(
  step: StepCall<WorkflowDocument>,
  { call }: Pick<ServiceDeps, 'call'>,
): DeliveryCall {
  const { idempotencyKey, timeoutSeconds } = step;
  return {
    ...step,
    call: (route, options) => call(route, { idempotencyKey, timeoutMs: timeoutSeconds * 1000, ...options }),
  };
}

export function accountOf(state: WorkflowDocument): string {
  return state.request.owner.accountId;
}
