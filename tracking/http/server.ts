/**
 * The process's only port: WebSocket and plain HTTP, with the routes below.
 *
 *   WS   /telemetry            a drone's socket                        bearer, role drone
 *   POST /telemetry            the same samples as JSON                bearer, role drone
 *   GET  /track/{deliveryId}   SSE or WebSocket: a delivery's stream   bearer or ?ticket=
 *   GET  /fleet                SSE or WebSocket: the fleet's stream    bearer (operator) or ?ticket=
 *   POST /tickets              a ticket for one stream                 bearer
 *   GET  /healthz              the process lives
 *   GET  /servingz             it has rebuilt and is not draining: it takes connections, even while the broker is away
 *   GET  /readyz               all of that, and every partition is being read
 *   GET  /metrics              Prometheus' text
 *
 * V1 an upgrade is only answered after its caller is known and allowed.
 * V2 while draining nothing new is taken.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { VerifyToken } from '../../shared/auth/verifier.ts';
import { Id } from '../../shared/contracts/common.ts';
import { AppError, toAppError } from '../../shared/errors.ts';
import { read } from '../../shared/read.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import { type Client, sseClient, webSocketClient } from '../fan-out/client.ts';
import type { Scope } from '../fan-out/tickets.ts';
import { readSamples } from '../ingest/read-frame.ts';
import { isObject } from '../ingest/read-telemetry.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracker } from '../tracker.ts';
import { authenticate, droneOf, requireOperator, requireWatcher } from './access.ts';
import { allowOrigin, answer, answerProblem, readJson, refuseUpgrade, STREAM_HEADERS } from './answers.ts';

export interface ServerOptions {
  readonly tracker: Tracker;
  readonly verify: VerifyToken;
  readonly allowedOrigins: readonly string[];
  /** Facts for `/readyz`: ready when all are true. `/servingz` leaves `reading` out. */
  readonly readiness: () => {
    readonly rebuilt: boolean;
    readonly notDraining: boolean;
    readonly reading: boolean;
  };
  readonly isDraining: () => boolean;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now: () => number;
}

const MAX_FRAME_BYTES = 256 * 1024;
const NOTHING_MORE = 204;
const MAX_TIMER_MS = 2 ** 31 - 1;
const EXPIRED = 4401;

const TicketBody = z.union([z.strictObject({ deliveryId: Id }), z.strictObject({ fleet: z.literal(true) })]);

export function createTrackingServer(options: ServerOptions): Server {
  const { tracker, verify, allowedOrigins, readiness, isDraining, metrics, log, now } = options;
  const upgrades = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  });

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://tracking');
    const name = `${request.method} ${url.pathname}`;
    allowOrigin(request, response, allowedOrigins);
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    if (name === 'GET /healthz') return answer(response, 200, { status: 'alive' });
    if (name === 'GET /readyz' || name === 'GET /servingz') {
      const { reading, ...serving } = readiness();
      const facts = url.pathname === '/readyz' ? { ...serving, reading } : serving;
      const ready = Object.values(facts).every(Boolean);
      return answer(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...facts });
    }
    if (name === 'GET /metrics') return answer(response, 200, metrics.text());
    refuseWhileDraining();
    if (name === 'POST /telemetry') return postTelemetry(request, response);
    if (name === 'POST /tickets') return postTicket(request, response);
    const scope = scopeOf(url);
    if (!scope) throw new AppError('not_found', 'there is no such route');
    if (request.method !== 'GET') {
      throw new AppError('method_not_allowed', 'streams are read with GET', { headers: { allow: 'GET' } });
    }
    const expiresAt = await admit(request, url, scope);
    const lastSeen = lastSeenOf(request, url);
    if (hasSeenAll(scope, lastSeen)) {
      response.writeHead(NOTHING_MORE).end();
      return;
    }
    request.socket.setNoDelay(true);
    response.writeHead(200, STREAM_HEADERS);
    response.flushHeaders();
    join(scope, sseClient(response, now), lastSeen, expiresAt);
  };

  const refuseWhileDraining = () => {
    if (isDraining()) {
      throw new AppError('dependency_unavailable', 'this process is about to end', { retryAfterSeconds: 1 });
    }
  };

  const postTelemetry = async (request: IncomingMessage, response: ServerResponse) => {
    const { principal } = await authenticate(request.headers.authorization, verify);
    const droneId = droneOf(principal);
    const body = await readJson(request);
    const read = readSamples(isObject(body) ? body['samples'] : body);
    if (!read.samples) {
      const [path = '', message = ''] = read.wrong.split(': ');
      throw new AppError('invalid_request', 'the samples cannot be read', {
        errors: [{ path: `body.${path}`, message }],
      });
    }
    if (read.samples.some((sample) => sample.droneId !== droneId)) {
      throw new AppError('forbidden', `this token is ${droneId}'s`);
    }
    const { notYours: _none, ...counts } = tracker.intake.samples(droneId, read.samples);
    answer(response, 202, counts);
  };

  const postTicket = async (request: IncomingMessage, response: ServerResponse) => {
    const { principal } = await authenticate(request.headers.authorization, verify);
    const body = read(TicketBody, await readJson(request), 'body');
    if (!body.ok) {
      throw new AppError('invalid_request', 'either deliveryId or fleet: true is needed', {
        errors: [{ path: 'body', message: 'must be {deliveryId} or {fleet: true}' }],
      });
    }
    if ('fleet' in body.value) requireOperator(principal);
    else requireWatcher(principal, tracker.deliveries.find(body.value.deliveryId));
    answer(response, 201, { ticket: tracker.tickets.issue(body.value), expiresInSeconds: 30 });
  };

  /** When the stream must end, ms since the epoch. @throws AppError 401, 403, 404 */
  const admit = async (request: IncomingMessage, url: URL, scope: Scope): Promise<number> => {
    const ticket = url.searchParams.get('ticket');
    if (ticket !== null) {
      if (!tracker.tickets.redeem(ticket, scope)) {
        throw new AppError('token_invalid', 'the ticket is used up, too old, or for something else');
      }
      return Number.POSITIVE_INFINITY;
    }
    const { principal, expiresAt } = await authenticate(request.headers.authorization, verify);
    if ('fleet' in scope) requireOperator(principal);
    else requireWatcher(principal, tracker.deliveries.find(scope.deliveryId));
    return expiresAt;
  };

  const join = (scope: Scope, client: Client, lastSeen: number | undefined, expiresAt: number) => {
    if ('fleet' in scope) tracker.fleet.join(client);
    else tracker.watchers.join(scope.deliveryId, client, lastSeen);
    if (expiresAt === Number.POSITIVE_INFINITY) return;
    const end = () => client.end(EXPIRED, 'the token has expired');
    const timer = setTimeout(end, Math.min(MAX_TIMER_MS, Math.max(0, expiresAt - now())));
    client.onClose(() => clearTimeout(timer));
  };

  const hasSeenAll = (scope: Scope, lastSeen: number | undefined) => {
    const delivery = 'deliveryId' in scope ? tracker.deliveries.find(scope.deliveryId) : undefined;
    return delivery?.endedAt !== undefined && lastSeen !== undefined && lastSeen >= delivery.sequence;
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://tracking');
    const { origin } = request.headers;
    refuseWhileDraining();
    if (origin !== undefined && !allowedOrigins.includes(origin)) {
      throw new AppError('forbidden', 'pages of this origin may not open streams');
    }
    if (url.pathname === '/telemetry') {
      const { principal, expiresAt } = await authenticate(request.headers.authorization, verify);
      const droneId = droneOf(principal);
      return complete(request, socket, head, (ws) => tracker.sockets.accept(droneId, ws, expiresAt));
    }
    const scope = scopeOf(url);
    if (!scope) throw new AppError('not_found', 'there is no such route');
    const expiresAt = await admit(request, url, scope);
    const lastSeen = lastSeenOf(request, url);
    complete(request, socket, head, (ws) => join(scope, webSocketClient(ws, now), lastSeen, expiresAt));
  };

  const complete = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    then: (ws: WebSocket) => void,
  ): void => {
    if (!socket.destroyed) upgrades.handleUpgrade(request, socket, head, then);
  };

  const asAppError = (thrown: unknown): AppError => {
    const error = toAppError(thrown);
    if (error.code === 'internal') log.error({ err: thrown }, 'unforeseen');
    return error;
  };

  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    route(request, response).catch((thrown: unknown) => answerProblem(response, asAppError(thrown)));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const onError = () => socket.destroy();
    socket.on('error', onError);
    upgrade(request, socket, head).then(
      () => socket.off('error', onError),
      (thrown: unknown) => refuseUpgrade(socket, asAppError(thrown)),
    );
  });
  return server;
}

function scopeOf({ pathname }: URL): Scope | undefined {
  if (pathname === '/fleet') return { fleet: true };
  const encoded = /^\/track\/([^/]+)$/.exec(pathname)?.[1];
  if (encoded === undefined) return undefined;
  const id = read(Id, encoded);
  if (!id.ok) throw new AppError('not_found', 'there is no such delivery');
  return { deliveryId: id.value };
}

/** SSE's own header, or the query of those who cannot set it. */
function lastSeenOf({ headers }: IncomingMessage, { searchParams }: URL): number | undefined {
  const header = headers['last-event-id'];
  const text = (typeof header === 'string' ? header : undefined) ?? searchParams.get('lastEventId') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
