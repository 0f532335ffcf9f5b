/** What the compiler refuses. A line that it accepts makes `@ts-expect-error` an error, so tsc is the test. */
import { expect, test } from 'vitest';
import { PROOF_STEP } from '../../shared/contracts/workflows.ts';
import type { Orchestration } from '../../shared/saga/protocol.ts';
import { deliverySaga } from './delivery-saga.ts';
import type { DeliverySteps } from './step-call.ts';
import type { WorkflowContext } from './workflow-context.ts';

const at = '2026-11-23T12:00:00.000Z';

function* calls(workflow: WorkflowContext): Orchestration<void> {
  // @ts-expect-error there is no step of this name
  yield* workflow.step('reserveDron');
  // @ts-expect-error the argument is no move
  yield* workflow.step('moveStage', 42);
  // @ts-expect-error a move names a known event
  yield* workflow.step('pickUp', { eventId: 'e1', event: 'Teleported', at });
  // @ts-expect-error the argument is missing
  yield* workflow.step('pickUp');
  // @ts-expect-error the step takes no argument
  yield* workflow.step('holdQuota', { userId: 'ann' });
  // @ts-expect-error the result is no text
  const id: string = yield* workflow.step('reserveDrone');
  // @ts-expect-error the pivot has no compensation
  yield* workflow.compensate('pickUp');
  // @ts-expect-error a note sets known fields only
  yield* workflow.note({ cancel: 'perhaps' });
  yield* workflow.step('moveStage', { eventId: 'e1', event: 'Completed', at, reason: id });
}

const run = () => Promise.resolve();
export const implementations: Partial<DeliverySteps> = {
  // @ts-expect-error the table says that it is compensated
  holdQuota: { run },
  // @ts-expect-error the table says that it is not compensated
  settleQuota: { run, compensate: run },
  // @ts-expect-error the result is an assignment
  reserveDrone: { run: () => Promise.resolve({ droneId: 'drone-1' }), compensate: run },
  releaseDrone: { run },
};

export const unknownStep: Partial<DeliverySteps> = {
  // @ts-expect-error there is no such step
  teleport: { run },
};

test('wrong names, arguments, results and compensations do not compile (D1)', () => {
  expect(calls).toBeTypeOf('function');
  expect(Object.keys(implementations)).toHaveLength(4);
});

test('the step that other services know by name is in the table', () => {
  expect(deliverySaga.steps[PROOF_STEP].does).toMatch(/proof/);
});
