/** Pure rules of the workflow: views, endings, the history entry. */
import type { z } from 'zod';
import type { Delivery, StageEvent, TrackingEvent } from '../../shared/contracts/deliveries.ts';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import type { Outcome } from '../../shared/contracts/requests.ts';
import type { WorkItem } from '../../shared/contracts/supervisor.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { Assignment, WorkflowDocument } from './schemas.ts';

export type StageMove = z.input<typeof StageEvent>;
export type WorkItemFacts = Pick<WorkItem, 'kind' | 'step' | 'detail'>;

/** How a workflow ends, decided in the orchestration (its clock included). */
export type Ending = Outcome;

/** Who carries it now: a carrier once one is booked, else the reserved drone. */
export function carrierOf(state: WorkflowDocument): Assignment | undefined {
  const { bookCarrier } = state.effects;
  if (bookCarrier?.status === 'done') return bookCarrier.value as Assignment;
  return droneOf(state);
}

export function droneOf(state: WorkflowDocument): Assignment | undefined {
  return state.effects['reserveDrone']?.value as Assignment | undefined;
}

/** @throws AppError `conflict` when there is none */
export function assignmentOf(state: WorkflowDocument): Assignment {
  const assignment = carrierOf(state);
  if (!assignment) throw new AppError('conflict', 'nobody carries this delivery yet');
  return assignment;
}

export function viewOf(document: WorkflowDocument): WorkflowView {
  const assignment = carrierOf(document);
  const created = document.effects['createDelivery']?.status;
  return {
    deliveryId: document.deliveryId,
    owner: document.request.owner,
    state: document.state,
    step: document.step,
    attempts: document.attempts,
    generation: document.generation,
    pastPivot: document.effects['pickUp'] !== undefined,
    deliveryCreated: created === 'done' || created === 'undone',
    updatedAt: document.updatedAt,
    ...(document.completeBy ? { completeBy: document.completeBy } : {}),
    ...(assignment
      ? { carrier: assignment.by, pickupEta: assignment.pickupEta, deliveryEta: assignment.deliveryEta }
      : {}),
    ...(assignment?.droneId ? { droneId: assignment.droneId } : {}),
    ...(assignment?.fence ? { fence: assignment.fence } : {}),
    ...(assignment?.carrierId ? { carrierId: assignment.carrierId } : {}),
    ...(document.cancel ? { cancel: document.cancel } : {}),
    ...(document.reschedule ? { reschedule: document.reschedule } : {}),
    ...(document.outcome ? { outcome: document.outcome } : {}),
    ...(document.lastError ? { lastError: document.lastError } : {}),
  };
}

export interface Ended {
  readonly state: WorkflowDocument;
  readonly delivery: Delivery;
  readonly events: readonly z.output<typeof TrackingEvent>[];
  readonly ending: Ending;
  /** m */
  readonly distance: number;
}

export function historyEntry({ state, delivery, events, ending, distance }: Ended): HistoryEntry {
  const { request } = state;
  return {
    deliveryId: state.deliveryId,
    owner: request.owner,
    stage: delivery.stage,
    outcome: ending,
    pickup: request.pickup,
    dropoff: request.dropoff,
    package: { id: request.package.id, weight: request.package.weight, size: request.package.size },
    confirmationRequired: request.confirmationRequired,
    confirmed: delivery.confirmed,
    ...(delivery.droneId ? { droneId: delivery.droneId } : {}),
    ...(delivery.carrierId ? { carrierId: delivery.carrierId } : {}),
    distance: Math.round(distance),
    requestedAt: request.acceptedAt,
    endedAt: ending.at,
    events: [...events],
  };
}

/** Reasons in words from a refusal's facts: `drone-3: payload 7.2 kg exceeds 5.0 kg`. */
export function reasonsOf(facts: Readonly<Record<string, unknown>> | undefined, detail: string): string[] {
  const list = facts?.['reasons'];
  if (!Array.isArray(list)) return [detail];
  const texts = list.map((entry: { droneId?: string; carrierId?: string; reasons?: readonly string[] }) => {
    const who = entry.droneId ?? entry.carrierId ?? '';
    return `${who}: ${(entry.reasons ?? []).join('; ')}`;
  });
  return texts.length > 0 ? texts : [detail];
}
