/** The HTTP front of the host: the app's routes, `/admin`, the Durable API, and the home page. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AdminContext, admin } from './admin.ts';
import type { Durable, EngineRequest, FunctionDefinition, Invocation } from './contract.ts';
import { empty, rpcRequest, writeResult } from './http-binding.ts';
import { holderOf, mayCall } from './keys.ts';
import type { HostLog } from './log.ts';
import { pause } from './retry.ts';
import type { Router } from './router.ts';
import { textOf } from './settings.ts';

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
/** Requests that run when the host stops may go on for so long. */
const GRACE_MS = 10_000;
const HOST = '127.0.0.1';
const DURABLE_PREFIX = 'runtime/webhooks/durabletask';

export interface HttpFront {
  readonly port: number;
  close(): Promise<void>;
}

export async function listen(port: number, context: () => HttpFrontContext | undefined): Promise<HttpFront> {
  const open = new Set<ServerResponse>();
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      open.add(response);
      response.once('close', () => open.delete(response));
      const ready = context();
      if (!ready) return empty(response, 503, { 'retry-after': '1' });
      answer(request, response, ready).catch((error: unknown) => {
        ready.log('error', 'Host.Http', String(error));
        empty(response, 500);
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => stop(server, open) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpFrontContext,
): Promise<void> {
  const url = `http://${request.headers.host ?? HOST}${request.url ?? '/'}`;
  const [path = '/'] = (request.url ?? '/').split('?');
  const body = await readBody(request);
  if (!body) return empty(response, 500);
  const inner = path.replace(/^\/+/, '');
  const method = request.method ?? 'GET';
  if (inner === '' && (method === 'GET' || !context.router.find(method, path))) return home(response);
  const query = new URL(url).searchParams;
  const header = request.headers['x-functions-key'];
  const key = (Array.isArray(header) ? header[0] : header) ?? query.get('code') ?? undefined;
  if (/^admin\//i.test(inner)) {
    const { status, body: answered } = admin(
      {
        method,
        path: inner.slice('admin/'.length),
        key,
        contentType: request.headers['content-type'],
        body,
      },
      context,
    );
    return answered === undefined ? empty(response, status) : json(response, status, answered);
  }
  if (inner.toLowerCase().startsWith(DURABLE_PREFIX)) {
    const holder = holderOf(context.keys, key);
    if (holder === 'nobody' || holder === 'wrong')
      return empty(response, 401, { 'www-authenticate': 'Bearer' });
    if (holder === 'host') return empty(response, 403);
    return durable(
      request,
      response,
      context,
      { path: inner.slice(DURABLE_PREFIX.length), query, url, body },
      'public',
    );
  }
  if (inner.startsWith(`${context.rpcPath}/`)) {
    return durable(
      request,
      response,
      context,
      { path: inner.slice(context.rpcPath.length), query, url, body },
      'rpc',
    );
  }
  const found = context.router.find(method, path);
  if (!found) return empty(response, 404);
  const { definition } = found.route;
  const level = textOf(definition.trigger['authLevel'], 'anonymous');
  if (!mayCall(level, holderOf(context.keys, key, definition.name))) return empty(response, 401);
  const traceparent = request.headers['traceparent'];
  const started = performance.now();
  const result = await context.app.invoke(definition.name, {
    inputs: [
      {
        name: definition.trigger.name,
        data: rpcRequest(request, url, found.params, buffered(request, body)),
      },
      ...context.extraInputs(definition),
    ],
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
  });
  const took = Math.round(performance.now() - started);
  if (!result.ok)
    context.log('error', `Function.${definition.name}`, `failed in ${took}ms: ${String(result.error)}`);
  else
    context.log(
      'debug',
      `Function.${definition.name}`,
      `Executed 'Functions.${definition.name}' (Succeeded, Duration=${took}ms)`,
    );
  writeResult(response, result);
}

async function durable(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpFrontContext,
  call: { path: string; query: URLSearchParams; url: string; body: Buffer },
  via: 'public' | 'rpc',
): Promise<void> {
  const engine = context.durable();
  if (!engine) return empty(response, 404);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
  const engineRequest: EngineRequest = { ...call, method: request.method ?? 'GET', headers };
  const { status, headers: out, body } = await engine.handle(engineRequest, via);
  response.writeHead(status, {
    ...out,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body ?? '') }),
  });
  response.end(body);
}

/** A body that came in chunks, without a length, does not reach a function that is handed its request buffered. */
function buffered(request: IncomingMessage, body: Buffer): Buffer {
  return request.headers['content-length'] === undefined ? Buffer.alloc(0) : body;
}

/** Undefined when there is more than the host takes. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
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

/** Takes no new connection; requests that run have GRACE_MS to end. */
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
