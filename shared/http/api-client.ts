/**
 * The client of the public API for pages, simulator and tests, typed by the route definitions. The contracts give types
 * only, so no schema is loaded at run time; services that call each other also check the answers (client.ts).
 */
import type { z } from 'zod';
import type { Method, Route } from './define-route.ts';

/** Method and path of a route; `contract` carries its type and has no value. Made by scripts/routes.ts. */
export interface RouteRef<T extends Route = Route> {
  readonly method: Method;
  /** Below `/api/`; parameters as `{name}`. */
  readonly path: string;
  /** Default: JSON. */
  readonly contentType?: string;
  readonly contract?: T;
}

/** A member that may be left out where the contract requires nothing in it. */
type Part<K extends string, V> = undefined extends V
  ? { readonly [P in K]?: V }
  : Record<never, never> extends V
    ? { readonly [P in K]?: V }
    : { readonly [P in K]: V };

interface CommonOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type CallOptions<T extends Route> = CommonOptions &
  Part<'params', z.input<T['params']>> &
  Part<'query', z.input<T['query']>> &
  (undefined extends z.input<T['body']>
    ? { readonly body?: undefined }
    : { readonly body: z.input<T['body']> });

/** The options may be left out when the contract requires none. */
export type CallArguments<T extends Route> =
  Record<never, never> extends CallOptions<T> ? [options?: CallOptions<T>] : [options: CallOptions<T>];

export type Success<T extends Route> = {
  [S in keyof T['responses'] & number]: {
    readonly ok: true;
    readonly status: S;
    readonly headers: Headers;
    readonly body: SuccessBody<T, S>;
  };
}[keyof T['responses'] & number];

type SuccessBody<T extends Route, S extends keyof T['responses']> = T['responses'][S] extends z.ZodType
  ? z.output<T['responses'][S]>
  : undefined;

/** Any other status; the body is problem+json if the service itself answered. */
export interface Refusal {
  readonly ok: false;
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Rejects only when no answer arrives. */
export type ApiClient = <T extends Route>(
  route: RouteRef<T>,
  ...options: CallArguments<T>
) => Promise<Success<T> | Refusal>;

export interface ApiClientOptions {
  /** Origin of the API, without `/api`; empty for the page's own. */
  readonly origin: string;
  /** An access token; undefined calls without one. */
  readonly token: () => Promise<string | undefined> | string | undefined;
}

export function createApiClient({ origin, token }: ApiClientOptions): ApiClient {
  return async <T extends Route>(route: RouteRef<T>, ...[options]: CallArguments<T>) => {
    const { params, query, body, headers, signal } = (options ?? {}) as LooseOptions;
    const bearer = await token();
    const response = await fetch(`${origin}${pathOf(route, params, query)}`, {
      method: route.method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': route.contentType ?? 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
    const answer = { ok: response.ok, status: response.status, headers: response.headers };
    return { ...answer, body: await bodyOf(response) } as
      | Success<typeof route extends RouteRef<infer T> ? T : Route>
      | Refusal;
  };
}

interface LooseOptions extends CommonOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

function pathOf({ path }: RouteRef, params: LooseOptions['params'], query: LooseOptions['query']): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params?.[name])));
  const named = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(
    named.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return `/api/${filled}${search === '' ? '' : `?${search}`}`;
}

/** Undefined for an empty answer and for one that is not JSON, such as a proxy's page. */
async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
