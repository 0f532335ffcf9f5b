/** Converts an HTTP request for the library, and writes the library's (buffered) answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InvocationResult, RpcTypedData } from './contract.ts';

interface Nullable {
  readonly value?: string | boolean | number | { readonly seconds?: number };
}

interface RpcCookie {
  readonly name?: string;
  readonly value?: string;
  readonly domain?: Nullable;
  readonly path?: Nullable;
  readonly expires?: Nullable;
  readonly secure?: Nullable;
  readonly httpOnly?: Nullable;
  readonly sameSite?: string;
  readonly maxAge?: Nullable;
}

interface RpcHttpResponse {
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly RpcCookie[];
  readonly body?: { readonly bytes?: Uint8Array; readonly string?: string };
}

/** Node sends head and body in one write where the body is text; bytes and Latin-1 are the same. */
const ONE_WRITE_BYTES = 16 * 1024;

const wrap = (values: Iterable<readonly [string, string]>) =>
  Object.fromEntries([...values].map(([key, value]) => [key, { value }]));

/** Several values of a key become one text, joined by commas; keys that differ only in case are the same. */
function queryOf(search: URLSearchParams): Map<string, string> {
  const byKey = new Map<string, { name: string; values: string[] }>();
  for (const [name, value] of search) {
    const known = byKey.get(name.toLowerCase());
    if (known) known.values.push(value);
    else byKey.set(name.toLowerCase(), { name, values: [value] });
  }
  return new Map([...byKey.values()].map(({ name, values }) => [name, values.join(',')]));
}

/** Absolute, from the client's Host header. */
export function urlOf(request: IncomingMessage): string {
  return `http://${request.headers.host ?? '127.0.0.1'}${request.url ?? '/'}`;
}

export function rpcRequest(
  request: IncomingMessage,
  params: Record<string, string>,
  search: URLSearchParams,
  body: Buffer,
): RpcTypedData {
  const headers = Object.entries(request.headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)] as const,
  );
  const method = request.method ?? 'GET';
  const hasBody = body.length > 0 && method !== 'GET' && method !== 'HEAD';
  return {
    http: {
      method,
      url: urlOf(request),
      nullableHeaders: wrap(headers),
      nullableQuery: wrap(queryOf(search)),
      nullableParams: wrap(Object.entries(params)),
      ...(hasBody ? { body: { bytes: body } } : {}),
    },
  };
}

/** Writes the function's result; anything but a valid answer becomes an empty 500, as on the real host. */
export function writeResult(response: ServerResponse, result: InvocationResult): void {
  if (!result.ok) return empty(response, 500);
  const { returnValue } = result;
  if (returnValue === undefined || returnValue === null) return empty(response, 204);
  const http = (returnValue as { http?: RpcHttpResponse }).http;
  const status = Number(http?.statusCode ?? 200);
  if (!http || !Number.isInteger(status) || status < 100 || status > 599) return empty(response, 500);
  const bytes =
    http.body?.bytes ?? (http.body?.string === undefined ? undefined : Buffer.from(http.body.string));
  const cookies = (http.cookies ?? []).map(serializeCookie);
  const bodiless = status === 204 || status === 304;
  response.writeHead(status, {
    ...http.headers,
    ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}),
    ...(bodiless ? {} : { 'content-length': bytes?.length ?? 0 }),
  });
  if (bodiless || !bytes) response.end();
  else if (bytes.length > ONE_WRITE_BYTES) response.end(bytes);
  else response.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), 'latin1');
}

export function empty(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return;
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': 0 });
  response.end();
}

function serializeCookie(cookie: RpcCookie): string {
  const value = <T>(of: Nullable | undefined): T | undefined => of?.value as T | undefined;
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value ?? '')}`];
  const expires = value<{ seconds?: number }>(cookie.expires)?.seconds;
  if (expires !== undefined) parts.push(`expires=${new Date(Number(expires) * 1000).toUTCString()}`);
  const maxAge = value<number>(cookie.maxAge);
  if (maxAge !== undefined) parts.push(`max-age=${maxAge}`);
  const domain = value<string>(cookie.domain);
  if (domain) parts.push(`domain=${domain}`);
  parts.push(`path=${value<string>(cookie.path) ?? '/'}`);
  if (value<boolean>(cookie.secure)) parts.push('secure');
  if (cookie.sameSite && cookie.sameSite !== 'none')
    parts.push(`samesite=${cookie.sameSite === 'explicitNone' ? 'none' : cookie.sameSite}`);
  if (value<boolean>(cookie.httpOnly)) parts.push('httponly');
  return parts.join('; ');
}
