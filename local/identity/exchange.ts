/** Handles OAuth's HTTP: forms in, JSON out, errors by their registered names. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../host-check.ts';

const LONGEST_FORM_BYTES = 16 * 1024;

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2, `invalid_target` of RFC 8707, `login_required` of OpenID Connect */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'access_denied'
  | 'login_required';

export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly status: number;

  constructor(code: OAuthErrorCode, description: string, status = code === 'invalid_client' ? 401 : 400) {
    super(description);
    this.code = code;
    this.status = status;
  }
}

/** @throws OAuthError when it is not a form, is too large, or repeats a parameter */
export async function readForm(request: IncomingMessage): Promise<ReadonlyMap<string, string>> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_FORM_BYTES) throw new OAuthError('invalid_request', 'the body is too large', 413);
    chunks.push(chunk);
  }
  return once(new URLSearchParams(Buffer.concat(chunks).toString()));
}

/** A parameter must not be sent twice; an empty one counts as absent. RFC 6749 §3.1 */
export function once(parameters: URLSearchParams): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (result.has(name)) throw new OAuthError('invalid_request', `${name} is given twice`);
    if (value !== '') result.set(name, value);
  }
  return result;
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

export function answerPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    // Not no-referrer: the form's Origin would then be null.
    'referrer-policy': 'same-origin',
  });
  response.end(html);
}

export function redirect(
  response: ServerResponse,
  to: string,
  parameters: Record<string, string | undefined>,
) {
  const url = new URL(to);
  for (const [name, value] of Object.entries(parameters)) if (value) url.searchParams.set(name, value);
  response.writeHead(303, { location: url.href, 'cache-control': 'no-store' }).end();
}

/** Pages of this machine may read the answer, pages of other hosts may not. */
export function allowLoopbackOrigins(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  response.setHeader('vary', 'origin');
  if (!origin || !URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
  response.setHeader('access-control-allow-headers', 'authorization, content-type');
  response.setHeader('access-control-max-age', '600');
}
