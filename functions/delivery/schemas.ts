/** The items of the container `deliveries` (partition: delivery). */

import type { ConfirmationType, DeliveryStage, Position } from '../../shared/contracts/common.ts';
import type { Delivery } from '../../shared/contracts/deliveries.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

export interface DeliveryDocument extends Omit<Delivery, 'id'> {
  readonly id: 'delivery';
  readonly type: 'delivery';
  readonly deliveryId: string;
  readonly accountId: string;
  /** Of the latest tracking event. */
  readonly sequence: number;
  /** Ids of the stage events that were applied: a repetition changes nothing. */
  readonly applied: readonly string[];
  /** The mark of the workflow's call that last planned it. */
  readonly call?: CallMark;
  /** `YYYY-MM` of the creation, for counts. */
  readonly month: string;
  readonly proof?: Proof;
}

/** A proof of delivery; its picture, recording or finger record is in Blob storage. */
export interface Proof {
  /** Unique within the delivery: the first half of the content's hash, or `none`. */
  readonly proofId: string;
  readonly type: ConfirmationType;
  /** As the caller reported it. */
  readonly at: string;
  readonly receivedAt: string;
  readonly position: Position;
  /** Subject of the token. */
  readonly by: string;
  readonly contentType?: string;
  /** Bytes. */
  readonly size?: number;
  /** Of a picture, in pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Of the content, hexadecimal. */
  readonly sha256?: string;
  /** Name of the blob. */
  readonly blob?: string;
}

export interface TrackingDocument {
  readonly id: string;
  readonly type: 'tracking';
  readonly deliveryId: string;
  readonly sequence: number;
  readonly stage: DeliveryStage;
  readonly at: string;
  readonly position?: Position;
  readonly reason?: string;
}

/** The share links of a delivery that have not expired. */
export interface ShareLinksDocument {
  readonly id: 'sharelinks';
  readonly type: 'sharelinks';
  readonly deliveryId: string;
  readonly links: readonly ShareLink[];
  readonly ttl: number;
}

export interface ShareLink {
  readonly linkId: string;
  /** SHA-256, hexadecimal. */
  readonly secretHash: string;
  readonly createdAt: string;
  /** Subject of the token. */
  readonly createdBy: string;
  readonly expiresAt: string;
}

/** The subscriptions to a delivery's events. They are one item, so its etag keeps their number within the limit. */
export interface SubscriptionsDocument {
  readonly id: 'subscriptions';
  readonly type: 'subscriptions';
  readonly deliveryId: string;
  readonly accountId: string;
  readonly subscriptions: readonly Subscription[];
}

export interface Subscription {
  /** A digest of the other fields: a repeated request is the same subscription. */
  readonly id: string;
  readonly emailAddress?: string;
  readonly sms?: string;
  readonly webhook?: string;
}

/** Number of an account's new subscriptions on one day. Its partition key has a space, so it is never a delivery's. */
export interface SubscriptionCountDocument {
  readonly id: string;
  readonly type: 'subscriptionCount';
  readonly deliveryId: `subscriptions of ${string}`;
  readonly count: number;
  readonly ttl: number;
}

/** One event for one receiver, until the receiver has it. */
export interface NotificationDocument {
  readonly id: string;
  readonly type: 'notification';
  readonly deliveryId: string;
  readonly accountId: string;
  readonly eventId: string;
  readonly kind: 'webhook' | 'relay';
  readonly url: string;
  readonly body: unknown;
  readonly status: 'Due' | 'Sent' | 'GivenUp';
  readonly attempts: number;
  readonly createdAt: string;
  /** When it is due; while a process is sending it, the end of that process's claim. */
  readonly dueAt: string;
  readonly ttl: number;
}
