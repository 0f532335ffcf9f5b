/**
 * The sample carrier: a van where no drone can fly. Quotes, bookings, and calls back what happened to them.
 *
 * V1 A booking is on disk before it is answered, and booked once per id, however often it is asked for.
 * V2 A callback is repeated, with the same event id, until it gets a 2xx or a 4xx, also after a restart.
 * V3 A cancelled booking stays cancelled, also when its order comes late; one that was collected cannot be cancelled.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { readJson } from '../shared/read.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { type Bookings, bookingOf, openBookings } from './carrier/bookings.ts';
import { createCallbacks } from './carrier/callbacks.ts';
import { Order, offerFor, Quote, refusalsOf } from './carrier/offer.ts';
import type { TokenSource } from './link/token-source.ts';

export interface CarrierOptions {
  readonly port: number;
  readonly dataDir: string;
  /** What callers send as `x-api-key`. */
  readonly apiKey: string;
  /** For the callbacks. */
  readonly token: TokenSource;
  /** Simulated seconds per second. */
  readonly speed: number;
  readonly log: Log;
  readonly now: () => number;
}

export interface Carrier extends AsyncDisposable {
  readonly port: number;
}

const TICK_MS = 100;
const MAX_BODY_BYTES = 64 * 1024;

/** @throws Error when the port is in use, or its file cannot be read */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { token, log, now } = options;
  const bookings = openBookings(options.dataDir);
  const callbacks = createCallbacks({ bookings, token, log, now });
  const answer = createAnswers(bookings, options);
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.error({ err: error }, 'a request failed');
      if (!response.headersSent) send(response, 500, { reasons: ['something went wrong'] });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const ticking = setInterval(() => void callbacks.work(), TICK_MS);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      while (callbacks.isWorking()) await sleep(10);
      bookings[Symbol.dispose]();
    },
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function createAnswers(bookings: Bookings, { apiKey, speed, now }: CarrierOptions): Answer {
  const quote = (asked: z.output<typeof Quote> | undefined, response: ServerResponse) => {
    if (!asked) return send(response, 400, { reasons: ['not a request for a quote'] });
    const refusals = refusalsOf(asked);
    if (refusals.length > 0) return send(response, 200, { canServe: false, reasons: refusals });
    const { price, pickupEta, deliveryEta } = offerFor(asked, now(), speed);
    return send(response, 200, { canServe: true, price, pickupEta, deliveryEta });
  };
  const book = (id: string, order: Order | undefined, response: ServerResponse) => {
    if (!order) return send(response, 400, { reasons: ['not a booking'] });
    const known = bookings.find(id);
    if (known?.next === 'cancelled') return send(response, 409, { reasons: ['this booking was cancelled'] });
    if (known) return send(response, 200, bookingOf(known).answer);
    const refusals = refusalsOf(order);
    if (refusals.length > 0) return send(response, 422, { reasons: refusals });
    const { price, pickupEta, deliveryEta, toCollect, toDeliver } = offerFor(order, now(), speed);
    const booked = { bookingId: id, price, pickupEta, deliveryEta };
    const body = JSON.stringify({ answer: booked, callbackUrl: order.callbackUrl, toDeliver });
    bookings.save({ id, body, next: 'Collected', due: now() + toCollect * 1000, tries: 0 });
    return send(response, 201, booked);
  };
  const cancel = (id: string, response: ServerResponse) => {
    const known = bookings.find(id);
    if (known && known.next !== 'Collected' && known.next !== 'cancelled') {
      return send(response, 409, { reasons: ['the parcel is in the van'] });
    }
    bookings.save({ id, body: known?.body ?? '{}', next: 'cancelled', due: 0, tries: 0 });
    return send(response, 204);
  };
  return async (request, response) => {
    if (request.headers['x-api-key'] !== apiKey)
      return send(response, 401, { reasons: ['the x-api-key is wrong'] });
    const [, resource, id] = (request.url ?? '').split('/');
    const { method } = request;
    if (resource === 'quotes' && method === 'POST') return quote(await readBody(request, Quote), response);
    if (resource !== 'bookings' || !id)
      return send(response, 404, { reasons: ['there is nothing at this path'] });
    if (method === 'PUT') return book(id, await readBody(request, Order), response);
    if (method === 'DELETE') return cancel(id, response);
    return send(response, 405, { reasons: ['not possible here'] });
  };
}

/** Undefined when the body does not fit the schema. */
async function readBody<S extends z.ZodType>(
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

function send(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
