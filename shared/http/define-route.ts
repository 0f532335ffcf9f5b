/**
 * Declares a route: method, path, roles, input and answers. Registration, validation, authorization, OpenAPI and the typed
 * client all read this declaration. A route is data: its handler is given elsewhere.
 */
import { z } from 'zod';
import type { Role } from '../auth/principal.ts';
import type { ServiceName } from '../service-names.ts';

/** A larger body is refused unless its route allows more; bytes. */
export const MAX_BODY_BYTES = 256 * 1024;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** `idempotency-key`: the same key and body make one effect. `if-match`: 412 unless the resource still has this ETag. */
export type HonouredHeader = 'idempotency-key' | 'if-match';

/** Who keeps the keys of a write: the adapter, with the answer; the handler, together with the effect; nobody. */
export type Idempotency = 'adapter' | 'handler' | 'none';

/** The body of an answer that is not JSON; its handler names the content type. */
export const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** A schema for a JSON body, `Bytes`, or `null` for an answer without one. */
export type Responses = Readonly<Record<number, z.ZodType | null>>;

const Nothing = z.strictObject({});
const NoBody = z.undefined();

export interface Route<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends Responses = Responses,
> {
  readonly service: ServiceName;
  /** Unique within the service; the name of the typed client's method. */
  readonly operation: string;
  readonly method: Method;
  /** Below `/api/`, without a leading slash; parameters as `{name}`. */
  readonly path: string;
  readonly summary: string;
  /** Roles, one of which the caller needs, or `public`. */
  readonly auth: 'public' | readonly Role[];
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly hasBody: boolean;
  /** A larger body is refused. */
  readonly maxBodyBytes: number;
  readonly contentType: string;
  /** Its answers carry the resource's `ETag`; a write honours `If-Match`. */
  readonly versioned: boolean;
  readonly idempotency: Idempotency;
  /** Request headers that are honoured, which follows from the two above; OpenAPI names these and no others. */
  readonly honours: readonly HonouredHeader[];
  readonly responses: R;
  /** Name of the function in the host, see `functionNameOf`. */
  readonly functionName: string;
}

interface RouteSpec<P, Q, B, R> {
  readonly service: ServiceName;
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly auth: 'public' | readonly Role[];
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Default: 256 KiB. */
  readonly maxBodyBytes?: number;
  readonly contentType?: string;
  readonly versioned?: true;
  /** Default: the adapter keeps the keys of every write that people make. Calls between services: idempotent-call.ts. */
  readonly idempotency?: 'handler' | 'none';
  readonly responses: R;
}

export function defineRoute<
  const R extends Responses,
  P extends z.ZodType = typeof Nothing,
  Q extends z.ZodType = typeof Nothing,
  B extends z.ZodType = typeof NoBody,
>(spec: RouteSpec<P, Q, B, R>): Route<P, Q, B, R> {
  const idempotency = spec.idempotency ?? (isWriteOfPeople(spec) ? 'adapter' : 'none');
  return {
    ...spec,
    params: spec.params ?? (Nothing as unknown as P),
    query: spec.query ?? (Nothing as unknown as Q),
    body: spec.body ?? (NoBody as unknown as B),
    hasBody: spec.body !== undefined,
    maxBodyBytes: spec.maxBodyBytes ?? MAX_BODY_BYTES,
    contentType: spec.contentType ?? 'application/json',
    versioned: spec.versioned ?? false,
    idempotency,
    honours: [
      ...(idempotency === 'none' ? [] : ['idempotency-key' as const]),
      ...(spec.versioned && spec.method !== 'GET' ? ['if-match' as const] : []),
    ],
    functionName: functionNameOf(spec),
  };
}

const PEOPLE: ReadonlySet<Role> = new Set(['customer', 'account-admin', 'operator']);

function isWriteOfPeople({ method, auth }: Pick<Route, 'method' | 'auth'>): boolean {
  return method !== 'GET' && auth !== 'public' && auth.some((role) => PEOPLE.has(role));
}

/**
 * The host takes the first matching route by function name (ordinal), not the most specific one, so names put literal
 * segments (`0`) before parameters (`9`): `drone_0dronedeliveries_0utilization_GET` < `drone_0dronedeliveries_9deliveryId_GET`.
 */
export function functionNameOf(route: { service: string; path: string; method: string }): string {
  const segments = route.path
    .split('/')
    .map((segment) => (segment.startsWith('{') ? `9${segment.slice(1, -1)}` : `0${segment}`));
  return [route.service, ...segments, route.method].join('_');
}

/** The input of a handler. */
export interface RouteInput<T extends Route> {
  readonly params: z.output<T['params']>;
  readonly query: z.output<T['query']>;
  readonly body: z.output<T['body']>;
}

/** The answer of a handler: one of the declared statuses with its body. */
export type RouteOutput<T extends Route> = {
  [S in keyof T['responses'] & number]: {
    readonly status: S;
    readonly headers?: Readonly<Record<string, string>>;
  } & (T['responses'][S] extends z.ZodType
    ? { readonly body: z.input<T['responses'][S]> }
    : { readonly body?: undefined });
}[keyof T['responses'] & number];
