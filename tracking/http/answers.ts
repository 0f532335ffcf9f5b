/** Plain HTTP: bodies in, answers and problems out, cross-origin rules, refusals of upgrades. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, toProblem } from '../../shared/errors.ts';

const MAX_BODY_BYTES = 256 * 1024;

/** @throws AppError 400, 413 or 415 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new AppError('unsupported_media_type', 'the body must be application/json');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new AppError('body_too_large', 'the body exceeds 256 KiB');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new AppError('malformed_json', 'the body is not JSON');
  }
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type':
      typeof body === 'string' ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

export function answerProblem(response: ServerResponse, error: AppError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(toProblem(error));
  response.writeHead(error.status, { ...problemHeaders(error), 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Refuses an upgrade in plain HTTP, as RFC 6455 §4.2.2 has it. */
export function refuseUpgrade(socket: Duplex, error: AppError): void {
  const text = JSON.stringify(toProblem(error));
  const headers = Object.entries({
    ...problemHeaders(error),
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  const head = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n');
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${head}\r\n\r\n${text}`);
  socket.once('finish', () => socket.destroy());
}

/** Headers of a streaming answer; proxies must not buffer it. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;

/** https://fetch.spec.whatwg.org/#http-cors-protocol */
export function allowOrigin(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): void {
  const { origin } = request.headers;
  response.setHeader('vary', 'Origin');
  if (!origin || !allowed.includes(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-headers', 'authorization, content-type, last-event-id');
  response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
  response.setHeader('access-control-max-age', '600');
}

function problemHeaders(error: AppError): Record<string, string> {
  const { retryAfterSeconds, headers } = error.options;
  return {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...headers,
  };
}
