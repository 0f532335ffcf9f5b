/** Scheduler: the workflow of a delivery, as others may see it and as the supervisor may act on it. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Eta, Id, integerText, Owner, Time } from './common.ts';
import { Outcome } from './requests.ts';

export const WORKFLOW_STATES = [
  'Pending',
  'Processing',
  'Processed',
  'Error',
  'Compensating',
  'CompensationFailed',
] as const;

/** The step in which a workflow waits for the proof of delivery: the parcel has arrived. */
export const PROOF_STEP = 'checkProof';

export const WorkflowView = z.object({
  deliveryId: Id,
  owner: Owner,
  state: z.enum(WORKFLOW_STATES),
  step: z.string(),
  attempts: z.number().int(),
  generation: z.number().int(),
  completeBy: Time.optional(),
  carrier: z.enum(['drone', 'third-party']).optional(),
  droneId: Id.optional(),
  fence: z.number().int().optional(),
  carrierId: Id.optional(),
  pickupEta: Eta.optional(),
  deliveryEta: Eta.optional(),
  cancel: z.enum(['requested', 'cancelled', 'cancelRefused']).optional(),
  reschedule: z.enum(['requested', 'rescheduled', 'rescheduleRefused']).optional(),
  pastPivot: z.boolean(),
  deliveryCreated: z.boolean(),
  outcome: Outcome.optional(),
  lastError: z.string().optional(),
  updatedAt: Time,
});
export type WorkflowView = z.output<typeof WorkflowView>;

const params = z.strictObject({ deliveryId: Id });

export const getWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'getWorkflow',
  method: 'GET',
  path: 'workflows/{deliveryId}',
  summary: 'The workflow document of one delivery',
  auth: ['service', 'operator'],
  params,
  responses: { 200: WorkflowView },
});

export const listOverdueWorkflows = defineRoute({
  service: 'scheduler',
  operation: 'listOverdueWorkflows',
  method: 'GET',
  path: 'workflows/overdue',
  summary: 'Workflows whose completeBy has passed, or whose compensation failed',
  auth: ['service', 'operator'],
  query: z.strictObject({ limit: integerText(1, 500).default(100) }),
  responses: { 200: z.object({ workflows: z.array(WorkflowView) }) },
});

/** Wakes the orchestration; starts it again when the engine no longer has it. */
export const nudgeWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'nudgeWorkflow',
  method: 'POST',
  path: 'workflows/{deliveryId}/nudge',
  summary: 'Wake a workflow, or start it again where the engine has lost it',
  auth: ['service', 'operator'],
  params,
  responses: { 202: z.object({ deliveryId: Id, action: z.enum(['woken', 'started', 'ended']) }) },
});

export const compensateWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'compensateWorkflow',
  method: 'POST',
  path: 'workflows/{deliveryId}/compensation',
  summary: 'Undo every effect of a workflow that cannot go on',
  auth: ['service', 'operator'],
  params,
  body: z.strictObject({ reason: z.string().min(1).max(500) }),
  responses: { 202: z.object({ deliveryId: Id }) },
});

/** What a workflow can be told, beside flight events; the kinds of `FlightEvent` come over the hub. */
export const WorkflowSignal = z.strictObject({
  kind: z.enum(['CarrierCollected', 'CarrierDelivered', 'CarrierFailed', 'Confirmed']),
  at: Time,
  reason: z.string().max(500).optional(),
});

/** Idempotent per event id. 404 when there is no such workflow. */
export const putInboxEvent = defineRoute({
  service: 'scheduler',
  operation: 'putInboxEvent',
  method: 'PUT',
  path: 'workflows/{deliveryId}/inbox/{eventId}',
  summary: 'Tell a workflow that something happened',
  auth: ['service'],
  params: z.strictObject({ deliveryId: Id, eventId: Id }),
  body: WorkflowSignal,
  responses: { 202: z.object({ deliveryId: Id }) },
});
