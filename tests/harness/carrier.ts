/** A carrier on loopback that speaks functions/third-party/carrier-api.ts, and does what a test tells it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BookingRequest,
  type CarrierBooking,
  type CarrierQuote,
  QuoteRequest,
} from '../../functions/third-party/carrier-api.ts';

export interface TestCarrier extends AsyncDisposable {
  readonly url: string;
  /** Bookings that stand. */
  readonly bookings: Map<string, BookingRequest>;
  readonly calls: { method: string; path: string; apiKey: string | undefined }[];
  /** What it does; a test changes it. */
  readonly mood: {
    quote: CarrierQuote | 'silent' | 'nonsense';
    book: 'yes' | 'refuses' | 'fails' | 'books, then fails';
    cancel: 'yes' | 'collected' | 'unknown' | 'fails';
    /** Every answer is a redirection to this address. */
    redirectTo?: string;
    /** A carrier that does not remember what it cancelled books it when the booking comes late. */
    remembers: boolean;
    /** Runs before a booking is answered. */
    beforeBooking: () => Promise<void>;
  };
}

export function offer(
  amount: number,
  at = '2026-11-23T14:00:00.000Z',
): Extract<CarrierQuote, { canServe: true }> {
  const eta = { at, earliest: at, latest: at };
  return { canServe: true, price: { amount, currency: 'USD' }, pickupEta: eta, deliveryEta: eta };
}

export async function startCarrier(amount: number): Promise<TestCarrier> {
  const bookings = new Map<string, BookingRequest>();
  const cancelled = new Set<string>();
  const calls: TestCarrier['calls'] = [];
  const mood: TestCarrier['mood'] = {
    quote: offer(amount),
    book: 'yes',
    cancel: 'yes',
    remembers: true,
    beforeBooking: () => Promise.resolve(),
  };

  const quote = (text: string): Answer | undefined => {
    QuoteRequest.parse(JSON.parse(text));
    if (mood.quote === 'silent') return undefined;
    return { status: 200, body: mood.quote === 'nonsense' ? { hello: 1 } : mood.quote };
  };

  const book = async (bookingId: string, text: string): Promise<Answer> => {
    const request = BookingRequest.parse(JSON.parse(text));
    await mood.beforeBooking();
    if (mood.book === 'refuses') return { status: 409, body: { reasons: ['full'] } };
    if (mood.book === 'fails') return { status: 500, body: {} };
    if (cancelled.has(bookingId)) return { status: 409, body: { reasons: ['cancelled before'] } };
    bookings.set(bookingId, request);
    if (mood.book === 'books, then fails') return { status: 502, body: {} };
    const { price, pickupEta, deliveryEta } = offer(amount);
    return { status: 201, body: { bookingId, price, pickupEta, deliveryEta } satisfies CarrierBooking };
  };

  const cancel = (bookingId: string): Answer => {
    if (mood.cancel === 'fails') return { status: 500, body: {} };
    if (mood.cancel === 'unknown') return { status: 404, body: {} };
    if (mood.cancel === 'collected') return { status: 409, body: { reasons: ['collected'] } };
    if (mood.remembers) cancelled.add(bookingId);
    bookings.delete(bookingId);
    return { status: 204 };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const [, resource, id = ''] = (request.url ?? '').split('/');
    const text = await textOf(request);
    const apiKey = request.headers['x-api-key'] as string | undefined;
    calls.push({ method: request.method ?? '', path: request.url ?? '', apiKey });
    if (mood.redirectTo) return response.writeHead(307, { location: mood.redirectTo }).end();
    const answer =
      resource === 'quotes' ? quote(text) : request.method === 'PUT' ? await book(id, text) : cancel(id);
    if (!answer) return undefined;
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    return response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bookings,
    calls,
    mood,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
