/** Handles plain HTTP: reads bodies, writes answers and problems, applies the cross-origin rules, refuses upgrades. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { AppError, toProblem } from '../../shared/errors.ts';
import { describeErrors, parseJson, type Read, read } from '../../shared/read.ts';

const MAX_BODY_BYTES = 256 * 1024;

/**
 * Reads the body as JSON. Its headers are checked before any of it is read.
 *
 * @throws AppError 400, 413 or 415
 */
export async function readBody<S extends z.ZodType>(
  request: IncomingMessage,
  schema: S,
): Promise<Read<z.output<S>>> {
  const { headers } = request;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new AppError('unsupported_media_type', 'the body must be application/json');
  }
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'the body must not be compressed');
  }
  if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const parsed = parseJson(await bytesOf(request), 'body');
  if (!parsed.ok) throw new AppError('malformed_json', `the ${describeErrors(parsed.errors)}`);
  return read(schema, parsed.value, 'body');
}

/** Listens to events: iterating would destroy the connection before the answer is written. */
function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else {
      request.off('data', onData).pause();
      reject(tooLarge());
    }
  };
  request.on('data', onData);
  request.once('end', () => resolve(Buffer.concat(chunks)));
  const onBreak = () => reject(new AppError('malformed_json', 'the body is incomplete'));
  request.once('error', onBreak);
  request.once('close', onBreak);
  return promise;
}

const tooLarge = () => new AppError('body_too_large', `the body is larger than ${MAX_BODY_BYTES / 1024} KiB`);

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

/** Closes the connection if the request's body was not read to its end. */
export function answerProblem(request: IncomingMessage, response: ServerResponse, error: AppError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(toProblem(error));
  response.writeHead(error.status, {
    ...problemHeaders(error),
    'content-length': Buffer.byteLength(text),
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(text);
}

/** Refuses an upgrade in plain HTTP, as RFC 6455 §4.2.2 requires. */
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
  response.setHeader('access-control-allow-headers', 'authorization, content-type, last-event-id, prefer');
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
