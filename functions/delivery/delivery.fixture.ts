/** Deliveries for this folder's tests. */
import * as contract from '../../shared/contracts/deliveries.ts';
import { customer, type Harness, type Reply, service } from '../../tests/harness/service.ts';

export const eta = (at: string) => ({ at, earliest: at, latest: at });
export const PLAN = {
  owner: { userId: 'user-1', accountId: 'contoso' },
  pickup: { latitude: 47.6, longitude: -122.33, altitude: 0 },
  dropoff: { latitude: 47.61, longitude: -122.34, altitude: 0 },
  packageId: 'p1',
  droneId: 'drone-1',
  pickupEta: eta('2026-11-23T12:05:00.000Z'),
  deliveryEta: eta('2026-11-23T12:10:00.000Z'),
};

export interface Deliveries {
  /** A new delivery; answers its id. */
  create(more?: object): Promise<string>;
  put(deliveryId: string, more?: object, headers?: Record<string, string>): Promise<Reply>;
  move(deliveryId: string, event: string, eventId?: string, more?: object): Promise<Reply>;
  get(deliveryId: string): Promise<Reply>;
  events(deliveryId: string): Promise<readonly { sequence: number; stage: string; reason?: string }[]>;
  /** Types of the outbox's domain events, by sequence. */
  announced(deliveryId: string): Promise<readonly string[]>;
}

export function deliveriesOf(harness: Harness): Deliveries {
  const as = service();
  let next = 0;
  const put: Deliveries['put'] = (deliveryId, more = {}, headers = {}) =>
    harness.request(contract.putDelivery, {
      as,
      params: { deliveryId },
      body: { ...PLAN, ...more },
      headers,
    });
  return {
    put,
    create: async (more) => {
      const deliveryId = `delivery-${++next}`;
      await put(deliveryId, more);
      return deliveryId;
    },
    move: (deliveryId, event, eventId = crypto.randomUUID(), more = {}) =>
      harness.request(contract.moveDelivery, {
        as,
        params: { deliveryId },
        body: { eventId, event, at: harness.clock.now.toISOString(), ...more },
      }),
    get: (deliveryId) =>
      harness.request(contract.getDelivery, { as: customer('contoso'), params: { deliveryId } }),
    events: async (deliveryId) => {
      const { body } = await harness.request(contract.listDeliveryEvents, { as, params: { deliveryId } });
      return (body?.['events'] ?? []) as { sequence: number; stage: string }[];
    },
    announced: async (deliveryId) => {
      type Outgoing = { body: { type: string; data: { sequence: number } } };
      const { items } = await harness.database
        .store('deliveries')
        .query<Outgoing>("SELECT * FROM c WHERE c.type = 'event'", {}, { partitionKey: deliveryId });
      return items
        .toSorted((a, b) => a.body.data.sequence - b.body.data.sequence)
        .map(({ body }) => `${body.data.sequence} ${body.type}`);
    },
  };
}
