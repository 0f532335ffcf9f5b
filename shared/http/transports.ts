/** The two transports of calls between services: in this process, or over HTTP with the service's own token. */
import type { Principal } from '../auth/principal.ts';
import { withDeadline } from '../deadline.ts';
import { AppError } from '../errors.ts';
import type { ServiceName } from '../service-names.ts';
import { traceContext } from '../telemetry/trace-context.ts';
import type { Transport } from './client.ts';
import { type Endpoint, type PipelineDeps, serve } from './pipeline.ts';

/** Endpoints of the services that live in this process, by function name. */
export type EndpointRegistry = ReadonlyMap<string, Endpoint>;

/** Calls go through the whole pipeline, as the principal of the calling service. */
export function inProcess(caller: ServiceName, registry: EndpointRegistry, deps: PipelineDeps): Transport {
  return async (call) => {
    const target = registry.get(call.route.functionName);
    if (!target) {
      throw new AppError('dependency_failed', `${call.route.functionName} is not served by this app`);
    }
    const accountId = call.headers['x-account-id'];
    const principal: Principal = { subject: caller, roles: ['service'], ...(accountId ? { accountId } : {}) };
    const work = serve(
      target,
      {
        method: call.route.method,
        params: call.params,
        query: call.query,
        headers: call.headers,
        body: call.body === undefined ? undefined : Buffer.from(call.body),
        principal,
      },
      deps,
    );
    return withDeadline(work, call.timeoutMs, call.route.operation);
  };
}

export interface HttpTransportOptions {
  /** Origin of the app that has the service, e.g. `https://func-drone.azurewebsites.net`. */
  readonly origin: string;
  /** A token of this service for the callee's audience. */
  readonly token: () => Promise<string>;
}

export function overHttp(options: HttpTransportOptions): Transport {
  return async (call) => {
    const path = call.route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(call.params[name] ?? ''),
    );
    const query = new URLSearchParams(call.query).toString();
    try {
      const response = await fetch(`${options.origin}/api/${path}${query ? `?${query}` : ''}`, {
        method: call.route.method,
        headers: {
          ...call.headers,
          authorization: `Bearer ${await options.token()}`,
          ...traceContext(),
        },
        ...(call.body === undefined ? {} : { body: call.body }),
        signal: AbortSignal.timeout(call.timeoutMs),
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      };
    } catch (error) {
      if (error instanceof AppError) throw error;
      const late = error instanceof Error && error.name === 'TimeoutError';
      throw new AppError(
        late ? 'deadline_exceeded' : 'dependency_unavailable',
        `${call.route.service} ${late ? 'did not answer in time' : 'cannot be reached'}`,
        { cause: error, retryAfterSeconds: 1 },
      );
    }
  };
}
