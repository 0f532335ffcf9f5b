/**
 * Runs the sample carrier, a van for deliveries that no drone can fly. It quotes, accepts bookings, and reports their events.
 *
 * V1 A booking is on disk before it is answered, and is made once per id, no matter how often it is requested.
 * V2 A report is repeated, with the same event id, until it gets a 2xx or a 4xx, even after a restart.
 * V3 A cancelled booking stays cancelled, even when its order arrives late; one that was collected cannot be cancelled.
 * V4 Requests that name another host than this machine, or come from a web page of another site, are refused.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import { foreignCaller } from '../../shared/http/local-caller.ts';
import { readJson } from '../../shared/read.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { TokenSource } from '../link/token-source.ts';
import { type BookingBody, type Bookings, bodyOf, openBookings } from './bookings.ts';
import { type Offer, Order, offerFor, Quote, refusalsOf } from './offer.ts';
import { startReports } from './reports.ts';

export interface CarrierOptions {
  readonly port: number;
  readonly dataDir: string;
  /** The value that callers must send as `x-api-key`. */
  readonly apiKey: string;
  /** For the reports. */
  readonly token: TokenSource;
  /** Simulated seconds per second. */
  readonly speed: number;
  readonly log: Log;
  readonly now: () => number;
}

export interface Carrier extends AsyncDisposable {
  readonly port: number;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

const MAX_BODY_BYTES = 64 * 1024;

/** @throws Error when the port is in use, or its file cannot be read */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { apiKey, token, log, now, speed } = options;
  const bookings = openBookings(options.dataDir);
  const offer = (quote: Quote) => offerFor(quote, now(), speed);
  const server = createServer((request, response) => {
    const refusal = refuseCaller(request, apiKey);
    const reply = refusal ? Promise.resolve(refusal) : answer(request, bookings, offer, now);
    reply.then(
      (result) => send(response, result),
      (error: unknown) => {
        log.error({ err: error }, 'a request failed');
        send(response, { status: 500, body: { reasons: ['something went wrong'] } });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const stopReports = startReports({ bookings, token, log, now });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await stopReports();
      bookings.close();
    },
  };
}

function refuseCaller({ headers }: IncomingMessage, apiKey: string): Reply | undefined {
  const foreign = foreignCaller(headers, []);
  if (foreign !== undefined) return { status: 403, body: { reasons: [foreign] } };
  if (headers['x-api-key'] === apiKey) return undefined;
  return { status: 401, body: { reasons: ['the x-api-key is not valid'] } };
}

async function answer(
  request: IncomingMessage,
  bookings: Bookings,
  offer: (quote: Quote) => Offer,
  now: () => number,
): Promise<Reply> {
  const [, resource, id] = (request.url ?? '').split('/');
  if (resource === 'quotes' && request.method === 'POST') {
    const quote = await read(request, Quote);
    if (!quote) return { status: 400, body: { reasons: ['the body is not a quote request'] } };
    const reasons = refusalsOf(quote);
    if (reasons.length > 0) return { status: 200, body: { canServe: false, reasons } };
    const { price, pickupEta, deliveryEta } = offer(quote);
    return { status: 200, body: { canServe: true, price, pickupEta, deliveryEta } };
  }
  if (resource !== 'bookings' || !id) {
    return { status: 404, body: { reasons: ['no route has this path'] } };
  }
  if (request.method === 'PUT') return book(id, await read(request, Order), bookings, offer, now());
  if (request.method === 'DELETE') return cancel(id, bookings);
  return { status: 405, body: { reasons: ['this path does not allow the method'] } };
}

function book(
  id: string,
  order: Order | undefined,
  bookings: Bookings,
  offer: (quote: Quote) => Offer,
  now: number,
): Reply {
  if (!order) return { status: 400, body: { reasons: ['the body is not a booking'] } };
  const known = bookings.find(id);
  if (known?.next === 'cancelled') return { status: 409, body: { reasons: ['this booking was cancelled'] } };
  if (known) return { status: 200, body: bodyOf(known).answer };
  const reasons = refusalsOf(order);
  if (reasons.length > 0) return { status: 422, body: { reasons } };
  const { price, pickupEta, deliveryEta, toDepart, toCollect, toDeliver } = offer(order);
  const booked = { bookingId: id, price, pickupEta, deliveryEta };
  const { callbackUrl, pickup, dropoff } = order;
  const body: BookingBody = { answer: booked, callbackUrl, toCollect, toDeliver, pickup, dropoff };
  bookings.save({ id, body: JSON.stringify(body), next: 'Departed', due: now + toDepart * 1000, tries: 0 });
  return { status: 201, body: booked };
}

function cancel(id: string, bookings: Bookings): Reply {
  const known = bookings.find(id);
  if (known?.next === 'Delivered' || known?.next === 'done') {
    return { status: 409, body: { reasons: ['the van has collected the parcel'] } };
  }
  bookings.save({ id, body: known?.body ?? '{}', next: 'cancelled', due: 0, tries: 0 });
  return { status: 204 };
}

/** Undefined for a body that is too large or does not fit the schema. */
async function read<S extends z.ZodType>(
  request: IncomingMessage,
  schema: S,
): Promise<z.output<S> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  const result = readJson(schema, Buffer.concat(chunks));
  return result.ok ? result.value : undefined;
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
