/** The items of the container `bookings` (partition: delivery). */
import type { z } from 'zod';
import type { Booking, CarrierEvent, Shipment } from '../../shared/contracts/third-party.ts';
import type { WorkflowSignal } from '../../shared/contracts/workflows.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

/** `Intended`: the carrier may or may not have it. `Cancelling`: the carrier may or may not have cancelled. */
export type BookingStatus = 'Intended' | Booking['status'] | 'Cancelling';

export interface BookingDocument extends Omit<Booking, 'status'> {
  readonly id: 'booking';
  readonly type: 'booking';
  readonly status: BookingStatus;
  readonly shipment: z.output<typeof Shipment>;
  /** Carriers that refused this booking after their offer. */
  readonly refusals: readonly Refusal[];
  /** The mark of the workflow's call that made this booking. */
  readonly call?: CallMark;
  readonly updatedAt: string;
}

/** A cancel that came before any booking; it makes a late booking fail. */
export interface NeverBookedDocument {
  readonly id: 'booking';
  readonly type: 'never';
  readonly deliveryId: string;
  readonly updatedAt: string;
  readonly ttl: number;
}

export interface Refusal {
  readonly carrierId: string;
  readonly reasons: readonly string[];
}

/** A carrier's event, accepted once; each repetition by the carrier sends `signals` to the workflow again. */
export interface EventDocument {
  readonly id: `carrier-${string}`;
  readonly type: 'carrierEvent';
  readonly deliveryId: string;
  readonly event: CarrierEvent;
  readonly signals: readonly { readonly eventId: string; readonly signal: WorkflowSignal }[];
  readonly ttl: number;
}

type WorkflowSignal = z.output<typeof WorkflowSignal>;
