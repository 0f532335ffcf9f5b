/** Deliveries, their tracking events, share links and notifications in Cosmos. */
import type { JSONObject } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/errors.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import { EVENT_OF } from './domain.ts';
import type {
  DeliveryDocument,
  NotificationDocument,
  NotifyDocument,
  ShareLinkDocument,
  TrackingDocument,
} from './schemas.ts';

export interface DeliveryRepository {
  find(deliveryId: string): Promise<Stored<DeliveryDocument> | undefined>;
  /** A change without an event of its own. */
  save(document: DeliveryDocument, etag: string): Promise<void>;
  /** The document, its tracking event and its domain event in one batch. Without an etag the delivery must be new. */
  record(document: DeliveryDocument, event: TrackingDocument, etag: string | undefined): Promise<void>;
  events(deliveryId: string): Promise<readonly TrackingDocument[]>;
  saveLink(link: ShareLinkDocument): Promise<void>;
  link(deliveryId: string, linkId: string): Promise<ShareLinkDocument | undefined>;
  removeLink(deliveryId: string, linkId: string): Promise<boolean>;
  saveNotify(document: NotifyDocument): Promise<void>;
  notifications(deliveryId: string): Promise<readonly NotifyDocument[]>;
  /** False when it is there already. */
  addNotification(document: NotificationDocument): Promise<boolean>;
  /** Its new etag; undefined when somebody else has changed it, or it has expired. */
  replaceNotification(document: NotificationDocument, etag: string): Promise<string | undefined>;
  dueNotifications(now: string, limit: number): Promise<readonly Stored<NotificationDocument>[]>;
  notification(deliveryId: string, id: string): Promise<Stored<NotificationDocument> | undefined>;
  count(accountId: string, month: string): Promise<number>;
}

export function createDeliveryRepository(database: Database): DeliveryRepository {
  const store = database.store<DeliveryDocument>('deliveries');
  return {
    find: (deliveryId) => store.read('delivery', deliveryId),
    save: async (document, etag) => {
      await store.replace(document, document.deliveryId, etag);
    },
    record: async (document, event, etag) => {
      const body = document as unknown as JSONObject;
      await store.batch(document.deliveryId, [
        etag
          ? { operationType: 'Replace', id: 'delivery', resourceBody: body, ifMatch: etag }
          : { operationType: 'Create', resourceBody: body },
        { operationType: 'Create', resourceBody: event as unknown as JSONObject },
        { operationType: 'Create', resourceBody: domainItem(document, event) as unknown as JSONObject },
      ]);
    },
    events: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.type = 'tracking' ORDER BY c.sequence";
      return (await store.query<TrackingDocument>(sql, {}, { partitionKey: deliveryId })).items;
    },
    saveLink: async (link) => {
      await store.create<ShareLinkDocument>(link);
    },
    link: async (deliveryId, linkId) =>
      (await store.read<ShareLinkDocument>(`share-${linkId}`, deliveryId))?.item,
    removeLink: (deliveryId, linkId) => store.remove(`share-${linkId}`, deliveryId),
    saveNotify: async (document) => {
      await store.upsert<NotifyDocument>(document);
    },
    notifications: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.type = 'notify'";
      return (await store.query<NotifyDocument>(sql, {}, { partitionKey: deliveryId })).items;
    },
    addNotification: async (document) => {
      try {
        await store.create<NotificationDocument>(document);
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'already_exists') return false;
        throw error;
      }
    },
    replaceNotification: async (document, etag) => {
      try {
        return (await store.replace<NotificationDocument>(document, document.deliveryId, etag)).etag;
      } catch (error) {
        const gone =
          error instanceof AppError && (error.code === 'etag_mismatch' || error.code === 'not_found');
        if (gone) return undefined;
        throw error;
      }
    },
    dueNotifications: async (now, limit) => {
      const sql = "SELECT * FROM c WHERE c.type = 'notification' AND c.status = 'Due' AND c.dueAt <= @now";
      const { items } = await store.query<NotificationDocument & { _etag: string }>(sql, { now }, { limit });
      return items.map(({ _etag: etag, ...item }) => ({ item, etag }));
    },
    notification: (deliveryId, id) => store.read<NotificationDocument>(id, deliveryId),
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
