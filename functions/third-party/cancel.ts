/** Cancels a carrier. It succeeds when there is nothing to cancel, and prevents a late booking. */
import { checkReach } from '../../shared/auth/tenancy.ts';
import type { cancelCarrier } from '../../shared/contracts/third-party.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import type { Carriers } from './carriers.ts';
import type { BookingRepository } from './repository.ts';
import type { BookingDocument } from './schemas.ts';

export function createCancel(
  repository: BookingRepository,
  carriers: Carriers,
  deps: ServiceDeps,
): Handler<typeof cancelCarrier> {
  const now = () => deps.now().toISOString();
  const ttl = deps.settings.RETENTION_DAYS * 24 * 3600;

  const cancelAt = async (item: BookingDocument, etag: string): Promise<void> => {
    const cancelling = await repository.replace({ ...item, status: 'Cancelling', updatedAt: now() }, etag);
    const cancelled = await carriers.cancel(item.carrierId, item.bookingId);
    const status = cancelled ? ('Cancelled' as const) : ('Booked' as const);
    await repository.replace({ ...item, status, updatedAt: now() }, cancelling.etag);
    if (!cancelled) throw onBoard();
  };

  return ({ params: { deliveryId } }, { principal }) =>
    withOptimisticRetry(async () => {
      const known = await repository.find(deliveryId);
      if (!known)
        await repository.create({ id: 'booking', type: 'never', deliveryId, updatedAt: now(), ttl });
      else if (known.item.type === 'booking') {
        checkReach(principal, known.item.shipment.owner.accountId, 'there is no such booking');
        const { status } = known.item;
        if (status === 'Collected' || status === 'Delivered') throw onBoard();
        if (status !== 'Cancelled' && status !== 'Failed') await cancelAt(known.item, known.etag);
      }
      return { status: 204 };
    });
}

function onBoard(): AppError {
  return new AppError('package_on_board', 'the carrier has collected the package');
}
