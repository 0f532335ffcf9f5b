/** Bookings and carriers' events in Cosmos. */
import type { JSONObject } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import type { BookingDocument, BookingStatus, EventDocument, NeverBookedDocument } from './schemas.ts';

export type Known = Stored<BookingDocument | NeverBookedDocument>;

/** Every write rejects with a `WriteConflict` when another came first. */
export interface BookingRepository {
  find(deliveryId: string): Promise<Known | undefined>;
  create(document: BookingDocument | NeverBookedDocument): Promise<Known>;
  replace(document: BookingDocument, etag: string): Promise<Known>;
  /** Confirms the booking and writes its domain event in one batch. */
  confirm(document: BookingDocument, etag: string): Promise<void>;
  event(deliveryId: string, id: EventDocument['id']): Promise<EventDocument | undefined>;
  takeEvent(document: BookingDocument, etag: string, event: EventDocument): Promise<void>;
  /** Of every account, oldest first: those that have not ended, and have not changed since `before`. */
  open(before: string, limit: number): Promise<readonly BookingDocument[]>;
}

const OPEN_STATUSES: readonly BookingStatus[] = ['Intended', 'Booked', 'Departed', 'Collected', 'Cancelling'];
const OPEN = OPEN_STATUSES.map((status) => `'${status}'`).join(', ');

export function createBookingRepository(database: Database): BookingRepository {
  const store = database.store<BookingDocument | NeverBookedDocument | EventDocument>('bookings');
  const replacing = (document: BookingDocument, ifMatch: string) => ({
    operationType: 'Replace' as const,
    id: document.id,
    resourceBody: document as unknown as JSONObject,
    ifMatch,
  });
  const creating = (item: unknown) => ({
    operationType: 'Create' as const,
    resourceBody: item as JSONObject,
  });
  return {
    find: (deliveryId) => store.read<BookingDocument | NeverBookedDocument>('booking', deliveryId),
    create: (document) => store.create<BookingDocument | NeverBookedDocument>(document),
    replace: (document, etag) =>
      store.replace<BookingDocument | NeverBookedDocument>(document, document.deliveryId, etag),
    confirm: async (document, etag) => {
      await store.batch(document.deliveryId, [replacing(document, etag), creating(booked(document))]);
    },
    event: async (deliveryId, id) => (await store.read<EventDocument>(id, deliveryId))?.item,
    open: async (before, limit) => {
      const sql = `SELECT * FROM c WHERE c.type = 'booking' AND c.status IN (${OPEN}) AND c.updatedAt < @before ORDER BY c.updatedAt`;
      return (await store.query<BookingDocument>(sql, { before }, { limit })).items;
    },
    takeEvent: async (document, etag, event) => {
      await store.batch(document.deliveryId, [creating(event), replacing(document, etag)]);
    },
  };
}

function booked({ deliveryId, carrierId, bookingId, shipment, deliveryEta, updatedAt }: BookingDocument) {
  return domainEventItem(
    { deliveryId },
    {
      service: 'third-party',
      type: 'CarrierBooked',
      id: `${deliveryId}-carrier-booked`,
      subject: deliveryId,
      time: updatedAt,
      data: { deliveryId, carrierId, bookingId, owner: shipment.owner, deliveryEta },
    },
  );
}
