/** Deliveries, their tracking events, share links and notifications in Cosmos. */
import type { JSONObject } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import { EVENT_OF } from './domain.ts';
import type {
  DeliveryDocument,
  ShareLinksDocument,
  SubscriptionCountDocument,
  SubscriptionsDocument,
  TrackingDocument,
} from './schemas.ts';

/** Longer than the day whose subscriptions are counted. */
const COUNT_TTL_SECONDS = 2 * 24 * 3600;

export interface DeliveryRepository {
  find(deliveryId: string): Promise<Stored<DeliveryDocument> | undefined>;
  /** Writes a change that has no event. Resolves to the new ETag. */
  save(document: DeliveryDocument, etag: string): Promise<string>;
  /**
   * Writes the document, its tracking event and its domain event in one batch. Resolves to the delivery's new ETag.
   * Without an etag the delivery must be new.
   */
  record(document: DeliveryDocument, event: TrackingDocument, etag: string | undefined): Promise<string>;
  events(deliveryId: string): Promise<readonly TrackingDocument[]>;
  links(deliveryId: string): Promise<Stored<ShareLinksDocument> | undefined>;
  /** Without an etag there must be none. @throws WriteConflict */
  saveLinks(document: ShareLinksDocument, etag: string | undefined): Promise<void>;
  subscriptions(deliveryId: string): Promise<Stored<SubscriptionsDocument> | undefined>;
  /** Without an etag there must be none. @throws WriteConflict */
  saveSubscriptions(document: SubscriptionsDocument, etag: string | undefined): Promise<void>;
  /** Counts one more subscription of the account on this day (`YYYY-MM-DD`). False when that would exceed `limit`. */
  countSubscription(accountId: string, day: string, limit: number): Promise<boolean>;
  count(accountId: string, month: string): Promise<number>;
}

export function createDeliveryRepository(database: Database): DeliveryRepository {
  const store = database.store<DeliveryDocument>('deliveries');
  return {
    find: (deliveryId) => store.read('delivery', deliveryId),
    save: async (document, etag) => (await store.replace(document, document.deliveryId, etag)).etag,
    record: async (document, event, etag) => {
      const body = document as unknown as JSONObject;
      const [written] = await store.batch(document.deliveryId, [
        etag
          ? { operationType: 'Replace', id: 'delivery', resourceBody: body, ifMatch: etag }
          : { operationType: 'Create', resourceBody: body },
        { operationType: 'Create', resourceBody: event as unknown as JSONObject },
        { operationType: 'Create', resourceBody: domainItem(document, event) as unknown as JSONObject },
      ]);
      return written?.etag ?? '';
    },
    events: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.type = 'tracking' ORDER BY c.sequence";
      return (await store.query<TrackingDocument>(sql, {}, { partitionKey: deliveryId })).items;
    },
    links: (deliveryId) => store.read<ShareLinksDocument>('sharelinks', deliveryId),
    saveLinks: async (document, etag) => {
      if (etag) await store.replace<ShareLinksDocument>(document, document.deliveryId, etag);
      else await store.create<ShareLinksDocument>(document);
    },
    subscriptions: (deliveryId) => store.read<SubscriptionsDocument>('subscriptions', deliveryId),
    saveSubscriptions: async (document, etag) => {
      if (etag) await store.replace<SubscriptionsDocument>(document, document.deliveryId, etag);
      else await store.create<SubscriptionsDocument>(document);
    },
    countSubscription: async (accountId, day, limit) => {
      const deliveryId = `subscriptions of ${accountId}` as const;
      const first = {
        id: day,
        type: 'subscriptionCount',
        deliveryId,
        count: 1,
        ttl: COUNT_TTL_SECONDS,
      } as const;
      const increment = [{ op: 'incr' as const, path: '/count', value: 1 }];
      const condition = `FROM c WHERE c.count < ${limit}`;
      const counted = await unlessConflict(async () => {
        const options = { condition };
        const known = await store.patch<SubscriptionCountDocument>(day, deliveryId, increment, options);
        return known ?? store.create<SubscriptionCountDocument>(first);
      }, 'changed');
      return counted !== undefined;
    },
    count: async (accountId, month) => {
      const sql =
        "SELECT VALUE COUNT(1) FROM c WHERE c.type = 'delivery' AND c.accountId = @accountId AND c.month = @month";
      return (await store.query<number>(sql, { accountId, month })).items[0] ?? 0;
    },
  };
}

function domainItem(document: DeliveryDocument, event: TrackingDocument) {
  const { deliveryId, owner, stage, sequence, pickup, dropoff, droneId, carrierId } = document;
  return domainEventItem(
    { deliveryId },
    {
      service: 'delivery',
      type: EVENT_OF[stage],
      id: `${deliveryId}-${sequence}`,
      subject: deliveryId,
      time: event.at,
      data: {
        deliveryId,
        owner,
        stage,
        sequence,
        at: event.at,
        pickup,
        dropoff,
        ...(droneId ? { droneId } : {}),
        ...(carrierId ? { carrierId } : {}),
        ...(event.position ? { position: event.position } : {}),
        ...(event.reason ? { reason: event.reason } : {}),
      },
    },
  );
}
