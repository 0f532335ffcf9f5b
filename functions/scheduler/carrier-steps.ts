/** The steps of the third-party service: booking and cancelling a carrier. */
import { bookCarrier, cancelCarrier } from '../../shared/contracts/third-party.ts';
import { AppError } from '../../shared/errors.ts';
import { accountOf, type DeliveryCall, type DeliverySteps } from './step-call.ts';

export const carrierSteps = {
  bookCarrier: {
    run: async ({ call, id, state }) => {
      const { owner, pickup, dropoff, deadline, package: parcel } = state.request;
      const shipment = { owner, pickup, dropoff, weight: parcel.weight, size: parcel.size };
      const body = deadline ? { ...shipment, deadline } : shipment;
      const booked = await call(bookCarrier, {
        params: { deliveryId: id },
        body,
        accountId: owner.accountId,
      });
      const { carrierId, bookingId, pickupEta, deliveryEta } = booked.body;
      return { by: 'third-party', carrierId, bookingId, pickupEta, deliveryEta };
    },
    compensate: cancel,
  },
  cancelCarrier: {
    run: async (step) => {
      try {
        await cancel(step);
        return { cancelled: true };
      } catch (error) {
        if (error instanceof AppError && error.code === 'package_on_board') return { cancelled: false };
        throw error;
      }
    },
  },
} satisfies Pick<DeliverySteps, 'bookCarrier' | 'cancelCarrier'>;

async function cancel({ call, id, state }: DeliveryCall): Promise<void> {
  await call(cancelCarrier, { params: { deliveryId: id }, accountId: accountOf(state) });
}
