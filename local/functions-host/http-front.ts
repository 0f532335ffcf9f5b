/** Serves the host's HTTP: the app's routes, `/admin`, the Durable API, and the home page. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isDiskFull } from '../disk-watch.ts';
import { createHostCheck, protect } from '../host-check.ts';
import { listen as listenOnLoopback } from '../loopback.ts';
import { type AdminContext, admin, challenge } from './admin.ts';
import type { Durable, EngineRequest, FunctionDefinition, Invocation } from './contract.ts';
import { type CorsSettings, createCors } from './cors.ts';
import { empty, rpcRequest, urlOf, writeResult } from './http-binding.ts';
import { stream } from './http-stream.ts';
import { readAsKestrel } from './incoming.ts';
import { holderOf, mayCall } from './keys.ts';
import type { HostLog } from './log.ts';
import { pause } from './retry.ts';
import type { Router } from './router.ts';

export interface HttpFrontContext extends AdminContext {
  readonly router: Router;
  readonly durable: () => Durable | undefined;
  /** Path of the in-process Durable client's calls: a secret, without slashes at its ends. */
  readonly rpcPath: string;
  readonly extraInputs: (definition: FunctionDefinition) => Invocation['inputs'];
  readonly log: HostLog;
}

/** https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits */
const MAX_BODY_BYTES = 104_857_600;
const MAX_HEADER_BYTES = 32 * 1024;
const KEEP_ALIVE_MS = 75_000;
/** Time that running requests get when the host stops. */
const GRACE_MS = 10_000;
const NOTHING = Buffer.alloc(0);
const DURABLE_PREFIX = 'runtime/webhooks/durabletask';

export interface HttpFront {
  readonly port: number;
  /** Answers every open request with 500. */
  abandon(): void;
  close(): Promise<void>;
}

export interface HttpFrontSettings {
  readonly cors: CorsSettings;
  /** Sent with every answer that has none of the same name. */
  readonly customHeaders: Readonly<Record<string, string>>;
}

export async function listen(
  port: number,
  context: () => HttpFrontContext | undefined,
  settings: HttpFrontSettings,
): Promise<HttpFront> {
  const open = new Set<ServerResponse>();
  const cors = createCors(settings.cors);
  const customHeaders = Object.entries(settings.customHeaders);
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      open.add(response);
      response.once('close', () => open.delete(response));
      if (!readAsKestrel(request)) return drained(request, response, 400);
      if (cors?.(request, response)) return request.resume();
      for (const [name, value] of customHeaders) response.setHeader(name, value);
      const ready = context();
      if (!ready) return empty(response, 503, { 'retry-after': '1' });
      answer(request, response, ready).catch((error: unknown) => {
        // A client that disconnects during its request is not a failure.
        if (request.destroyed && !request.complete) return;
        if (isDiskFull(error)) return fullDisk(response);
        ready.log('error', 'Host.Http', String(error));
        empty(response, 500);
      });
    },
  );
  protect(server, createHostCheck({ origins: settings.cors.origins }));
  return {
    port: await listenOnLoopback(server, port),
    abandon: () => abandon(open),
    close: () => stop(server, open),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpFrontContext,
): Promise<void> {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark));
  const inner = path.replace(/^\/+/, '');
  const method = request.method ?? 'GET';
  const call: Call = { path: inner, query, key: keyOf(request, query), method };
  if (inner === '' && (method === 'GET' || !context.router.find(method, path))) return home(response);
  if (/^admin(\/|$)/i.test(inner)) return administer(request, response, context, call);
  if (inner.toLowerCase().startsWith(DURABLE_PREFIX)) {
    const holder = holderOf(context.keys, call.key);
    if (holder === 'nobody' || holder === 'wrong')
      return drained(request, response, 401, {
        'www-authenticate': challenge(request.headers.authorization),
      });
    if (holder === 'host') return drained(request, response, 403);
    return durable(
      request,
      response,
      context,
      { ...call, path: inner.slice(DURABLE_PREFIX.length) },
      'public',
    );
  }
  if (inner.startsWith(`${context.rpcPath}/`)) {
    return durable(request, response, context, { ...call, path: inner.slice(context.rpcPath.length) }, 'rpc');
  }
  const found = context.router.find(method, path);
  if (!found) return drained(request, response, 404);
  const { definition } = found.route;
  if (!mayCall(found.route.authLevel, holderOf(context.keys, call.key, definition.name)))
    return drained(request, response, 401);
  const extraInputs = context.extraInputs(definition);
  if (context.app.httpUri) {
    await stream({ request, response, ...found, query, extraInputs }, context.app.httpUri, context);
    return;
  }
  const body = await readBody(request);
  if (!body) return empty(response, 500);
  const traceparent = request.headers['traceparent'];
  const data = rpcRequest(request, found.params, query, buffered(request, body));
  const result = await context.app.invoke(definition.name, {
    inputs: [{ name: definition.trigger.name, data }, ...extraInputs],
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
  });
  writeResult(response, result);
}

interface Call {
  /** Encoded, without the slash at its beginning. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  readonly method: string;
}

function keyOf(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const header = request.headers['x-functions-key'];
  return (Array.isArray(header) ? header[0] : header) ?? query.get('code') ?? undefined;
}

async function administer(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpFrontContext,
  { path, key, method }: Call,
): Promise<void> {
  const body = await readBody(request);
  if (!body) return empty(response, 500);
  const { 'content-type': contentType, authorization } = request.headers;
  const {
    status,
    headers,
    body: answered,
  } = admin({ method, path: path.slice('admin/'.length), key, contentType, authorization, body }, context);
  if (answered === undefined) empty(response, status, headers);
  else json(response, status, answered);
}

/** A refused request is read to its end, so that the connection can serve the next one. */
function drained(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  request.resume();
  empty(response, status, headers);
}

async function durable(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpFrontContext,
  { path, query, method }: Call,
  via: 'public' | 'rpc',
): Promise<void> {
  const engine = context.durable();
  if (!engine) return drained(request, response, 404);
  const body = await readBody(request);
  if (!body) return empty(response, 500);
  const url = urlOf(request);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
  const engineRequest: EngineRequest = { path, query, method, headers, url, body };
  const { status, headers: out, body: answered } = await engine.handle(engineRequest, via);
  response.writeHead(status, {
    ...out,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(answered ?? '') }),
  });
  response.end(answered);
}

/** A chunked body, which has no length, does not reach a function that gets its request buffered. */
function buffered(request: IncomingMessage, body: Buffer): Buffer {
  return request.headers['content-length'] === undefined ? Buffer.alloc(0) : body;
}

/** Undefined when the body is larger than the host allows. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if ((length === undefined || length === '0') && encoding === undefined) return NOTHING;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BODY_BYTES) return undefined;
  return Buffer.concat(chunks);
}

function home(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html><title>Functions</title><p>Your Functions app is up and running.</p>');
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function fullDisk(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy();
  response.setHeader('retry-after', '1');
  json(response, 503, { Message: 'The disk of this machine is full: make room, and try again.' });
}

function abandon(open: ReadonlySet<ServerResponse>): void {
  for (const response of open) {
    if (response.headersSent) response.destroy();
    else empty(response, 500, { connection: 'close' });
  }
}

/** Accepts no new connection; running requests have GRACE_MS to end. */
async function stop(server: Server, open: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const drained = Promise.all([...open].map((response) => once(response, 'close')));
  const grace = new AbortController();
  await Promise.race([drained, pause(GRACE_MS, grace.signal)]);
  grace.abort();
  server.closeAllConnections();
  await closed;
}
