/** Joins the routes to the host's programming model: one HTTP function per route, and one for requests that match none. */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { forwardedAddress } from '../http/client-address.ts';
import type { Route } from '../http/define-route.ts';
import { refusalOf } from '../http/fallback.ts';
import {
  type Endpoint,
  type PipelineDeps,
  type PlainResponse,
  problemResponse,
  serve,
} from '../http/pipeline.ts';
import { type BodySource, collect } from '../http/request-body.ts';
import { withLogSink } from '../telemetry/log.ts';
import { inSpan } from '../telemetry/trace.ts';
import { traceContextOf } from '../telemetry/trace-context.ts';
import { parentOf } from './parent-trace.ts';

export interface HttpDeps extends PipelineDeps {
  /** Number of proxies in front of the host that add to `X-Forwarded-For`: the host itself gives no address. */
  readonly trustedProxies: number;
}

/** Callers are authorized by their tokens, so the host does not ask for its keys. */
export function registerRoutes(endpoints: readonly Endpoint[], deps: HttpDeps): void {
  // Without streams the host reads the whole body before the token is checked, and drops a body without a length.
  app.setup({ enableHttpStream: true });
  for (const endpoint of endpoints) {
    app.http(endpoint.route.functionName, {
      methods: [endpoint.route.method],
      route: endpoint.route.path,
      authLevel: 'anonymous',
      handler: (request, context) => withLogSink(context, () => handle(endpoint, request, context, deps)),
    });
  }
  registerFallback(endpoints.map(({ route }) => route));
}

async function handle(
  endpoint: Endpoint,
  request: HttpRequest,
  context: InvocationContext,
  deps: HttpDeps,
): Promise<HttpResponseInit> {
  const address = forwardedAddress(request.headers.get('x-forwarded-for') ?? undefined, deps.trustedProxies);
  const { service, method, path } = endpoint.route;
  const span = {
    attributes: { service, 'http.request.method': method, 'http.route': `/api/${path}` },
    parent: parentOf(
      context,
      traceContextOf((name) => request.headers.get(name)),
    ),
  };
  return inSpan(`${method} /api/${path}`, span, async (add) => {
    const response = await serve(
      endpoint,
      {
        method: request.method,
        params: pathParams(endpoint.route, request.params),
        query: Object.fromEntries(request.query),
        headers: Object.fromEntries(request.headers),
        body: bodyOf(request, endpoint.route.maxBodyBytes),
        ...(address === undefined ? {} : { address }),
      },
      deps,
    );
    add({ 'http.response.status_code': response.status });
    return toInit(response);
  });
}

/** The path's parameters only: with streaming, the host mixes the query in. */
function pathParams(route: Route, params: Readonly<Record<string, string>>): Record<string, string> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const lower = new Map(Object.entries(params).map(([key, value]) => [key.toLowerCase(), value]));
  return Object.fromEntries(names.map((name) => [name, lower.get(name.toLowerCase()) ?? '']));
}

/** Read only once the caller is known and may call the route. */
function bodyOf({ body }: HttpRequest, most: number): BodySource {
  return body ? () => collect(body as ReadableStream<Uint8Array>, most) : undefined;
}

/** Where no function matches, or none with the method, the host answers an empty 404: this function answers a problem. */
function registerFallback(routes: readonly Route[]): void {
  app.http('zz_fallback', {
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    route: '{*path}',
    authLevel: 'anonymous',
    handler: ({ method, params }) => toInit(problemResponse(refusalOf(routes, method, params['path'] ?? ''))),
  });
}

/** Answers are private to the caller, and clients must not guess another content type. */
const SAFE_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

function toInit(response: PlainResponse): HttpResponseInit {
  return {
    status: response.status,
    headers: { ...SAFE_HEADERS, ...response.headers },
    ...(response.body === undefined ? {} : { body: response.body }),
  };
}
