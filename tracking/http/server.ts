/**
 * The process's only port: WebSocket and plain HTTP, with the routes below.
 *
 *   WS   /telemetry            a drone's socket                        bearer, role drone
 *   POST /telemetry            the same samples as JSON                bearer, role drone
 *   GET  /track/{deliveryId}   SSE or WebSocket: a delivery's stream   bearer or ?ticket=
 *   GET  /fleet                SSE or WebSocket: the fleet's stream    bearer (operator) or ?ticket=
 *   POST /tickets              a ticket for one stream                 bearer
 *   GET  /healthz              the process lives
 *   GET  /servingz             it has rebuilt and is not draining: it accepts connections, even while the broker is away
 *   GET  /readyz               all of that, and every partition is being read
 *   GET  /metrics              Prometheus' text
 *
 * V1 An upgrade is answered only once its caller is known and allowed.
 * V2 While draining, nothing new is accepted.
 * V3 A caller is known before any of its body is read, and a request that arrives too slowly is cut off.
 * V4 Every refusal is counted by its code; each code is logged at most once a minute, with its count.
 * V5 Where it listens on loopback, a request that names another host, or comes from a page of another site, is refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { VerifyToken } from '../../shared/auth/verifier.ts';
import { AppError, toAppError } from '../../shared/errors.ts';
import { foreignCaller, isLoopback } from '../../shared/http/local-caller.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import { createSampler } from '../../shared/telemetry/sampler.ts';
import type { Guard } from '../guard.ts';
import type { Metrics } from '../metrics.ts';
import type { TrackingSettings } from '../settings.ts';
import type { Tracker } from '../tracker.ts';
import { allowOrigin, answerProblem, refuseUpgrade } from './answers.ts';
import { type Callers, createCallers } from './caller.ts';
import { createLimits, type LimitSettings } from './limits.ts';
import { createRoutes, type Readiness } from './routes.ts';
import { createStreams } from './streams.ts';
import { createUpgrades } from './upgrades.ts';

export interface ServerOptions {
  readonly settings: LimitSettings &
    Pick<TrackingSettings, 'ALLOWED_ORIGINS' | 'TRUSTED_PROXIES' | 'TRACKING_HOST'>;
  readonly tracker: Tracker;
  readonly verify: VerifyToken;
  readonly readiness: () => Readiness;
  readonly metrics: Metrics;
  readonly guard: Guard;
  readonly log: Log;
  readonly now: () => number;
}

/** ms; `connectionsCheckingInterval` is the largest delay until the two time-outs above are noticed. */
const TIMES = { headersTimeout: 5_000, requestTimeout: 15_000, connectionsCheckingInterval: 1_000 } as const;

export function createTrackingServer(options: ServerOptions): Server {
  const { settings, tracker, verify, readiness, metrics, guard, now } = options;
  const limits = createLimits(settings);
  const callers = createCallers({ verify, limits, trustedProxies: settings.TRUSTED_PROXIES });
  const streams = createStreams({ tracker, callers, limits, guard, now });
  const routes = createRoutes({ tracker, callers, streams, readiness, metrics, now });
  const upgrade = createUpgrades({ tracker, callers, streams, limits, guard, now });
  const allowed = settings.ALLOWED_ORIGINS;
  const isLocal = isLoopback(settings.TRACKING_HOST);
  const refuseForeign = ({ headers }: IncomingMessage): void => {
    const reason = isLocal ? foreignCaller(headers, allowed) : undefined;
    if (reason !== undefined) throw new AppError('forbidden', reason);
  };
  const refusalOf = createRefusals(options, callers);
  const admit = async (request: IncomingMessage): Promise<URL> => {
    if (!readiness().notDraining) {
      throw new AppError('dependency_unavailable', 'this process is stopping: reconnect', {
        retryAfterSeconds: 1,
      });
    }
    await limits.request(callers.addressOf(request));
    return urlOf(request);
  };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    refuseForeign(request);
    const url = urlOf(request);
    allowOrigin(request, response, allowed);
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    const name = `${request.method} ${url.pathname}`;
    const open = routes.open.get(name);
    if (open) return open(request, response, url);
    await admit(request);
    return (routes.guarded.get(name) ?? routes.stream)(request, response, url);
  };

  const server = createServer(TIMES, (request, response) => {
    const refuse = (thrown: unknown) => answerProblem(request, response, refusalOf(request, thrown));
    route(request, response).catch(guard('refusal', refuse, () => response.destroy()));
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const onError = () => socket.destroy();
    socket.on('error', onError);
    const work = async () => {
      refuseForeign(request);
      const url = await admit(request);
      refuseOrigin(request, allowed);
      await upgrade(request, socket, head, url);
    };
    work().then(
      () => socket.off('error', onError),
      guard(
        'refused upgrade',
        (thrown: unknown) => refuseUpgrade(socket, refusalOf(request, thrown)),
        () => socket.destroy(),
      ),
    );
  };
  server.on('upgrade', onUpgrade);
  return server;
}

const BASE = 'http://tracking';

/** @throws AppError 400 for a target like `//[` or `http:///`, which HTTP allows but which is not a URL */
function urlOf({ url }: IncomingMessage): URL {
  const parsed = URL.parse(url ?? '/', BASE);
  if (parsed) return parsed;
  throw new AppError('invalid_request', 'the request target is not a URL');
}

/** Browsers send an origin with every upgrade, programs do not. @throws AppError 403 */
function refuseOrigin({ headers: { origin } }: IncomingMessage, allowed: readonly string[]): void {
  if (origin !== undefined && !allowed.includes(origin)) {
    throw new AppError('forbidden', 'pages of this origin may not open streams');
  }
}

/** Counts a refusal, logs it now and then (V4), and returns it as the caller gets it. */
function createRefusals(
  { metrics, log, now }: Pick<ServerOptions, 'metrics' | 'log' | 'now'>,
  { addressOf }: Pick<Callers, 'addressOf'>,
): (request: IncomingMessage, thrown: unknown) => AppError {
  const occurrences = createSampler(now);
  return (request, thrown) => {
    const error = toAppError(thrown);
    const { code } = error;
    metrics.counter('tracking_refusals_total', 'Calls that were refused', { code }).add();
    const count = occurrences(code);
    if (count === undefined) return error;
    const facts = { code, count, address: addressOf(request), method: request.method };
    if (code === 'internal') log.error({ ...facts, err: thrown }, 'a call failed');
    else log.info(facts, 'a call was refused');
    return error;
  };
}
