/** Supervisor: dead letters and work items, for operators. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Id, integerText, Time } from './common.ts';

/** Event Hubs takes messages of up to 1 MB; base64 makes them a third longer. */
const MAX_PAYLOAD = 1_400_000;

/** As Event Hubs names its entities. */
const HubName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'may contain letters, digits and . _ - only');

/** An act of an operator, or of the supervisor itself, on a dead letter or a work item. */
export const SupervisorAct = z.object({
  by: z.string(),
  action: z.string(),
  at: Time,
  note: z.string().optional(),
  before: z.record(z.string(), z.unknown()),
  after: z.record(z.string(), z.unknown()),
});
export type SupervisorAct = z.output<typeof SupervisorAct>;

/** A dead letter as a list shows it: without the message. */
export const DeadLetterEntry = z.object({
  id: Id,
  hub: HubName,
  partition: z.string().max(100),
  /** -1: the source did not give it. */
  sequenceNumber: z.int().min(-1),
  reason: z.string().max(1000),
  step: z.string().max(200),
  /** Bytes of the whole message, when only its beginning was kept: it cannot be replayed as it is. */
  cutFrom: z.int().positive().optional(),
  status: z.enum(['Open', 'Replayed', 'Discarded']),
  at: Time,
  /** The day (UTC) under which it is stored. */
  day: z.string(),
  audit: z.array(SupervisorAct),
});
export type DeadLetterEntry = z.output<typeof DeadLetterEntry>;

export const DeadLetter = DeadLetterEntry.extend({
  /** The message as it arrived: text, or base64 of bytes that are not text. */
  payload: z.string().max(MAX_PAYLOAD),
  encoding: z.enum(['text', 'base64']),
  properties: z.record(z.string(), z.unknown()),
  /** What an operator has replayed in its place. */
  correctedPayload: z.string().optional(),
});
export type DeadLetter = z.output<typeof DeadLetter>;

export const WorkItem = z.object({
  id: Id,
  deliveryId: Id,
  kind: z.enum([
    'CompensationFailed',
    'Overdue',
    'ProofMissing',
    'OrphanReservation',
    'OrphanHold',
    'OrphanBooking',
  ]),
  step: z.string().max(200),
  detail: z.string().max(20_000),
  status: z.enum(['Open', 'Settled']),
  at: Time,
  audit: z.array(SupervisorAct),
});
export type WorkItem = z.output<typeof WorkItem>;

/** That of the page before, unchanged; nothing in it is for the caller. */
const Continuation = z
  .string()
  .max(400)
  .regex(/^[\w-]+$/, 'is not a continuation of this list')
  .optional();

const letterParams = z.strictObject({ hub: HubName, day: z.iso.date().max(10), letterId: Id });

/** Idempotent: the id consists of hub, partition and sequence number. */
export const recordDeadLetter = defineRoute({
  service: 'supervisor',
  operation: 'recordDeadLetter',
  method: 'POST',
  path: 'supervisor/deadletters',
  summary: 'Record a message that a service could not process',
  auth: ['service'],
  maxBodyBytes: 2 * 1024 * 1024,
  body: DeadLetter.pick({
    hub: true,
    partition: true,
    sequenceNumber: true,
    reason: true,
    step: true,
    payload: true,
    encoding: true,
    properties: true,
    cutFrom: true,
  }),
  responses: { 201: z.object({ id: Id }), 200: z.object({ id: Id }) },
});

export const listDeadLetters = defineRoute({
  service: 'supervisor',
  operation: 'listDeadLetters',
  method: 'GET',
  path: 'supervisor/deadletters',
  summary: 'List dead letters, newest first, without their payloads',
  auth: ['operator'],
  query: z.strictObject({
    hub: HubName.optional(),
    status: z.enum(['Open', 'Replayed', 'Discarded']).optional(),
    limit: integerText(1, 500).default(100),
    continuation: Continuation,
  }),
  responses: {
    200: z.object({ deadLetters: z.array(DeadLetterEntry), continuation: z.string().optional() }),
  },
});

export const getDeadLetter = defineRoute({
  service: 'supervisor',
  operation: 'getDeadLetter',
  method: 'GET',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}',
  summary: 'Get a dead letter with its payload',
  auth: ['operator'],
  params: letterParams,
  versioned: true,
  responses: { 200: DeadLetter },
});

/** 422 `not_serviceable` for a message that was cut, unless a corrected payload is given. */

export const replayDeadLetter = defineRoute({
  service: 'supervisor',
  operation: 'replayDeadLetter',
  method: 'POST',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}/replay',
  summary: 'Replay a dead letter: put its message back on the hub; audited',
  auth: ['operator'],
  params: letterParams,
  body: z.strictObject({ note: z.string().max(500).optional(), payload: z.string().max(200_000).optional() }),
  versioned: true,
  responses: { 200: DeadLetterEntry },
});

export const discardDeadLetter = defineRoute({
  service: 'supervisor',
  operation: 'discardDeadLetter',
  method: 'POST',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}/discard',
  summary: 'Discard a dead letter; audited',
  auth: ['operator'],
  params: letterParams,
  body: z.strictObject({ note: z.string().min(1).max(500) }),
  versioned: true,
  responses: { 200: DeadLetterEntry },
});

/** Idempotent per delivery, kind and step. */
export const recordWorkItem = defineRoute({
  service: 'supervisor',
  operation: 'recordWorkItem',
  method: 'POST',
  path: 'supervisor/workitems',
  summary: 'Record a work item for the operators',
  auth: ['service'],
  body: WorkItem.pick({ deliveryId: true, kind: true, step: true, detail: true }),
  responses: { 201: z.object({ id: Id }), 200: z.object({ id: Id }) },
});

export const listWorkItems = defineRoute({
  service: 'supervisor',
  operation: 'listWorkItems',
  method: 'GET',
  path: 'supervisor/workitems',
  summary: 'List the work items that need an operator',
  auth: ['operator'],
  query: z.strictObject({
    status: z.enum(['Open', 'Settled']).optional(),
    limit: integerText(1, 500).default(100),
    continuation: Continuation,
  }),
  responses: { 200: z.object({ workItems: z.array(WorkItem), continuation: z.string().optional() }) },
});

export const settleWorkItem = defineRoute({
  service: 'supervisor',
  operation: 'settleWorkItem',
  method: 'POST',
  path: 'supervisor/workitems/{deliveryId}/{itemId}/settle',
  summary: 'Settle a work item by a retry or by hand; audited',
  auth: ['operator'],
  params: z.strictObject({ deliveryId: Id, itemId: Id }),
  body: z.strictObject({ action: z.enum(['retry', 'close']), note: z.string().min(1).max(500) }),
  responses: { 200: WorkItem },
});
