/** Pure rules of the workflow: views, changes of the request, answers to the customer, the history entry. */
import type { z } from 'zod';
import type { Delivery, TrackingEvent } from '../../shared/contracts/deliveries.ts';
import type { RefusalGroup } from '../../shared/contracts/drones.ts';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import type { AcceptedRequest, Reschedule } from '../../shared/contracts/requests.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import { pivots } from '../../shared/saga/define-saga.ts';
import type { Received } from '../../shared/saga/inbox.ts';
import { deliverySaga } from './delivery-saga.ts';
import type { Assignment, Note, WorkflowDocument } from './schemas.ts';

/** The carrier once one is booked, else the reserved drone. */
export function carrierOf(state: WorkflowDocument): Assignment | undefined {
  const { bookCarrier } = state.effects;
  if (bookCarrier?.status === 'done') return bookCarrier.value as Assignment;
  return droneOf(state);
}

export function droneOf(state: WorkflowDocument): Assignment | undefined {
  return state.effects['reserveDrone']?.value as Assignment | undefined;
}

/** The drone or carrier that this generation has sent, or may have. */
export function underWay({ effects, generation }: WorkflowDocument): Assignment['by'] | null {
  if (effects['bookCarrier']?.generation === generation) return 'third-party';
  return effects['dispatchDrone']?.generation === generation ? 'drone' : null;
}

/** @throws AppError `conflict` when there is none */
export function assignmentOf(state: WorkflowDocument): Assignment {
  const assignment = carrierOf(state);
  if (!assignment) throw new AppError('conflict', 'neither a drone nor a carrier is assigned yet');
  return assignment;
}

/** Whether the pivot has passed, or may have passed. */
export function isPastPivot({ effects }: Pick<WorkflowDocument, 'effects'>): boolean {
  return pivots(deliverySaga).some((name) => effects[name] !== undefined);
}

export function viewOf(document: WorkflowDocument): WorkflowView {
  const assignment = carrierOf(document);
  const created = document.effects['createDelivery']?.status;
  const { pickup, dropoff, pickupTime, deadline } = document.request;
  return {
    deliveryId: document.deliveryId,
    owner: document.request.owner,
    state: document.state,
    step: document.step,
    attempts: document.attempts,
    generation: document.generation,
    pastPivot: isPastPivot(document),
    deliveryCreated: created === 'done' || created === 'compensated',
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
    plan: {
      pickup,
      dropoff,
      ...(pickupTime ? { pickupTime } : {}),
      ...(deadline ? { deadline } : {}),
    },
    audit: [...(document.audit ?? [])],
  };
}

export interface FinishedDelivery {
  readonly state: WorkflowDocument;
  readonly delivery: Delivery;
  readonly events: readonly z.output<typeof TrackingEvent>[];
  readonly outcome: Outcome;
  /** m */
  readonly distance: number;
}

export function historyEntry({ state, delivery, events, outcome, distance }: FinishedDelivery): HistoryEntry {
  const { request } = state;
  return {
    deliveryId: state.deliveryId,
    owner: request.owner,
    stage: delivery.stage,
    outcome: customerOutcome(outcome),
    pickup: request.pickup,
    dropoff: request.dropoff,
    package: { id: request.package.id, weight: request.package.weight, size: request.package.size },
    confirmationRequired: request.confirmationRequired,
    confirmed: delivery.confirmed,
    ...(delivery.droneId ? { droneId: delivery.droneId } : {}),
    ...(delivery.carrierId ? { carrierId: delivery.carrierId } : {}),
    distance: Math.round(distance),
    requestedAt: request.acceptedAt,
    endedAt: outcome.at,
    events: [...events],
  };
}

/**
 * Puts the facts of a refusal into words: groups of drones (`3 drones: too heavy`), or the reasons of each carrier
 * (`van: weight 60 kg exceeds 25 kg`).
 */
export function reasonsOf(facts: Readonly<Record<string, unknown>> | undefined, detail: string): string[] {
  const { refusals = [], reasons = [] } = (facts ?? {}) as {
    refusals?: readonly RefusalGroup[];
    reasons?: readonly { readonly carrierId?: string; readonly reasons?: readonly string[] }[];
  };
  const byDrones = refusals.map(
    ({ code, count }) => `${count} ${count === 1 ? 'drone' : 'drones'}: ${code.replaceAll('_', ' ')}`,
  );
  const byCarriers = reasons.map(
    ({ carrierId = '', reasons: own = [] }) => `${carrierId}: ${own.join('; ')}`,
  );
  const all = [...byDrones, ...byCarriers];
  return all.length > 0 ? all : [detail];
}

/** The request with the change applied; fields that the change does not name stay as they are. */
export function changedRequest(request: AcceptedRequest, change: Reschedule = {}): AcceptedRequest {
  const { pickup, dropoff, pickupTime, deadline } = change;
  return {
    ...request,
    ...(pickup ? { pickup } : {}),
    ...(dropoff ? { dropoff } : {}),
    ...(pickupTime ? { pickupTime } : {}),
    ...(deadline ? { deadline } : {}),
  };
}

/**
 * The signals that an orchestration with an empty memory gets: all, so that it arrives at the same point. Only changes
 * that were granted or refused are left out: their effect is in the document.
 */
export function retoldSignals(
  all: readonly Received[],
  state: Pick<WorkflowDocument, 'cancel' | 'reschedule'> | undefined,
): readonly Received[] {
  const lastReschedule = all.findLast(({ kind, handled }) => kind === 'reschedule' && handled);
  return all.filter((signal) => {
    if (!signal.handled) return true;
    if (signal.kind === 'cancel') return state?.cancel === 'requested';
    if (signal.kind === 'reschedule') return state?.reschedule === 'requested' && signal === lastReschedule;
    return true;
  });
}

/** The answers to changes that were still open when the delivery ended. */
export function finalAnswers({ cancel, reschedule }: WorkflowDocument, outcome: Outcome): Note {
  const cancelled = outcome.kind === 'cancelled' ? ('cancelled' as const) : ('cancelRefused' as const);
  return {
    ...(cancel === 'requested' ? { cancel: cancelled } : {}),
    ...(reschedule === 'requested' ? { reschedule: 'rescheduleRefused' as const } : {}),
  };
}
