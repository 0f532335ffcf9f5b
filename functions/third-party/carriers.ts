/** Calls the carriers over HTTP. Their answers are bounded in time and size, and checked. */
import type { z } from 'zod';
import type { Settings } from '../../shared/config/settings.ts';
import { AppError } from '../../shared/errors.ts';
import type { OutboundAnswer, Sender } from '../../shared/outbound/sender.ts';
import { describeErrors, readJson } from '../../shared/read.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import {
  type BookingRequest,
  CarrierBooking,
  CarrierQuote,
  CarrierRefusal,
  type QuoteRequest,
} from './carrier-api.ts';

export type Carrier = Settings['CARRIERS'][number];

export interface Quoted {
  readonly carrierId: string;
  /** Undefined: no answer in time, or an answer that cannot be read. */
  readonly quote: CarrierQuote | undefined;
}

export interface Carriers {
  quoteAll(request: QuoteRequest): Promise<readonly Quoted[]>;
  /** The reasons when the carrier refuses. @throws AppError, retryable, when it is unknown whether the carrier has booked */
  book(
    carrierId: string,
    bookingId: string,
    request: BookingRequest,
  ): Promise<CarrierBooking | { readonly reasons: readonly string[] }>;
  /** False when the carrier has collected. @throws AppError, retryable */
  cancel(carrierId: string, bookingId: string): Promise<boolean>;
}

const QUOTE_TIMEOUT_MS = 3_000;
const CALL_TIMEOUT_MS = 5_000;

export function createCarriers(list: readonly Carrier[], sender: Sender, log: Log): Carriers {
  const send = async (
    { carrierId, url, apiKey }: Carrier,
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    timeoutMs: number,
    body?: unknown,
  ): Promise<OutboundAnswer> => {
    try {
      return await sender.send({
        url: `${url.replace(/\/+$/, '')}/${path}`,
        method,
        trusted: true,
        timeoutMs,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(apiKey ? { 'x-api-key': apiKey } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new AppError('dependency_unavailable', `${carrierId} did not answer`, {
        cause: error,
        retryAfterSeconds: 1,
      });
    }
  };
  const carrierOf = (carrierId: string): Carrier => {
    const carrier = list.find((each) => each.carrierId === carrierId);
    if (carrier) return carrier;
    throw new AppError('dependency_unavailable', `the setting CARRIERS no longer has ${carrierId}`, {
      retryAfterSeconds: 30,
    });
  };
  const quote = async (carrier: Carrier, request: QuoteRequest): Promise<Quoted> => {
    const { carrierId } = carrier;
    try {
      const answer = await send(carrier, 'POST', 'quotes', QUOTE_TIMEOUT_MS, request);
      if (answer.status === 200) return { carrierId, quote: readAnswer(CarrierQuote, answer, carrierId) };
      log.warn({ carrierId, status: answer.status }, 'a carrier gave no quote');
    } catch (error) {
      log.warn({ carrierId, err: error }, 'a carrier gave no quote');
    }
    return { carrierId, quote: undefined };
  };

  return {
    quoteAll: (request) => Promise.all(list.map((carrier) => quote(carrier, request))),
    book: async (carrierId, bookingId, request) => {
      const path = `bookings/${encodeURIComponent(bookingId)}`;
      const answer = await send(carrierOf(carrierId), 'PUT', path, CALL_TIMEOUT_MS, request);
      if (answer.status === 200 || answer.status === 201)
        return readAnswer(CarrierBooking, answer, carrierId);
      if (answer.status === 409 || answer.status === 422) return refusal(answer);
      throw unexpected(carrierId, answer.status);
    },
    cancel: async (carrierId, bookingId) => {
      const path = `bookings/${encodeURIComponent(bookingId)}`;
      const { status } = await send(carrierOf(carrierId), 'DELETE', path, CALL_TIMEOUT_MS);
      if (status === 409) return false;
      if (status === 200 || status === 204 || status === 404) return true;
      throw unexpected(carrierId, status);
    },
  };
}

function readAnswer<S extends z.ZodType>(schema: S, answer: OutboundAnswer, carrierId: string): z.output<S> {
  const result = readJson(schema, answer.text, 'answer');
  if (result.ok) return result.value;
  throw new AppError('dependency_failed', `the answer of ${carrierId} cannot be read`, {
    cause: new Error(describeErrors(result.errors)),
  });
}

function refusal({ status, text }: OutboundAnswer): { reasons: readonly string[] } {
  const result = readJson(CarrierRefusal, text, 'answer');
  return result.ok ? result.value : { reasons: [`refused the booking (${status})`] };
}

function unexpected(carrierId: string, status: number): AppError {
  return new AppError('dependency_unavailable', `${carrierId} answered ${status}`, { retryAfterSeconds: 1 });
}
