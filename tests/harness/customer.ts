/** A client of the public API, as the demonstration's people are. */
import type { z } from 'zod';
import type { Endpoints } from '../../platform/endpoints.ts';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import type { RequestStatus } from '../../shared/contracts/requests.ts';
import { until } from './platform.ts';

export type Status = z.output<typeof RequestStatus>;

export interface Answer<T = never> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Customer {
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  submit(change?: Record<string, unknown>, headers?: Record<string, string>): Promise<string>;
  status(deliveryId: string): Promise<Status>;
  /** The first status that fits. */
  seen(deliveryId: string, fits: (status: Status) => boolean, what: string, ms?: number): Promise<Status>;
  ended(deliveryId: string, ms?: number): Promise<Status>;
  history(deliveryId: string): Promise<HistoryEntry | undefined>;
}

export const REQUEST = {
  ownerId: 'contoso',
  pickupLocation: '200 Market Street',
  dropOffLocation: '412 Beacon Street',
  packageInfo: { size: 'Small', weight: 1.2 },
};

export function customer(endpoints: Endpoints, who = 'alice'): Customer {
  const call: Customer['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${endpoints.api}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${endpoints.tokens[who]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as never,
    };
  };
  const status: Customer['status'] = async (deliveryId) => {
    const answer = await call<Status>('GET', `deliveryrequests/${deliveryId}`);
    if (answer.status !== 200)
      throw new Error(`status answered ${answer.status}: ${JSON.stringify(answer.body)}`);
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
    submit: async (change = {}, headers = {}) => {
      const answer = await call<{ deliveryId: string }>(
        'POST',
        'deliveryrequests',
        { ...REQUEST, ...change },
        headers,
      );
      if (answer.status !== 202)
        throw new Error(`submit answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body.deliveryId;
    },
    ended: (deliveryId, ms) =>
      seen(deliveryId, ({ outcome }) => outcome !== undefined, `${deliveryId} ended`, ms),
    history: async (deliveryId) => {
      const answer = await call<HistoryEntry>('GET', `deliveryhistory/${deliveryId}`);
      return answer.status === 200 ? answer.body : undefined;
    },
  };
}
