/** The third-party service's registration. */
import * as contract from '../../shared/contracts/third-party.ts';
import { registerOutbox } from '../../shared/functions/change-feed.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createSender } from '../../shared/outbound/sender.ts';
import { createBooking } from './book.ts';
import { createCancel } from './cancel.ts';
import { createCarriers } from './carriers.ts';
import { createEvents } from './events.ts';
import { createList } from './list.ts';
import { createBookingRepository } from './repository.ts';

export function thirdPartyService(deps: ServiceDeps): Service {
  const repository = createBookingRepository(deps.database);
  const sender = createSender({ allowLoopback: deps.settings.OUTBOUND_ALLOW_LOOPBACK });
  const carriers = createCarriers(deps.settings.CARRIERS, sender, deps.log);
  const booking = createBooking(repository, carriers, deps);
  return {
    name: 'third-party',
    endpoints: [
      endpoint(contract.quoteCarriers, booking.quote),
      endpoint(contract.bookCarrier, booking.book),
      endpoint(contract.cancelCarrier, createCancel(repository, carriers, deps)),
      endpoint(contract.listBookings, createList(repository)),
      endpoint(contract.carrierEvent, createEvents(repository, deps)),
    ],
    registerTriggers: () => {
      registerOutbox('third-party', 'bookings', deps);
    },
  };
}
