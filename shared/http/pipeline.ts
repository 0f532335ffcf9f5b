/**
 * Takes a request through one route: authenticate, limit, authorize, validate, handle, answer. It knows no transport: HTTP
 * and in-process calls are treated alike.
 */
import type { z } from 'zod';
import { hasRole, type Principal } from '../auth/principal.ts';
import type { VerifyToken } from '../auth/verifier.ts';
import { Id } from '../contracts/common.ts';
import { AppError, type FieldError, toAppError, toProblem } from '../errors.ts';
import { conform, describeErrors, parseJson, read } from '../read.ts';
import type { Log } from '../telemetry/log.ts';
import type { Route, RouteInput, RouteOutput } from './define-route.ts';
import type { Idempotency } from './idempotency.ts';
import { countingRefusals, type Limits } from './limits.ts';
import type { RefusalLog } from './refusal-log.ts';
import { type BodySource, readBody } from './request-body.ts';

export interface PlainRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: BodySource;
  /** The client's, as the trusted proxies report it. */
  readonly address?: string;
  /** The caller, if the in-process transport already knows it. It is not limited. */
  readonly principal?: Principal;
}

export interface PlainResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** The circumstances of a call, which every handler gets beside its input. */
export interface Call {
  readonly principal: Principal;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export type Handler<T extends Route> = (input: RouteInput<T>, call: Call) => Promise<RouteOutput<T>>;

/** A route with its handler, as the registry holds it: their types were checked when the two were joined. */
export interface Endpoint {
  readonly route: Route;
  readonly handler: (
    input: { params: unknown; query: unknown; body: unknown },
    call: Call,
  ) => Promise<unknown>;
}

export function endpoint<T extends Route>(route: T, handler: Handler<T>): Endpoint {
  return { route, handler: handler as unknown as Endpoint['handler'] };
}

export interface PipelineDeps {
  readonly verify: VerifyToken;
  readonly log: Log;
  readonly limits?: Limits;
  readonly onRefusal?: RefusalLog;
  /** Needed where a route leaves the keys of its callers to the adapter. */
  readonly idempotency?: Idempotency;
}

const ANONYMOUS: Principal = { subject: 'anonymous', roles: [] };

/** Never rejects: every failure is an answer. */
export async function serve(
  endpoint: Endpoint,
  request: PlainRequest,
  deps: PipelineDeps,
): Promise<PlainResponse> {
  const { route } = endpoint;
  try {
    const principal = request.principal ?? (await admit(route, request, deps));
    authorize(route, principal);
    const errors: FieldError[] = [];
    const params = parse(route.params, request.params, 'path', errors);
    const query = parse(route.query, request.query, 'query', errors);
    const body = parse(route.body, await bodyOf(route, request), 'body', errors);
    if (errors.length > 0) throw invalid(errors);
    const log = deps.log.child({ route: route.functionName });
    const { headers } = request;
    const handle = async () => {
      const result = await endpoint.handler({ params, query, body }, { principal, headers, log });
      return answer(route, result as Result);
    };
    const key = headers['idempotency-key'];
    if (!key || route.idempotency !== 'adapter' || hasRole(principal, 'service')) return await handle();
    if (!deps.idempotency) throw new Error(`${route.functionName} has no store of idempotency keys`);
    const keyed = [route.functionName, params, query, body, headers['if-match']];
    return await deps.idempotency.once({ key, principal, request: keyed }, handle);
  } catch (thrown) {
    const error = toAppError(thrown);
    deps.onRefusal?.(route, error);
    if (error.status >= 500) {
      deps.log.error(
        { route: route.functionName, code: error.code, err: error.options.cause ?? error },
        error.message,
      );
    }
    return problemResponse(error);
  }
}

export function invalid(errors: readonly FieldError[]): AppError {
  return new AppError('invalid_request', describeErrors(errors), { errors });
}

export function problemResponse(error: AppError): PlainResponse {
  return {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.options.retryAfterSeconds === undefined
        ? {}
        : { 'retry-after': String(Math.ceil(error.options.retryAfterSeconds)) }),
      ...(error.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...error.options.headers,
    },
    body: JSON.stringify(toProblem(error)),
  };
}

/** The caller, unless it has reached a limit. @throws AppError 400, 401, 429, or 503 when the identity provider is away */
async function admit(
  route: Route,
  request: PlainRequest,
  { verify, limits }: PipelineDeps,
): Promise<Principal> {
  if (route.auth === 'public') {
    await limits?.anonymous(request.address);
    return ANONYMOUS;
  }
  const principal = await countingRefusals(() => authenticate(request, verify), limits, request.address);
  await limits?.principal(principal, request.address);
  return principal;
}

async function authenticate(request: PlainRequest, verify: VerifyToken): Promise<Principal> {
  const header = request.headers['authorization'];
  const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  if (!token) throw new AppError('token_missing', 'send a bearer token in the Authorization header');
  const principal = await verify(token);
  const acting = request.headers['x-account-id'];
  return acting && hasRole(principal, 'service', 'operator')
    ? { ...principal, accountId: accountOf(acting) }
    : principal;
}

function accountOf(header: string): string {
  const result = read(Id, header, 'header.x-account-id');
  if (result.ok) return result.value;
  throw invalid(result.errors);
}

function authorize(route: Route, principal: Principal): void {
  if (route.auth === 'public' || hasRole(principal, ...route.auth)) return;
  throw new AppError('forbidden', `this needs the role ${route.auth.join(' or ')}`);
}

async function bodyOf(route: Route, request: PlainRequest): Promise<unknown> {
  if (!route.hasBody) return undefined;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const bytes = await readBody(request.body, request.headers, route.maxBodyBytes);
  if (!bytes || bytes.byteLength === 0) return undefined;
  if (type !== 'application/json' && type !== route.contentType) {
    throw new AppError('unsupported_media_type', `send the body as ${route.contentType}`, {
      errors: [{ path: 'header.content-type', message: `is not ${route.contentType}` }],
    });
  }
  const parsed = parseJson(bytes, 'body');
  if (parsed.ok) return parsed.value;
  const { errors } = parsed;
  throw new AppError('malformed_json', `the body ${errors[0]?.message}`, { errors });
}

function parse(schema: z.ZodType, value: unknown, where: string, errors: FieldError[]): unknown {
  const result = read(schema, value, where);
  if (result.ok) return result.value;
  errors.push(...result.errors);
  return undefined;
}

interface Result {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fields that the contract does not name are left out; an answer that breaks the contract is the server's fault. */
function answer(route: Route, { status, body, headers }: Result): PlainResponse {
  const schema = route.responses[status];
  if (schema === undefined)
    throw new Error(`${route.functionName} answered ${status}, which its contract does not name`);
  if (route.versioned && status !== 202 && route.method !== 'DELETE' && !headers?.['etag'])
    throw new Error(`${route.functionName} answered ${status} without an ETag`);
  const value = schema === null ? undefined : conform(schema, body);
  if (value instanceof Uint8Array) {
    return { status, headers: { 'content-type': 'application/octet-stream', ...headers }, body: value };
  }
  const text = schema === null ? undefined : JSON.stringify(value);
  return {
    status,
    headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: text,
  };
}
