/** Ingestion: delivery requests as customers post them, their status, and quotes. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import {
  ConfirmationType,
  Eta,
  Id,
  integerText,
  Owner,
  PackageSize,
  Position,
  Tag,
  Time,
  Weight,
} from './common.ts';
import { Outcome } from './outcome.ts';

/** A position, `"lat,lon"`, or an address that the service area's geocoder knows. */
export const LocationInput = z.union([Position, z.string().min(1).max(200)]);
export type LocationInput = z.infer<typeof LocationInput>;

export const PackageInfo = z.strictObject({
  packageId: Id.optional(),
  size: PackageSize,
  weight: Weight,
  tag: Tag.optional(),
});

/** The original wrote `dropOffLocation` over HTTP and `dropoffLocation` in messages; both are read. `deliveryId` is ignored. */
export const DeliveryRequestBody = z.strictObject({
  deliveryId: z.unknown().optional(),
  ownerId: Id,
  pickupLocation: LocationInput,
  dropOffLocation: LocationInput.optional(),
  dropoffLocation: LocationInput.optional(),
  pickupTime: Time.optional(),
  deadline: Time.optional(),
  expedited: z.boolean().default(false),
  confirmationRequired: ConfirmationType.default('None'),
  packageInfo: PackageInfo,
});
export type DeliveryRequestBody = z.output<typeof DeliveryRequestBody>;

/** A request as it was accepted: places are positions, the owner is known. It travels on the hub `delivery-requests`. */
export const AcceptedRequest = z.strictObject({
  deliveryId: Id,
  owner: Owner,
  pickup: Position,
  dropoff: Position,
  pickupTime: Time.optional(),
  deadline: Time.optional(),
  expedited: z.boolean(),
  confirmationRequired: ConfirmationType,
  package: z.strictObject({ id: Id, size: PackageSize, weight: Weight, tag: Tag.optional() }),
  acceptedAt: Time,
});
export type AcceptedRequest = z.output<typeof AcceptedRequest>;

/** The 202's body: the request with its id. */
export const RequestAnswer = z.object({
  deliveryId: Id,
  ownerId: Id,
  pickupLocation: Position,
  dropOffLocation: Position,
  pickupTime: Time.optional(),
  deadline: Time.optional(),
  expedited: z.boolean(),
  confirmationRequired: ConfirmationType,
  packageInfo: z.object({ packageId: Id, size: PackageSize, weight: z.number(), tag: z.string().optional() }),
});

/** A reschedule: absent fields stay as they are. */
export const RescheduleBody = z.strictObject({
  deliveryId: z.unknown().optional(),
  pickupLocation: LocationInput.optional(),
  dropOffLocation: LocationInput.optional(),
  dropoffLocation: LocationInput.optional(),
  pickupTime: Time.optional(),
  deadline: Time.optional(),
});
export type RescheduleBody = z.output<typeof RescheduleBody>;

/** A reschedule with its places resolved, as it reaches the workflow's inbox. */
export const Reschedule = z.strictObject({
  pickup: Position.optional(),
  dropoff: Position.optional(),
  pickupTime: Time.optional(),
  deadline: Time.optional(),
});
export type Reschedule = z.output<typeof Reschedule>;

/** The messages of the hub `delivery-requests`; the message's property `operation` repeats the member of that name. */
export const RequestMessage = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('delivery'), messageId: Id, request: AcceptedRequest }),
  z.strictObject({ operation: z.literal('cancel'), messageId: Id, deliveryId: Id, owner: Owner, at: Time }),
  z.strictObject({
    operation: z.literal('reschedule'),
    messageId: Id,
    deliveryId: Id,
    owner: Owner,
    at: Time,
    change: Reschedule,
  }),
]);
export type RequestMessage = z.output<typeof RequestMessage>;

/** The status of a request: ingestion's record merged with the workflow. `step` is `recorded` until the scheduler has it. */
export const RequestStatus = z.object({
  deliveryId: Id,
  state: z.enum([
    'Recorded',
    'Pending',
    'Processing',
    'Processed',
    'Error',
    'Compensating',
    'CompensationFailed',
    'Abandoned',
  ]),
  step: z.string(),
  attempts: z.number().int(),
  generation: z.number().int(),
  carrier: z.enum(['drone', 'third-party']).optional(),
  droneId: Id.optional(),
  carrierId: Id.optional(),
  pickupEta: Eta.optional(),
  deliveryEta: Eta.optional(),
  /** Refused: the package was on board, collected by a carrier or delivered, or the delivery ended before the cancel was read. */
  cancel: z.enum(['requested', 'cancelled', 'cancelRefused']).optional(),
  reschedule: z.enum(['requested', 'rescheduled', 'rescheduleRefused']).optional(),
  outcome: Outcome.optional(),
  lastError: z.string().optional(),
  acceptedAt: Time,
  updatedAt: Time,
  request: RequestAnswer,
  /** URL of the delivery, once it exists. */
  delivery: z.string().optional(),
});

const params = z.strictObject({ deliveryId: Id });
const customer = ['customer', 'account-admin'] as const;

export const submitRequest = defineRoute({
  service: 'ingestion',
  operation: 'submitRequest',
  method: 'POST',
  path: 'deliveryrequests',
  summary: 'Ask for a delivery; 202 once the broker has stored the request',
  auth: customer,
  body: DeliveryRequestBody,
  idempotency: 'handler',
  responses: { 202: RequestAnswer },
});

export const getRequest = defineRoute({
  service: 'ingestion',
  operation: 'getRequest',
  method: 'GET',
  path: 'deliveryrequests/{deliveryId}',
  summary: 'Get the state of a request: step, attempts, outcome and the cause of a failure',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
  versioned: true,
  responses: { 200: RequestStatus },
});

/** A customer's own requests; an administrator's are those of the account. Those that were answered 503 are left out. */
export const listRequests = defineRoute({
  service: 'ingestion',
  operation: 'listRequests',
  method: 'GET',
  path: 'deliveryrequests',
  summary: 'List delivery requests with their status, newest first',
  auth: customer,
  query: z.strictObject({
    limit: integerText(1, 50).default(20),
    /** That of the page before. */
    continuation: z.string().max(400).optional(),
  }),
  responses: { 200: z.object({ requests: z.array(RequestStatus), continuation: z.string().optional() }) },
});

export const rescheduleRequest = defineRoute({
  service: 'ingestion',
  operation: 'rescheduleRequest',
  method: 'PATCH',
  path: 'deliveryrequests/{deliveryId}',
  summary: 'Reschedule: change places or times before the drone has the package',
  auth: customer,
  params,
  body: RescheduleBody,
  contentType: 'application/merge-patch+json',
  versioned: true,
  responses: { 202: z.object({ deliveryId: Id }) },
});

export const cancelRequest = defineRoute({
  service: 'ingestion',
  operation: 'cancelRequest',
  method: 'DELETE',
  path: 'deliveryrequests/{deliveryId}',
  summary: 'Cancel a delivery; its status tells whether that succeeded',
  auth: customer,
  params,
  versioned: true,
  responses: { 202: z.object({ deliveryId: Id }) },
});

/** The scheduler asks this before it begins: a request that was answered 503 without an idempotency key is `abandoned`. */
export const acceptRequest = defineRoute({
  service: 'ingestion',
  operation: 'acceptRequest',
  method: 'PUT',
  path: 'deliveryrequests/{deliveryId}/acceptance',
  summary: 'Accept a request for the scheduler',
  auth: ['service'],
  params,
  responses: { 200: z.object({ accepted: z.boolean() }) },
});

export const quote = defineRoute({
  service: 'ingestion',
  operation: 'quote',
  method: 'POST',
  path: 'quotes',
  summary: 'Quote a delivery: whether it can be served, by whom, when and for how much',
  auth: customer,
  body: z.strictObject({
    pickupLocation: LocationInput,
    dropOffLocation: LocationInput,
    packageInfo: PackageInfo,
    expedited: z.boolean().default(false),
  }),
  idempotency: 'none',
  responses: {
    200: z.object({
      /** `null`: unknown at present, since a carrier did not answer. */
      feasible: z.boolean().nullable(),
      /** Present when `feasible` is not true. */
      code: z.enum(['not_serviceable', 'currently_unknown']).optional(),
      by: z.enum(['drone', 'third-party']).optional(),
      price: z.object({ amount: z.number(), currency: z.string() }).optional(),
      pickupEta: Eta.optional(),
      deliveryEta: Eta.optional(),
      reasons: z.array(z.string()),
    }),
  },
});
