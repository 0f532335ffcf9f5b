/** The plain HTTP routes: a method, a path and a handler each. server.ts lists them with their callers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { Id } from '../../shared/contracts/common.ts';
import { AppError } from '../../shared/errors.ts';
import { sseClient } from '../fan-out/client.ts';
import { findWrongTime } from '../ingest/clock.ts';
import { readSamples } from '../ingest/read-frame.ts';
import { isObject } from '../ingest/read-telemetry.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracker } from '../tracker.ts';
import { droneOf } from './access.ts';
import { answer, readBody, STREAM_HEADERS } from './answers.ts';
import type { Callers } from './caller.ts';
import { type Streams, scopeOf } from './streams.ts';

export interface Readiness {
  readonly rebuilt: boolean;
  readonly notDraining: boolean;
  /** Whether every partition is being read. `/servingz` ignores this. */
  readonly reading: boolean;
}

export interface RoutesOptions {
  readonly tracker: Tracker;
  readonly callers: Callers;
  readonly streams: Streams;
  readonly readiness: () => Readiness;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export type Route = (request: IncomingMessage, response: ServerResponse, url: URL) => unknown;

export interface Routes {
  /** Cheap, and open to probes: neither limits nor the drain apply to them. */
  readonly open: ReadonlyMap<string, Route>;
  readonly guarded: ReadonlyMap<string, Route>;
  /** Every path that the maps do not list. */
  readonly stream: Route;
}

const NOTHING_MORE = 204;
/** Longest wait for a ticket. */
const MAX_WAIT_MS = 10_000;
const TicketBody = z.union([z.strictObject({ deliveryId: Id }), z.strictObject({ fleet: z.literal(true) })]);

export function createRoutes(options: RoutesOptions): Routes {
  const { tracker, callers, streams, readiness, metrics, now } = options;

  const answerReadiness = (response: ServerResponse, facts: Partial<Readiness>) => {
    const ready = Object.values(facts).every(Boolean);
    answer(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...facts });
  };

  const postTelemetry: Route = async (request, response) => {
    const { principal } = await callers.authenticate(request);
    const droneId = droneOf(principal);
    const samples = await samplesIn(request, now());
    if (samples.some((sample) => sample.droneId !== droneId)) {
      throw new AppError('forbidden', `this token is ${droneId}'s`);
    }
    const { notYours: _none, wrongTime: _refused, ...counts } = tracker.intake.samples(droneId, samples);
    answer(response, 202, counts);
  };

  const postTicket: Route = async (request, response) => {
    const bearer = await callers.authenticate(request);
    const body = await readBody(request, TicketBody);
    if (!body.ok) {
      throw new AppError('invalid_request', 'send either deliveryId or fleet: true', {
        errors: [{ path: 'body', message: 'must be {deliveryId} or {fleet: true}' }],
      });
    }
    const left = new AbortController();
    response.once('close', () => left.abort());
    await streams.permitSoon(bearer, body.value, preferredWait(request), left.signal);
    const { expiresAt, principal } = bearer;
    const { ticket, redeemableUntil } = tracker.tickets.issue(body.value, {
      subject: principal.subject,
      expiresAt,
    });
    answer(response, 201, {
      ticket,
      expiresInSeconds: Math.floor((redeemableUntil - now()) / 1000),
      ...(Number.isFinite(expiresAt) ? { expiresAt: new Date(expiresAt).toISOString() } : {}),
    });
  };

  const stream: Route = async (request, response, url) => {
    const scope = scopeOf(url);
    if (request.method !== 'GET') {
      throw new AppError('method_not_allowed', 'use GET to read a stream', { headers: { allow: 'GET' } });
    }
    const admission = await streams.admit(request, url, scope);
    response.once('close', admission.release);
    if (response.destroyed) return admission.release();
    if (streams.hasSeenAll(admission)) {
      response.writeHead(NOTHING_MORE).end();
      return;
    }
    request.socket.setNoDelay(true);
    response.writeHead(200, STREAM_HEADERS);
    response.flushHeaders();
    streams.join(admission, sseClient(response, now));
  };

  return {
    open: new Map<string, Route>([
      ['GET /healthz', (_, response) => answer(response, 200, { status: 'alive' })],
      ['GET /readyz', (_, response) => answerReadiness(response, readiness())],
      [
        'GET /servingz',
        (_, response) => {
          const { reading: _reading, ...serving } = readiness();
          answerReadiness(response, serving);
        },
      ],
      ['GET /metrics', (_, response) => answer(response, 200, metrics.text())],
    ]),
    guarded: new Map([
      ['POST /telemetry', postTelemetry],
      ['POST /tickets', postTicket],
    ]),
    stream,
  };
}

/** ms, of `Prefer: wait=seconds` (RFC 7240, section 4.3). */
function preferredWait({ headers }: IncomingMessage): number {
  const seconds = /(?:^|[,;]\s*)wait=(\d{1,5})\b/i.exec(String(headers['prefer'] ?? ''))?.[1] ?? '0';
  return Math.min(Number(seconds) * 1000, MAX_WAIT_MS);
}

/** @throws AppError 400, 413, 415 */
async function samplesIn(request: IncomingMessage, now: number) {
  const body = await readBody(request, z.unknown());
  const value = body.ok ? body.value : undefined;
  const found = readSamples(isObject(value) ? value['samples'] : value);
  const wrong = found.samples ? findWrongTime(found.samples, now) : found.wrong;
  if (wrong === undefined && found.samples) return found.samples;
  const [path = '', message = ''] = (wrong ?? '').split(': ');
  throw new AppError('invalid_request', 'the samples cannot be read', {
    errors: [{ path: `body.${path}`, message }],
  });
}
