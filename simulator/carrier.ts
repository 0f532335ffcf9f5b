/**
 * The sample carrier: a van where no drone can fly. Quotes, bookings, and calls back what happened to them.
 *
 * V1 A booking is on disk before it is answered, and booked once per id, however often it is asked for.
 * V2 A callback is repeated, with the same event id, until it gets a 2xx or a 4xx, also after a restart.
 * V3 A cancelled booking stays cancelled, also when its order comes late; one that was collected cannot be cancelled.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { PackageSize, Position, Time } from '../shared/contracts/common.ts';
import type { CarrierEvent } from '../shared/contracts/third-party.ts';
import { distance } from '../shared/geo/distance.ts';
import { describeErrors, readJson } from '../shared/read.ts';
import type { Log } from '../shared/telemetry/log.ts';
import { openDatabase } from './database.ts';
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

/** The van takes no more, kg. */
export const MAX_WEIGHT = 25;
const CITY_SPEED = 8;
const TO_COLLECT_SECONDS = 600;
const BASE_PRICE = 9;
const PER_KILOMETRE = 1.4;
const PER_KILOGRAM = 0.35;
/** The van is at most so much earlier or later than it says. */
const SPREAD = 0.25;
const TICK_MS = 100;
const RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 64 * 1024;

const Quote = z.object({
  pickup: Position,
  dropoff: Position,
  weight: z.number().positive(),
  size: PackageSize,
  deadline: Time.optional(),
});
const Order = Quote.extend({ callbackUrl: z.url() });
type Order = z.output<typeof Order>;

/** The body of a row. */
const Booking = z.object({ answer: z.unknown(), callbackUrl: z.url(), toDeliver: z.number() });

interface Row {
  readonly id: string;
  readonly body: string;
  /** `Collected` or `Delivered`: what comes next; `done`, `cancelled`. */
  readonly next: string;
  readonly due: number;
  readonly tries: number;
}

interface Offer {
  readonly price: { readonly amount: number; readonly currency: string };
  readonly pickupEta: Window;
  readonly deliveryEta: Window;
  readonly toCollect: number;
  readonly toDeliver: number;
}

interface Window {
  readonly at: string;
  readonly earliest: string;
  readonly latest: string;
}

/** @throws Error when the port is in use, or its file cannot be read */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const database = openDatabase(
    join(options.dataDir, 'carrier.db'),
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
     CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, body TEXT, next TEXT, due INTEGER, tries INTEGER)`,
  );
  const find = (id: string) =>
    database.prepare('SELECT * FROM bookings WHERE id = ?').get(id) as Row | undefined;
  const save = (row: Row) => {
    database
      .prepare('INSERT OR REPLACE INTO bookings VALUES (?, ?, ?, ?, ?)')
      .run(row.id, row.body, row.next, row.due, row.tries);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      options.log.error({ err: error }, 'a request failed');
      if (!response.headersSent) send(response, 500, { reasons: ['something went wrong'] });
    });
  });

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers['x-api-key'] !== options.apiKey)
      return send(response, 401, { reasons: ['the x-api-key is wrong'] });
    const [, resource, id] = (request.url ?? '').split('/');
    if (resource === 'quotes' && request.method === 'POST') {
      const asked = await readBody(request, Quote);
      if (!asked) return send(response, 400, { reasons: ['not a request for a quote'] });
      const refusals = refusalsOf(asked);
      if (refusals.length > 0) return send(response, 200, { canServe: false, reasons: refusals });
      const { price, pickupEta, deliveryEta } = offerFor(asked, options);
      return send(response, 200, { canServe: true, price, pickupEta, deliveryEta });
    }
    if (resource !== 'bookings' || !id)
      return send(response, 404, { reasons: ['there is nothing at this path'] });
    if (request.method === 'PUT') return book(id, await readBody(request, Order), response);
    if (request.method === 'DELETE') return cancel(id, response);
    return send(response, 405, { reasons: ['not possible here'] });
  };

  const book = (id: string, order: Order | undefined, response: ServerResponse) => {
    if (!order) return send(response, 400, { reasons: ['not a booking'] });
    const known = find(id);
    if (known?.next === 'cancelled') return send(response, 409, { reasons: ['this booking was cancelled'] });
    if (known) return send(response, 200, bookingOf(known).answer);
    const refusals = refusalsOf(order);
    if (refusals.length > 0) return send(response, 422, { reasons: refusals });
    const { price, pickupEta, deliveryEta, toCollect, toDeliver } = offerFor(order, options);
    const booked = { bookingId: id, price, pickupEta, deliveryEta };
    const body = JSON.stringify({ answer: booked, callbackUrl: order.callbackUrl, toDeliver });
    save({ id, body, next: 'Collected', due: options.now() + toCollect * 1000, tries: 0 });
    return send(response, 201, booked);
  };

  const cancel = (id: string, response: ServerResponse) => {
    const known = find(id);
    if (known && known.next !== 'Collected' && known.next !== 'cancelled') {
      return send(response, 409, { reasons: ['the parcel is in the van'] });
    }
    save({ id, body: known?.body ?? '{}', next: 'cancelled', due: 0, tries: 0 });
    return send(response, 204);
  };

  let working = false;
  const work = async () => {
    if (working) return;
    working = true;
    try {
      const due = database
        .prepare("SELECT * FROM bookings WHERE next IN ('Collected', 'Delivered') AND due <= ?")
        .all(options.now()) as unknown as Row[];
      await Promise.all(due.map(callBack));
    } finally {
      working = false;
    }
  };

  const callBack = async (row: Row) => {
    const { callbackUrl, toDeliver } = bookingOf(row);
    const event: CarrierEvent = {
      bookingId: row.id,
      eventId: `${row.id}-${row.next}`,
      event: row.next as CarrierEvent['event'],
      at: new Date(options.now()).toISOString(),
    };
    if (!(await post(callbackUrl, event))) {
      const wait = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** row.tries);
      return save({ ...row, due: options.now() + wait, tries: Math.min(row.tries + 1, 10) });
    }
    const collected = row.next === 'Collected';
    save({ ...row, next: collected ? 'Delivered' : 'done', due: options.now() + toDeliver * 1000, tries: 0 });
  };

  const post = async (url: string, event: CarrierEvent): Promise<boolean> => {
    try {
      const { value } = await options.token();
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok)
        options.log.warn({ status: response.status, event: event.eventId }, 'a callback was refused');
      return response.status < 500 && response.status !== 429 && response.status !== 401;
    } catch (error) {
      options.log.warn({ err: error, event: event.eventId }, 'a callback did not arrive');
      return false;
    }
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const ticking = setInterval(() => void work(), TICK_MS);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      while (working) await new Promise((resolve) => setTimeout(resolve, 10));
      database.close();
    },
  };
}

function refusalsOf({ weight }: z.output<typeof Quote>): string[] {
  return weight > MAX_WEIGHT ? [`weight ${weight} kg exceeds ${MAX_WEIGHT} kg`] : [];
}

function offerFor(asked: z.output<typeof Quote>, { now, speed }: CarrierOptions): Offer {
  const metres = distance(asked.pickup, asked.dropoff);
  const toCollect = TO_COLLECT_SECONDS / speed;
  const toDeliver = metres / CITY_SPEED / speed;
  const at = (seconds: number): Window => {
    const point = (factor: number) => new Date(now() + seconds * factor * 1000).toISOString();
    return { at: point(1), earliest: point(1 - SPREAD), latest: point(1 + SPREAD) };
  };
  const amount =
    Math.round((BASE_PRICE + (PER_KILOMETRE * metres) / 1000 + PER_KILOGRAM * asked.weight) * 100) / 100;
  return {
    price: { amount, currency: 'USD' },
    pickupEta: at(toCollect),
    deliveryEta: at(toCollect + toDeliver),
    toCollect,
    toDeliver,
  };
}

function bookingOf({ id, body }: Row): z.output<typeof Booking> {
  const stored = readJson(Booking, body);
  if (!stored.ok)
    throw new Error(`the stored booking ${id} cannot be read: ${describeErrors(stored.errors)}`);
  return stored.value;
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
