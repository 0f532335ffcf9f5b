/** Joins our routes to the host's programming model: one HTTP function per route, and a last one for what matches none. */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { AppError } from '../errors.ts';
import type { Route } from '../http/define-route.ts';
import {
  type Endpoint,
  MAX_BODY_BYTES,
  type PipelineDeps,
  type PlainResponse,
  problemResponse,
  serve,
  tooLarge,
} from '../http/pipeline.ts';
import { inTrace } from '../telemetry/trace.ts';

/** Authorization is ours (tokens), so the host's keys are not asked for. */
export function registerRoutes(endpoints: readonly Endpoint[], deps: PipelineDeps): void {
  for (const endpoint of endpoints) {
    app.http(endpoint.route.functionName, {
      methods: [endpoint.route.method],
      route: endpoint.route.path,
      authLevel: 'anonymous',
      handler: (request, context) => handle(endpoint, request, context, deps),
    });
  }
  registerFallback(endpoints.map(({ route }) => route));
}

async function handle(
  endpoint: Endpoint,
  request: HttpRequest,
  context: InvocationContext,
  deps: PipelineDeps,
): Promise<HttpResponseInit> {
  const trace = request.headers.get('traceparent') ?? context.traceContext?.traceParent;
  return inTrace(trace, async () => {
    const length = Number(request.headers.get('content-length') ?? 0);
    if (length > MAX_BODY_BYTES && endpoint.route.hasBody) return toInit(problemResponse(tooLarge()));
    const body = endpoint.route.hasBody ? new Uint8Array(await request.arrayBuffer()) : undefined;
    const response = await serve(
      endpoint,
      {
        method: request.method,
        params: pathParams(endpoint.route, request.params),
        query: Object.fromEntries(request.query),
        headers: Object.fromEntries(request.headers),
        body,
      },
      deps,
    );
    return toInit(response);
  });
}

/** Only what the path names: with streaming the host mixes the query in. */
function pathParams(route: Route, params: Readonly<Record<string, string>>): Record<string, string> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const lower = new Map(Object.entries(params).map(([key, value]) => [key.toLowerCase(), value]));
  return Object.fromEntries(names.map((name) => [name, lower.get(name.toLowerCase()) ?? '']));
}

/** The host answers an empty 404 where no function matches, also for a wrong method: this one says more. */
function registerFallback(routes: readonly Route[]): void {
  app.http('zz_fallback', {
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    route: '{*path}',
    authLevel: 'anonymous',
    handler: (request) => {
      const path = (request.params['path'] ?? '').replace(/\/+$/, '');
      const allowed = routes.filter((route) => matches(route.path, path)).map(({ method }) => method);
      const error =
        allowed.length > 0
          ? new AppError('method_not_allowed', `${request.method} is not possible here`, {
              headers: { allow: [...new Set(allowed)].join(', ') },
            })
          : new AppError('not_found', 'there is nothing at this path');
      return toInit(problemResponse(error));
    },
  });
}

function matches(template: string, path: string): boolean {
  const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`, 'i').test(path);
}

function toInit(response: PlainResponse): HttpResponseInit {
  return {
    status: response.status,
    headers: { ...response.headers },
    ...(response.body === undefined ? {} : { body: response.body }),
  };
}
