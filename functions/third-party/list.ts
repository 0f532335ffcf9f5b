/** The open bookings, for the supervisor. */
import { mayReach } from '../../shared/auth/tenancy.ts';
import type { listBookings } from '../../shared/contracts/third-party.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import type { BookingRepository } from './repository.ts';

export function createList(repository: BookingRepository): Handler<typeof listBookings> {
  return async ({ query: { before, limit } }, { principal }) => {
    const open = await repository.open(new Date(before).toISOString(), limit);
    const bookings = open
      .map(({ deliveryId, shipment, carrierId, status, updatedAt: at }) => {
        const { accountId } = shipment.owner;
        return { deliveryId, accountId, carrierId, hasParcel: status === 'Collected', at };
      })
      .filter(({ accountId }) => mayReach(principal, accountId));
    return { status: 200, body: { bookings } };
  };
}
