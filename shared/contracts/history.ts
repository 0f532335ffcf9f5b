/** Delivery history: ended deliveries, for search and invoices. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import {
  ConfirmationType,
  DeliveryStage,
  Id,
  integerText,
  Month,
  Owner,
  Position,
  Time,
  Weight,
} from './common.ts';
import { TrackingEvent } from './deliveries.ts';
import { Outcome } from './outcome.ts';

/** Half of the equator's length, m. */
const MAX_DISTANCE = 20_100_000;
/** A delivery has about ten events; each reassignment adds one. */
const MAX_EVENTS = 1000;

export const HistoryEntry = z.object({
  deliveryId: Id,
  owner: Owner,
  stage: DeliveryStage,
  outcome: Outcome,
  pickup: Position,
  dropoff: Position,
  package: z.object({ id: Id, weight: Weight, size: z.string().max(20) }),
  confirmationRequired: ConfirmationType,
  confirmed: z.boolean(),
  droneId: Id.optional(),
  carrierId: Id.optional(),
  /** Straight-line distance from pickup to dropoff, m. */
  distance: z.number().min(0).max(MAX_DISTANCE),
  requestedAt: Time,
  endedAt: Time,
  events: z.array(TrackingEvent).max(MAX_EVENTS),
});
export type HistoryEntry = z.output<typeof HistoryEntry>;

export const archiveDelivery = defineRoute({
  service: 'delivery-history',
  operation: 'archiveDelivery',
  method: 'PUT',
  path: 'deliveryhistory/{deliveryId}',
  summary: 'Write the one history entry of an ended delivery; idempotent',
  auth: ['service'],
  params: z.strictObject({ deliveryId: Id }),
  body: HistoryEntry,
  responses: { 201: null, 204: null },
});

export const getHistoryEntry = defineRoute({
  service: 'delivery-history',
  operation: 'getHistoryEntry',
  method: 'GET',
  path: 'deliveryhistory/{deliveryId}',
  summary: 'Get an ended delivery of the account',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params: z.strictObject({ deliveryId: Id }),
  responses: { 200: HistoryEntry },
});

export const searchHistory = defineRoute({
  service: 'delivery-history',
  operation: 'searchHistory',
  method: 'GET',
  path: 'deliveryhistory',
  summary: 'List the ended deliveries of an account, newest first; page by `continuation`',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  query: z.strictObject({
    ownerId: Id,
    from: Time.optional(),
    to: Time.optional(),
    stage: DeliveryStage.optional(),
    limit: integerText(1, 500).default(50),
    continuation: z.string().max(4000).optional(),
  }),
  responses: { 200: z.object({ entries: z.array(HistoryEntry), continuation: z.string().optional() }) },
});

/** Only deliveries whose outcome is `completed` count. */
export const summarizeHistory = defineRoute({
  service: 'delivery-history',
  operation: 'summarizeHistory',
  method: 'GET',
  path: 'deliveryhistory/summary/{ownerId}',
  summary: 'Get the total weight of the deliveries that an account completed in a month',
  auth: ['service'],
  params: z.strictObject({ ownerId: Id }),
  query: z.strictObject(Month),
  responses: { 200: z.object({ totalWeight: z.number() }) },
});
