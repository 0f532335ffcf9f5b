/** A client of the public API, as the demonstration's people are. */
import type { z } from 'zod';
import type { Endpoints } from '../../platform/endpoints.ts';
import type { DeliveryStage } from '../../shared/contracts/common.ts';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import type { DeliveryRequestBody, RequestStatus } from '../../shared/contracts/requests.ts';
import {
  getDeliveryStatus,
  getHistoryEntry,
  getRequest,
  submitRequest,
} from '../../shared/contracts/routes.gen.ts';
import { type ApiClient, createApiClient } from '../../shared/http/api-client.ts';
import { until } from './platform.ts';

export type Status = z.output<typeof RequestStatus>;
type RequestBody = z.input<typeof DeliveryRequestBody>;

export interface Customer {
  readonly call: ApiClient;
  /** The id of a delivery that was accepted. */
  submit(change?: Partial<RequestBody>, headers?: Record<string, string>): Promise<string>;
  status(deliveryId: string): Promise<Status>;
  /** The delivery's stage; undefined while there is no delivery. */
  stage(deliveryId: string): Promise<DeliveryStage | undefined>;
  /** The first status that fits. */
  seen(deliveryId: string, fits: (status: Status) => boolean, what: string, ms?: number): Promise<Status>;
  ended(deliveryId: string, ms?: number): Promise<Status>;
  history(deliveryId: string): Promise<HistoryEntry | undefined>;
}

export const REQUEST: RequestBody = {
  ownerId: 'contoso',
  pickupLocation: '200 Market Street',
  dropOffLocation: '412 Beacon Street',
  packageInfo: { size: 'Small', weight: 1.2 },
};

export function customer(endpoints: Endpoints, who = 'alice'): Customer {
  const call = createApiClient({ origin: endpoints.gateway, token: () => endpoints.tokens[who] });
  const status: Customer['status'] = async (deliveryId) => {
    const answer = await call(getRequest, { params: { deliveryId } });
    if (!answer.ok) throw new Error(`status answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const seen: Customer['seen'] = (deliveryId, fits, what, ms = 60_000) =>
    until(
      async () => {
        const now = await status(deliveryId).catch(() => undefined);
        return now && fits(now) ? now : undefined;
      },
      what,
      ms,
    );
  return {
    call,
    status,
    seen,
    stage: async (deliveryId) => {
      const answer = await call(getDeliveryStatus, { params: { deliveryId } });
      return answer.ok ? answer.body.stage : undefined;
    },
    submit: async (change = {}, headers = {}) => {
      const answer = await call(submitRequest, { body: { ...REQUEST, ...change }, headers });
      if (!answer.ok) throw new Error(`submit answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body.deliveryId;
    },
    ended: (deliveryId, ms) =>
      seen(deliveryId, ({ outcome }) => outcome !== undefined, `${deliveryId} ended`, ms),
    history: async (deliveryId) => {
      const answer = await call(getHistoryEntry, { params: { deliveryId } });
      return answer.ok ? answer.body : undefined;
    },
  };
}
