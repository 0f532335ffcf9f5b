/** Delivery: scheduled deliveries and those in transit. Only this service writes their stage, and only for the workflow. */
import { z } from 'zod';
import { Bytes, defineRoute } from '../http/define-route.ts';
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
  /** The proof of delivery has been accepted. */
  confirmed: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
});
export type Delivery = z.output<typeof Delivery>;

/** Stage events of a delivery; `transition` in functions/delivery/domain.ts says which stages allow each. */
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
  summary: 'Create a delivery, or plan one again that has not begun; its stage never changes',
  auth: ['service'],
  params,
  body: DeliveryBody,
  versioned: true,
  responses: { 201: Delivery, 204: null },
});

export const getDelivery = defineRoute({
  service: 'delivery',
  operation: 'getDelivery',
  method: 'GET',
  path: 'deliveries/{deliveryId}',
  summary: 'Get a delivery',
  auth: readers,
  params,
  versioned: true,
  responses: { 200: Delivery },
});

/** Idempotent per `eventId`. 409 `conflict` when the stage does not allow it, 404 when there is no delivery. */
export const moveDelivery = defineRoute({
  service: 'delivery',
  operation: 'moveDelivery',
  method: 'POST',
  path: 'deliveries/{deliveryId}/transitions',
  summary: 'Apply a stage event to a delivery',
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
  summary: 'Get the owner of a delivery',
  auth: readers,
  params,
  responses: { 200: Owner },
});

export const getDeliveryStatus = defineRoute({
  service: 'delivery',
  operation: 'getDeliveryStatus',
  method: 'GET',
  path: 'deliveries/{deliveryId}/status',
  summary: 'Get the stage, last known location and ETAs of a delivery',
  auth: readers,
  params,
  responses: { 200: DeliveryStatus },
});

export const listDeliveryEvents = defineRoute({
  service: 'delivery',
  operation: 'listDeliveryEvents',
  method: 'GET',
  path: 'deliveries/{deliveryId}/events',
  summary: 'List the tracking events of a delivery in order, with time and place',
  auth: readers,
  params,
  responses: { 200: z.object({ events: z.array(TrackingEvent) }) },
});

export const createShareLink = defineRoute({
  service: 'delivery',
  operation: 'createShareLink',
  method: 'POST',
  path: 'deliveries/{deliveryId}/sharelinks',
  summary: 'Create a link that shows the delivery to its bearer until it expires or is revoked',
  auth: [...customer, 'service'],
  params,
  body: z.strictObject({ hours: z.number().min(0.25).max(168).default(24) }),
  responses: { 201: z.object({ linkId: Id, token: z.string(), url: z.string(), expiresAt: Time }) },
});

export const listShareLinks = defineRoute({
  service: 'delivery',
  operation: 'listShareLinks',
  method: 'GET',
  path: 'deliveries/{deliveryId}/sharelinks',
  summary: 'List the valid share links of a delivery, without their tokens',
  auth: [...customer, 'operator'],
  params,
  responses: {
    200: z.object({
      links: z.array(z.object({ linkId: Id, createdAt: Time, createdBy: z.string(), expiresAt: Time })),
    }),
  },
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
  summary: 'Get what a share link shows: no owner, no drone, no address but the dropoff',
  auth: 'public',
  params: z.strictObject({ token: z.string().max(400) }),
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
      /** An https URL at a public address, without a user name; at most 2,048 characters. */
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

/**
 * Accepted once the parcel has arrived (409 `conflict` before), at most 200 m from the dropoff, with a time after the
 * pickup. `confirmationBlob` is base64, at most 180 KiB of it. Its format must fit `confirmationType`: a JPEG, PNG or WebP
 * picture, a WAV, MP3, Ogg or WebM recording, or a finger record of ISO/IEC 19794-2 or -4.
 */
export const confirmDelivery = defineRoute({
  service: 'delivery',
  operation: 'confirmDelivery',
  method: 'POST',
  path: 'deliveries/{deliveryId}/confirmations',
  summary: 'Confirm a delivery that has arrived, with its proof',
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

export const ProofOfDelivery = z.object({
  /** Media type of the content, if there is any: `GET …/confirmations/{proofId}` returns it. */
  proofId: Id,
  confirmationType: ConfirmationType,
  at: Time,
  receivedAt: Time,
  position: Position,
  by: z.string(),
  contentType: z.string().optional(),
  size: z.number().int().optional(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  sha256: z.string().optional(),
});

export const listConfirmations = defineRoute({
  service: 'delivery',
  operation: 'listConfirmations',
  method: 'GET',
  path: 'deliveries/{deliveryId}/confirmations',
  summary: 'List the proofs of a delivery',
  auth: readers,
  params,
  responses: { 200: z.object({ confirmations: z.array(ProofOfDelivery) }) },
});

export const getConfirmation = defineRoute({
  service: 'delivery',
  operation: 'getConfirmation',
  method: 'GET',
  path: 'deliveries/{deliveryId}/confirmations/{proofId}',
  summary: 'Get the picture, recording or record of a proof',
  auth: readers,
  params: z.strictObject({ deliveryId: Id, proofId: Id }),
  responses: { 200: Bytes },
});

export const summarizeDeliveries = defineRoute({
  service: 'delivery',
  operation: 'summarizeDeliveries',
  method: 'GET',
  path: 'deliveries/summary',
  summary: 'Count the deliveries of an account in a month',
  auth: readers,
  query: z.strictObject({
    ownerId: Id,
    ...Month,
  }),
  responses: { 200: z.object({ count: z.number().int() }) },
});
