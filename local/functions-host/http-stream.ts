/**
 * Streams HTTP: forwards a request to the server that `@azure/functions` opened (capability HttpUri), and its answer as it is produced.
 *
 * T1 For a function that does not answer (it threw, or returned no response), the host answers an empty 500 at once; the real host does so
 *    after 240 s. The connection of one that fails after its first chunk is cut at once; there, after 240 s. A warning says so.
 * T2 A client that goes away takes its forwarded request with it.
 * T3 A kept connection that the server has closed at the moment of the request loses none: a request without a body is sent again on a new
 *    one, a request with a body has a connection of its own.
 * Source: Azure/azure-functions-host, DefaultHttpProxyService.cs; the timeout is YARP's ActivityTimeout as the real host was seen to keep it.
 */
import { randomUUID } from 'node:crypto';
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { FunctionApp, Invocation, RpcTypedData } from './contract.ts';
import { empty } from './http-binding.ts';
import type { HostLog } from './log.ts';
import type { HttpRoute } from './router.ts';

export interface StreamCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly extraInputs: Invocation['inputs'];
}

export interface StreamContext {
  readonly app: FunctionApp;
  readonly log: HostLog;
}

/** Resolves when the function and its answer are over. `httpUri` ends with a slash. */
export async function stream(call: StreamCall, httpUri: string, context: StreamContext): Promise<void> {
  const { request, response, route } = call;
  const { definition } = route;
  const invocationId = randomUUID();
  const forwarded = forward(call, httpUri, invocationId);
  const result = await context.app.invoke(definition.name, {
    invocationId,
    inputs: [{ name: definition.trigger.name, data: { http: {} } }, ...call.extraInputs],
    triggerMetadata: metadataOf(request, call.params, call.query),
  });
  // The library has already written its answer, which may still be on its way.
  if (result.ok && (response.headersSent || (await forwarded.begun()))) return forwarded.over;
  const why = result.ok ? 'it returned no response' : `it failed: ${String(result.error)}`;
  const later = response.headersSent ? 'cuts the connection' : 'answers 500';
  context.log(
    'warning',
    `Function.${definition.name}`,
    `'${definition.name}' did not end its streamed answer (${why}); a real host ${later} after 240 s, this one at once`,
  );
  forwarded.abandon();
  if (response.headersSent) response.destroy();
  else empty(response, 500);
}

interface Forwarded {
  /** Whether the library begins an answer now that the function has ended. */
  begun(): Promise<boolean>;
  readonly over: Promise<void>;
  abandon(): void;
}

/** Time within which an answer that the library has written reaches this process, ms of a free event loop. */
const ARRIVAL_MS = 100;

/** Keeps connections alive: one that closes with its answer would be reset if the function did not read the body. */
const kept = new Agent({ keepAlive: true });

/** A new connection for each request, which ends after its answer. */
class UnsharedAgent extends Agent {
  override keepSocketAlive(): boolean {
    return false;
  }
}
const unshared = new UnsharedAgent({ keepAlive: true });

function forward({ request, response }: StreamCall, httpUri: string, invocationId: string): Forwarded {
  const { port } = new URL(httpUri);
  const begun = Promise.withResolvers<boolean>();
  const over = Promise.withResolvers<void>();
  let isAbandoned = false;
  let isAnswered = false;
  const take = (answer: IncomingMessage) => {
    isAnswered = true;
    begun.resolve(true);
    const {
      connection: _connection,
      'transfer-encoding': _encoding,
      'keep-alive': _keep,
      ...headers
    } = answer.headers;
    response.writeHead(answer.statusCode ?? 200, headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('end', over.resolve);
    answer.on('error', () => response.destroy());
    answer.on('close', over.resolve);
  };
  const open = (agent: Agent): ClientRequest => {
    const opened = send({
      host: '127.0.0.1',
      port,
      method: request.method ?? 'GET',
      // The real proxy encodes an encoded slash once more.
      path: (request.url ?? '/').replace(/%2f/gi, '%252F'),
      headers: forwardedHeaders(request, invocationId),
      agent,
    });
    opened.on('response', take);
    opened.on('error', () => {
      if (opened.reusedSocket && !isAbandoned && !isAnswered) {
        inner = open(unshared);
        inner.end();
        return;
      }
      begun.resolve(false);
      over.resolve();
    });
    return opened;
  };
  let inner = open(hasBody(request) ? unshared : kept);
  const abandon = () => {
    isAbandoned = true;
    inner.destroy();
  };
  response.once('close', abandon);
  request.pipe(inner);
  return {
    begun: () => {
      const late = setTimeout(() => setImmediate(() => setImmediate(() => begun.resolve(false))), ARRIVAL_MS);
      return begun.promise.finally(() => clearTimeout(late));
    },
    over: over.promise,
    abandon,
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Keeps the lines as they arrived: a repeated header stays repeated, as through the real proxy. */
function forwardedHeaders(request: IncomingMessage, invocationId: string): string[] {
  const own = {
    'x-ms-invocation-id': invocationId,
    'x-forwarded-host': request.headers.host ?? '',
    'x-forwarded-proto': 'http',
  };
  const lines: string[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string;
    if (!Object.hasOwn(own, name.toLowerCase())) lines.push(name, request.rawHeaders[index + 1] as string);
  }
  for (const [name, value] of Object.entries(own)) lines.push(name, value);
  return lines;
}

/** Of a repeated key, the last value counts. https://github.com/Azure/azure-webjobs-sdk-extensions, HttpRequestExtensions.cs */
function lastOfEach(search: URLSearchParams): Record<string, string> {
  const last = new Map<string, readonly [string, string]>();
  for (const [name, value] of search)
    last.set(name.toLowerCase(), [last.get(name.toLowerCase())?.[0] ?? name, value]);
  return Object.fromEntries(last.values());
}

/** Values of the query leak into the parameters, as on the real host; those of the route win, the key stays out. */
function metadataOf(
  request: IncomingMessage,
  params: Readonly<Record<string, string>>,
  search: URLSearchParams,
): Record<string, RpcTypedData> {
  const query = lastOfEach(search);
  const { code: _code, ...leaking } = query;
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
  const metadata: Record<string, RpcTypedData> = {
    Headers: { json: JSON.stringify(headers) },
    Query: { json: JSON.stringify(query) },
  };
  for (const [name, value] of Object.entries({ ...leaking, ...params })) metadata[name] = { string: value };
  return metadata;
}
