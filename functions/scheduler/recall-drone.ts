/** Recalls a drone, and selects the signals of its mission. */
import type { Orchestration, Signal } from '../../shared/saga/protocol.ts';
import type { Assignment } from './schemas.ts';
import type { WorkflowContext } from './workflow-context.ts';

/** After this many recalls without an answer the drone is given up: its fence makes the old mission's events stale. */
const RECALL_ATTEMPTS = 3;

/**
 * The drone decides a recall. True when it answers "not loaded", or is silent for too long; false when it is loaded.
 */
export function* recall(
  workflow: WorkflowContext,
  drone: Assignment,
  reason: string,
): Orchestration<boolean> {
  const answers = ['Recalled', 'Returned', 'Aborted', 'RecallRefused', 'PickedUp'];
  for (let asked = 1; asked <= RECALL_ATTEMPTS; asked++) {
    const { sent } = yield* workflow.step('recallDrone', { reason });
    if (!sent) return true;
    const until = workflow.after(workflow.limits.recallAnswer);
    const answer = yield* nextForMission(workflow, drone, until, answers);
    if (answer?.kind === 'PickedUp') workflow.putBack(answer);
    if (answer) return answer.kind !== 'RecallRefused' && answer.kind !== 'PickedUp';
  }
  const detail = `${drone.droneId} does not answer a recall: ${reason}`;
  yield* workflow.step('createWorkItem', { kind: 'Overdue', step: 'recallDrone', detail });
  return true;
}

/** The next of these kinds from this mission; other signals stay for later. */
export function nextForMission(
  workflow: WorkflowContext,
  drone: Assignment,
  until: Date,
  kinds: readonly string[],
): Orchestration<Signal | undefined> {
  return workflow.next(until, (signal) => kinds.includes(signal.kind) && isForMission(signal, drone));
}

/** Signals of an earlier mission say nothing about this one. */
export function isForMission(signal: Signal, drone: Assignment): boolean {
  const missionId = signal.facts['missionId'];
  return missionId === undefined || missionId === drone.missionId;
}
