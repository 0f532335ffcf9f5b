/** Accepts each event of a carrier once and passes it to the workflow; only then is the carrier answered 204. */
import type { carrierEvent } from '../../shared/contracts/third-party.ts';
import { putInboxEvent } from '../../shared/contracts/workflows.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { eventKey, take } from './domain.ts';
import type { BookingRepository } from './repository.ts';
import type { EventDocument } from './schemas.ts';

/** Longer than a carrier repeats an event, s. */
const EVENT_TTL_SECONDS = 30 * 24 * 3600;

export function createEvents(repository: BookingRepository, deps: ServiceDeps): Handler<typeof carrierEvent> {
  return async ({ params: { deliveryId }, body }, { principal }) => {
    const event = await withOptimisticRetry(async (): Promise<EventDocument> => {
      const known = await repository.find(deliveryId);
      const booking = known?.item;
      const own =
        booking?.type === 'booking' &&
        booking.carrierId === principal.carrierId &&
        booking.bookingId === body.bookingId;
      if (!known || !own) throw new AppError('not_found', 'there is no such booking');
      const id = eventKey(booking.carrierId, body.eventId);
      const earlier = await repository.event(deliveryId, id);
      if (earlier) return earlier;
      if (booking.status === 'Intended') {
        throw new AppError('dependency_unavailable', 'the booking is not confirmed yet', {
          retryAfterSeconds: 1,
        });
      }
      const { status, signals } = take(booking, body);
      const fresh: EventDocument = {
        id,
        type: 'carrierEvent',
        deliveryId,
        event: body,
        signals,
        ttl: EVENT_TTL_SECONDS,
      };
      const updatedAt = deps.now().toISOString();
      await repository.takeEvent({ ...booking, status, updatedAt }, known.etag, fresh);
      return fresh;
    });
    for (const { eventId, signal } of event.signals) {
      await deps.call(putInboxEvent, { params: { deliveryId, eventId }, body: signal });
    }
    return { status: 204 };
  };
}
