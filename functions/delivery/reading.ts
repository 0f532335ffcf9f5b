/** Reads deliveries for callers of their account; for any other caller the id is unknown (404). */

import { checkReach, mayReach } from '../../shared/auth/tenancy.ts';
import type { Position } from '../../shared/contracts/common.ts';
import type {
  getDelivery,
  getDeliveryOwner,
  getDeliveryStatus,
  listDeliveryEvents,
  summarizeDeliveries,
} from '../../shared/contracts/deliveries.ts';
import type { DroneState } from '../../shared/contracts/drones.ts';
import { getDroneDelivery } from '../../shared/contracts/drones.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { ENDED, viewOf } from './domain.ts';
import type { DeliveryRepository } from './repository.ts';
import type { DeliveryDocument, TrackingDocument } from './schemas.ts';

export interface ReadHandlers {
  readonly get: Handler<typeof getDelivery>;
  readonly owner: Handler<typeof getDeliveryOwner>;
  readonly status: Handler<typeof getDeliveryStatus>;
  readonly events: Handler<typeof listDeliveryEvents>;
  readonly summary: Handler<typeof summarizeDeliveries>;
}

/** @throws AppError `not_found`, also for another account's delivery */
export async function ownDelivery(
  repository: DeliveryRepository,
  deliveryId: string,
  call: Call,
): Promise<Stored<DeliveryDocument>> {
  const found = await repository.find(deliveryId);
  if (!found || !mayReach(call.principal, found.item.accountId)) {
    throw new AppError('not_found', 'there is no such delivery');
  }
  return found;
}

/** Live state of the drone that flies this delivery; undefined if there is none, or the drone service does not answer. */
export async function liveState(
  delivery: DeliveryDocument,
  deps: ServiceDeps,
): Promise<DroneState | undefined> {
  if (!delivery.droneId || ENDED.has(delivery.stage)) return undefined;
  try {
    const { body } = await deps.call(getDroneDelivery, {
      params: { deliveryId: delivery.deliveryId },
      timeoutMs: 1_000,
    });
    return body.state?.deliveryId === delivery.deliveryId ? body.state : undefined;
  } catch (error) {
    deps.log.debug({ err: error, deliveryId: delivery.deliveryId }, 'no live state');
    return undefined;
  }
}

export function createReadHandlers(repository: DeliveryRepository, deps: ServiceDeps): ReadHandlers {
  return {
    get: async ({ params }, call) => {
      const { item, etag } = await ownDelivery(repository, params.deliveryId, call);
      return { status: 200, body: viewOf(item), headers: { etag } };
    },

    owner: async ({ params }, call) => {
      const { item } = await ownDelivery(repository, params.deliveryId, call);
      return { status: 200, body: item.owner };
    },

    status: async ({ params }, call) => {
      const { item } = await ownDelivery(repository, params.deliveryId, call);
      const live = await liveState(item, deps);
      const lastKnownLocation = live?.position ?? lastPlace(item, await repository.events(item.deliveryId));
      const pickupEta = live?.pickupEta ?? item.pickupEta;
      const deliveryEta = live?.deliveryEta ?? item.deliveryEta;
      return {
        status: 200,
        body: {
          stage: item.stage,
          ...(lastKnownLocation ? { lastKnownLocation } : {}),
          pickupETA: pickupEta.at,
          deliveryETA: deliveryEta.at,
          pickupEta,
          deliveryEta,
        },
      };
    },

    events: async ({ params }, call) => {
      await ownDelivery(repository, params.deliveryId, call);
      const events = await repository.events(params.deliveryId);
      const views = events.map(({ id: _id, type: _type, deliveryId: _delivery, ...event }) => event);
      return { status: 200, body: { events: views } };
    },

    summary: async ({ query }, call) => {
      checkReach(call.principal, query.ownerId, 'there is no such account');
      const month = `${query.year}-${String(query.month).padStart(2, '0')}`;
      return { status: 200, body: { count: await repository.count(query.ownerId, month) } };
    },
  };
}

/** A completed delivery was completed at its dropoff, even if the event does not say so. */
function lastPlace(item: DeliveryDocument, events: readonly TrackingDocument[]): Position | undefined {
  if (item.stage === 'Completed') return events.at(-1)?.position ?? item.dropoff;
  return events.findLast(({ position }) => position)?.position;
}
