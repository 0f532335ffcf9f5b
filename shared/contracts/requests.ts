/** Ingestion: delivery requests as customers post them, their status, and quotes. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { ConfirmationType, Eta, Id, Owner, PackageSize, Position, Tag, Time, Weight } from './common.ts';
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

/** `reschedule`: what is absent stays. */
export const RescheduleBody = z.strictObject({
  deliveryId: z.unknown().optional(),
  pickupLocation: LocationInput.optional(),
  dropOffLocation: LocationInput.optional(),
  dropoffLocation: LocationInput.optional(),
  pickupTime: Time.optional(),
  deadline: Time.optional(),
});
export type RescheduleBody = z.output<typeof RescheduleBody>;

/** A reschedule with its places resolved, as the workflow's inbox has it. */
export const Reschedule = z.strictObject({
  pickup: Position.optional(),
  dropoff: Position.optional(),
  pickupTime: Time.optional(),
  deadline: Time.optional(),
});
export type Reschedule = z.output<typeof Reschedule>;

/** What travels on `delivery-requests`; the message's property `operation` says the same as the member. */
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
  /** The delivery, once it exists. */
  delivery: z.string().optional(),
});

const params = z.strictObject({ deliveryId: Id });
const customer = ['customer', 'account-admin'] as const;

export const submitRequest = defineRoute({
  service: 'ingestion',
  operation: 'submitRequest',
  method: 'POST',
  path: 'deliveryrequests',
  summary: 'Ask for a drone; 202 once the request is safely on its way',
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
  summary: 'Get the state of a request: step, attempts, outcome, and why it failed',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
  versioned: true,
  responses: { 200: RequestStatus },
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
      /** `null`: not known now, since a carrier did not answer. */
      feasible: z.boolean().nullable(),
      /** When `feasible` is not true. */
      code: z.enum(['not_serviceable', 'currently_unknown']).optional(),
      by: z.enum(['drone', 'third-party']).optional(),
      price: z.object({ amount: z.number(), currency: z.string() }).optional(),
      pickupEta: Eta.optional(),
      deliveryEta: Eta.optional(),
      reasons: z.array(z.string()),
    }),
  },
});
