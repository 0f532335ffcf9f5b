/** Scheduler: the workflow of a delivery. Other services read it; operators and the supervisor act on it. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Eta, Id, integerText, Owner, Position, Time } from './common.ts';
import { Outcome } from './outcome.ts';

export const WORKFLOW_STATES = [
  'Pending',
  'Processing',
  'Processed',
  'Error',
  'Compensating',
  'CompensationFailed',
] as const;

const WorkflowPosition = z.object({
  state: z.enum(WORKFLOW_STATES),
  step: z.string(),
  generation: z.number().int(),
});

/** An action of an operator or of the supervisor on a workflow. */
export const WorkflowAct = z.object({
  /** Subject of the caller's token. */
  by: z.string(),
  action: z.enum(['nudge', 'compensate']),
  reason: z.string().optional(),
  at: Time,
  before: WorkflowPosition,
  after: WorkflowPosition,
});
export type WorkflowAct = z.output<typeof WorkflowAct>;

/** In this step the parcel has arrived, and the workflow waits for the proof of delivery. */
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
  /** The current places and times: the request's, or those of the last reschedule that was granted. */
  plan: z.object({
    pickup: Position,
    dropoff: Position,
    pickupTime: Time.optional(),
    deadline: Time.optional(),
  }),
  audit: z.array(WorkflowAct),
});
export type WorkflowView = z.output<typeof WorkflowView>;

const params = z.strictObject({ deliveryId: Id });
/** Kept in the audit; customers do not see it. */
const Reason = z.string().min(1).max(500);

export const getWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'getWorkflow',
  method: 'GET',
  path: 'workflows/{deliveryId}',
  summary: 'Get the workflow of a delivery',
  auth: ['service', 'operator'],
  params,
  responses: { 200: WorkflowView },
});

export const listOverdueWorkflows = defineRoute({
  service: 'scheduler',
  operation: 'listOverdueWorkflows',
  method: 'GET',
  path: 'workflows/overdue',
  summary: 'List the workflows that are overdue or whose compensation failed',
  auth: ['service', 'operator'],
  query: z.strictObject({ limit: integerText(1, 500).default(100) }),
  responses: { 200: z.object({ workflows: z.array(WorkflowView) }) },
});

export const nudgeWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'nudgeWorkflow',
  method: 'POST',
  path: 'workflows/{deliveryId}/nudge',
  summary: 'Wake a workflow, or start it again if the engine has lost it',
  auth: ['service', 'operator'],
  params,
  body: z.strictObject({ reason: Reason.optional() }).optional(),
  responses: { 202: z.object({ deliveryId: Id, action: z.enum(['woken', 'started', 'ended']) }) },
});

/** 409 `package_on_board` once the package is on board, with the alternatives; 409 `conflict` when it has ended. */
export const compensateWorkflow = defineRoute({
  service: 'scheduler',
  operation: 'compensateWorkflow',
  method: 'POST',
  path: 'workflows/{deliveryId}/compensation',
  summary: 'Compensate every effect of a workflow and end it',
  auth: ['service', 'operator'],
  params,
  body: z.strictObject({ reason: Reason }),
  responses: { 202: z.object({ deliveryId: Id }) },
});

/** Events that another service puts into a workflow's inbox. Flight events come over the hub. */
export const WorkflowSignal = z.strictObject({
  kind: z.enum(['CarrierDeparted', 'CarrierCollected', 'CarrierDelivered', 'CarrierFailed', 'Confirmed']),
  at: Time,
  position: Position.optional(),
  reason: z.string().max(500).optional(),
});

/** Idempotent per event id. 404 when there is no such workflow. */
export const putInboxEvent = defineRoute({
  service: 'scheduler',
  operation: 'putInboxEvent',
  method: 'PUT',
  path: 'workflows/{deliveryId}/inbox/{eventId}',
  summary: 'Put an event into the inbox of a workflow',
  auth: ['service'],
  params: z.strictObject({ deliveryId: Id, eventId: Id }),
  body: WorkflowSignal,
  responses: { 202: z.object({ deliveryId: Id }) },
});
