/** Delivery: what is scheduled or in transit. Its stage is written by this service alone, for the workflow. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { ConfirmationType, DeliveryStage, Eta, Id, Month, Owner, Position, Time } from './common.ts';

export const DeliveryBody = z.strictObject({
  id: Id.optional(),
  owner: Owner,
  pickup: Position,
  dropoff: Position,
  deadline: Time.optional(),
  expedited: z.boolean().default(false),
  confirmationRequired: ConfirmationType.default('None'),
  packageId: Id,
  droneId: Id.optional(),
  carrierId: Id.optional(),
  pickupEta: Eta,
  deliveryEta: Eta,
});

export const Delivery = z.object({
  id: Id,
  owner: Owner,
  pickup: Position,
  dropoff: Position,
  deadline: Time.optional(),
  expedited: z.boolean(),
  confirmationRequired: ConfirmationType,
  packageId: Id,
  droneId: Id.optional(),
  carrierId: Id.optional(),
  stage: DeliveryStage,
  pickupEta: Eta,
  deliveryEta: Eta,
  /** The proof of delivery is there. */
  confirmed: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
});
export type Delivery = z.output<typeof Delivery>;

/** What may happen to a delivery; `transition` in functions/delivery/domain.ts says from which stage. */
export const StageEvent = z.strictObject({
  eventId: Id,
  event: z.enum([
    'HeadedToPickup',
    'HeadedToDropoff',
    'Rescheduled',
    'Returning',
    'Completed',
    'Cancelled',
    'Failed',
  ]),
  at: Time,
  position: Position.optional(),
  reason: z.string().max(500).optional(),
});
export type StageEvent = z.output<typeof StageEvent>;

export const TrackingEvent = z.object({
  sequence: z.number().int(),
  stage: DeliveryStage,
  at: Time,
  position: Position.optional(),
  reason: z.string().max(500).optional(),
});

export const DeliveryStatus = z.object({
  stage: DeliveryStage,
  lastKnownLocation: Position.optional(),
  pickupETA: Time,
  deliveryETA: Time,
  pickupEta: Eta,
  deliveryEta: Eta,
});

const params = z.strictObject({ deliveryId: Id });
const readers = ['customer', 'account-admin', 'operator', 'service'] as const;
const customer = ['customer', 'account-admin'] as const;

export const putDelivery = defineRoute({
  service: 'delivery',
  operation: 'putDelivery',
  method: 'PUT',
  path: 'deliveries/{deliveryId}',
  summary: 'Create a delivery, or re-plan one that has not begun; never changes its stage',
  auth: ['service'],
  params,
  body: DeliveryBody,
  responses: { 201: Delivery, 204: null },
});

export const getDelivery = defineRoute({
  service: 'delivery',
  operation: 'getDelivery',
  method: 'GET',
  path: 'deliveries/{deliveryId}',
  summary: 'A delivery of one’s account',
  auth: readers,
  params,
  responses: { 200: Delivery },
});

/** Idempotent per `eventId`. 409 `conflict` when the stage does not allow it, 404 when there is no delivery. */
export const moveDelivery = defineRoute({
  service: 'delivery',
  operation: 'moveDelivery',
  method: 'POST',
  path: 'deliveries/{deliveryId}/transitions',
  summary: 'Something happened to the delivery',
  auth: ['service'],
  params,
  body: StageEvent,
  responses: { 200: Delivery },
});

export const getDeliveryOwner = defineRoute({
  service: 'delivery',
  operation: 'getDeliveryOwner',
  method: 'GET',
  path: 'deliveries/{deliveryId}/owner',
  summary: 'Whose delivery it is',
  auth: readers,
  params,
  responses: { 200: Owner },
});

export const getDeliveryStatus = defineRoute({
  service: 'delivery',
  operation: 'getDeliveryStatus',
  method: 'GET',
  path: 'deliveries/{deliveryId}/status',
  summary: 'Stage, last known location, pickup and delivery ETA',
  auth: readers,
  params,
  responses: { 200: DeliveryStatus },
});

export const listDeliveryEvents = defineRoute({
  service: 'delivery',
  operation: 'listDeliveryEvents',
  method: 'GET',
  path: 'deliveries/{deliveryId}/events',
  summary: 'Tracking events in order, with time and place',
  auth: readers,
  params,
  responses: { 200: z.object({ events: z.array(TrackingEvent) }) },
});

/** A link that is already over when it arrives helps nobody: a minute at least. */
const MIN_LINK_HOURS = 1 / 60;

export const createShareLink = defineRoute({
  service: 'delivery',
  operation: 'createShareLink',
  method: 'POST',
  path: 'deliveries/{deliveryId}/sharelinks',
  summary: 'A link that shows the delivery to whoever has it, until it expires or is revoked',
  auth: [...customer, 'service'],
  params,
  body: z.strictObject({ hours: z.number().min(MIN_LINK_HOURS).max(168).default(24) }),
  responses: { 201: z.object({ linkId: Id, token: z.string(), url: z.string(), expiresAt: Time }) },
});

export const revokeShareLink = defineRoute({
  service: 'delivery',
  operation: 'revokeShareLink',
  method: 'DELETE',
  path: 'deliveries/{deliveryId}/sharelinks/{linkId}',
  summary: 'Revoke a share link',
  auth: customer,
  params: z.strictObject({ deliveryId: Id, linkId: Id }),
  responses: { 204: null },
});

export const getPublicDelivery = defineRoute({
  service: 'delivery',
  operation: 'getPublicDelivery',
  method: 'GET',
  path: 'deliveries/public/{token}',
  summary: 'What a share link shows: no owner, no drone, no addresses but the dropoff',
  auth: 'public',
  params: z.strictObject({ token: z.string().min(20).max(200) }),
  responses: {
    200: z.object({
      stage: DeliveryStage,
      dropoff: Position,
      lastKnownLocation: Position.optional(),
      deliveryEta: Eta,
      updatedAt: Time,
    }),
  },
});

export const notifyMe = defineRoute({
  service: 'delivery',
  operation: 'notifyMe',
  method: 'POST',
  path: 'deliveries/{deliveryId}/notifymerequests',
  summary: 'Subscribe to the events of a delivery by e-mail, SMS or webhook',
  auth: customer,
  params,
  body: z
    .strictObject({
      emailAddress: z.email().max(254).optional(),
      sms: z
        .string()
        .max(21)
        .regex(/^\+?[0-9 ()-]{5,20}$/)
        .optional(),
      /** https only, at a public address, without a user name; at most 2,048 characters. */
      webhook: z.string().max(2_048).optional(),
    })
    .refine((body) => Object.keys(body).length > 0, 'name an emailAddress, sms or webhook'),
  responses: { 204: null },
});

/** Two secrets during a rotation; a receiver accepts a signature by either. docs/webhooks.md shows how to verify one. */
export const getWebhookSecrets = defineRoute({
  service: 'delivery',
  operation: 'getWebhookSecrets',
  method: 'GET',
  path: 'deliveries/webhooksecrets',
  summary: 'Get the secrets that sign the webhooks of an account, newest first',
  auth: ['account-admin'],
  responses: { 200: z.object({ secrets: z.array(z.string()) }) },
});

/** `confirmationBlob` is base64, at most 180 KiB of it; it is kept in Blob storage. */
export const confirmDelivery = defineRoute({
  service: 'delivery',
  operation: 'confirmDelivery',
  method: 'POST',
  path: 'deliveries/{deliveryId}/confirmations',
  summary: 'Proof of delivery',
  auth: [...customer, 'service'],
  params,
  body: z.strictObject({
    dateTime: z.union([Time, z.strictObject({ dateTimeValue: Time })]).optional(),
    geoCoordinates: Position,
    confirmationType: ConfirmationType,
    confirmationBlob: z.base64().max(184_320).optional(),
  }),
  responses: { 200: z.object({ confirmed: z.boolean() }) },
});

export const summarizeDeliveries = defineRoute({
  service: 'delivery',
  operation: 'summarizeDeliveries',
  method: 'GET',
  path: 'deliveries/summary',
  summary: 'How many deliveries an account had in a month',
  auth: readers,
  query: z.strictObject({
    ownerId: Id,
    ...Month,
  }),
  responses: { 200: z.object({ count: z.number().int() }) },
});
