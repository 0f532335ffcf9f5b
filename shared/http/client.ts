/**
 * The typed client of a service's contract. A transport carries the call: over HTTP to another app, or in this process.
 * Both round-trip JSON and use the same validation and authorization.
 */
import type { z } from 'zod';
import { AppError, CODES, type ErrorCode, type Problem } from '../errors.ts';
import { describeErrors, parseJson, readJson } from '../read.ts';
import { inChildSpan } from '../telemetry/trace.ts';
import type { Route } from './define-route.ts';
import type { PlainResponse } from './pipeline.ts';

export interface TransportCall {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Milliseconds until the caller gives up. */
  readonly timeoutMs: number;
}

/** Carries one call; rejects with an AppError (retryable) when there is no answer. */
export type Transport = (call: TransportCall) => Promise<PlainResponse>;

export interface CallOptions<T extends Route> {
  readonly params?: z.input<T['params']>;
  readonly query?: z.input<T['query']>;
  readonly body?: z.input<T['body']>;
  /** The account that the calling service acts for. */
  readonly accountId?: string;
  readonly ifMatch?: string;
  readonly idempotencyKey?: string;
  readonly timeoutMs?: number;
}

export type Answer<T extends Route> = {
  [S in keyof T['responses'] & number]: {
    readonly status: S;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: T['responses'][S] extends z.ZodType ? z.output<T['responses'][S]> : undefined;
  };
}[keyof T['responses'] & number];

/** @throws AppError with the code of the service's problem+json for every status that the route does not declare */
export type Client = <T extends Route>(route: T, options?: CallOptions<T>) => Promise<Answer<T>>;

const DEFAULT_TIMEOUT_MS = 10_000;

export function createClient(transport: Transport): Client {
  return async (route, options = {}) => {
    const { service, method, path } = route;
    const span = {
      kind: 'client',
      attributes: { service, 'http.request.method': method, 'http.route': `/api/${path}` },
    } as const;
    const response = await inChildSpan(`${service} ${route.operation}`, span, async (add) => {
      const answer = await transport({
        route,
        params: asText(options.params),
        query: asText(options.query),
        headers: {
          ...(options.accountId ? { 'x-account-id': options.accountId } : {}),
          ...(options.ifMatch ? { 'if-match': options.ifMatch } : {}),
          ...(options.idempotencyKey ? { 'idempotency-key': options.idempotencyKey } : {}),
          ...(options.body === undefined ? {} : { 'content-type': route.contentType }),
        },
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
        timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      });
      add({ 'http.response.status_code': answer.status });
      return answer;
    });
    const declared = route.responses[response.status];
    if (declared === undefined) throw errorOf(route, response);
    const body = declared === null ? undefined : bodyOf(route, response, declared);
    return { status: response.status, headers: response.headers, body } as Answer<typeof route>;
  };
}

function bodyOf(route: Route, response: PlainResponse, schema: z.ZodType): unknown {
  const result = readJson(schema, response.body ?? 'null', 'body');
  if (result.ok) return result.value;
  const detail = `the answer of ${route.service} to ${route.operation} does not fit its contract`;
  throw new AppError('dependency_failed', detail, { cause: new Error(describeErrors(result.errors)) });
}

function asText(values: unknown): Record<string, string> {
  const entries = Object.entries((values ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined).map(([key, value]) => [key, String(value)]),
  );
}

function errorOf(route: Route, response: PlainResponse): AppError {
  const retryAfter = Number(response.headers['retry-after']);
  const options = Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {};
  const problem = problemOf(response);
  if (problem) {
    const { type: _type, title: _title, status: _status, code, detail, errors, ...facts } = problem;
    return new AppError(code, detail, { ...options, facts, ...(errors ? { errors } : {}) });
  }
  const code: ErrorCode =
    response.status >= 500 || response.status === 429 ? 'dependency_unavailable' : 'dependency_failed';
  return new AppError(code, `${route.service} answered ${response.status} to ${route.operation}`, options);
}

function problemOf(response: PlainResponse): Problem | undefined {
  const parsed = parseJson(response.body ?? '');
  const body = parsed.ok ? (parsed.value as Partial<Problem> | null) : null;
  return body?.code && Object.hasOwn(CODES, body.code) ? (body as Problem) : undefined;
}
