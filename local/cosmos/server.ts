/** Serves Cosmos DB on loopback: HTTP in front of the store, for the unmodified SDK in gateway mode. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createDiskWatch, type DiskWatch } from '../disk-watch.ts';
import { createHostCheck, protect } from '../host-check.ts';
import { closeAll, LOOPBACK, listen } from '../loopback.ts';
import { checkMasterKey, EMULATOR_KEY, unauthorized } from './auth.ts';
import { failureCharge } from './charges.ts';
import { CosmosError } from './errors.ts';
import { createFaults, type Faults } from './faults.ts';
import { createItemStore } from './items.ts';
import { createRequestCounter, type RequestCounter, type RequestCounts } from './request-counter.ts';
import { type Answer, isQuery, type Request, type RouteContext } from './responses.ts';
import { operationOf, route } from './routes.ts';
import { Store } from './store.ts';

export interface CosmosOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  /** Base64; default: the documented key of Microsoft's emulator. */
  readonly key?: string;
  /** A second listener, which also accepts tokens. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port?: number };
  /** Whether the bearer may do this. Rejects when the token is not valid. */
  readonly verifyToken?: (token: string, container: string, operation: string) => Promise<boolean>;
  readonly now?: () => number;
  /** Physical partitions of every container: with two or more, queries that a client must merge need a plan, as in Azure. */
  readonly partitionRanges?: number;
  /** Called with a line when the disk is full, and when it has room again. Default: stderr. */
  readonly warn?: (line: string) => void;
}

export interface CosmosServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly endpoint: string;
  readonly key: string;
  readonly connectionString: string;
  readonly faults: Faults;
  /** Number of requests since the start: `{drones: {read: 2}}`; requests that concern no container are counted under ''. */
  readonly requests: () => RequestCounts;
  close(): Promise<void>;
}

/** Above the client's keep-alive, so that no request meets a closing connection. */
const KEEP_ALIVE_MS = 75_000;
/** Item, batch and query bodies stay below; the service's own limit of a request is 2 MB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A body that is too large is still read up to this size, so that the client gets the answer; beyond it the connection is cut. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;
const METADATA_CHARGE = 1;
const ENCODED_AT_ONCE = 4_096;

export async function startCosmos(options: CosmosOptions): Promise<CosmosServer> {
  const { key = EMULATOR_KEY, partitionRanges = 2 } = options;
  const store = new Store(options.dataDir, options.now ?? Date.now);
  const faults = createFaults();
  const counter = createRequestCounter();
  const context: RouteContext = {
    store,
    items: createItemStore(store),
    ranges: partitionRanges,
  };
  const disk = createDiskWatch(options.warn ?? ((line) => process.stderr.write(`cosmos: ${line}\n`)));
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response, context, faults, { key, disk, counter, ...options });
  };
  const servers: Server[] = [createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handler)];
  if (options.tls)
    servers.push(createTlsServer({ ...options.tls, keepAliveTimeout: KEEP_ALIVE_MS }, handler));
  for (const server of servers) protect(server, createHostCheck());
  let ports: readonly number[];
  try {
    ports = await Promise.all(
      servers.map((server, index) => listen(server, index === 0 ? options.port : (options.tls?.port ?? 0))),
    );
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
  const [port, tlsPort] = ports as [number, number | undefined];
  const endpoint = `http://${LOOPBACK}:${port}/`;
  const close = async () => {
    store.notices[Symbol.dispose]();
    await Promise.all(servers.map(closeAll));
    store[Symbol.dispose]();
  };
  return {
    port,
    tlsPort,
    endpoint,
    key,
    connectionString: `AccountEndpoint=${endpoint};AccountKey=${key};`,
    faults,
    requests: counter.counts,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  context: RouteContext,
  faults: Faults,
  options: Pick<CosmosOptions, 'verifyToken'> & {
    readonly key: string;
    readonly disk: DiskWatch;
    readonly counter: RequestCounter;
  },
): Promise<void> {
  const started = performance.now();
  try {
    const request = await read(incoming);
    const { container, operation } = operationOf(request);
    options.counter.add(container, operation);
    await authorize(request, incoming, container, operation, options);
    const fault = faults.take(container, operation);
    if (fault?.delayMs) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault?.kind === 'throttle')
      throw new CosmosError(429, 'Request rate is large.', 3200, { retryAfterMs: fault.retryAfterMs ?? 50 });
    if (fault?.kind === 'unavailable') throw new CosmosError(503, 'Service is currently unavailable.');
    if (fault?.kind === 'timeout') throw new CosmosError(408, 'The request did not complete in time.');
    if (fault?.kind === 'retryWith')
      throw new CosmosError(
        449,
        'Conflicting request to resource has been attempted. Retry to avoid conflicts.',
      );
    const result = await route(request, context);
    if (request.method !== 'GET' && operation !== 'query' && operation !== 'metadata') options.disk.taken();
    if (fault?.kind === 'drop') incoming.socket.destroy();
    else send(response, result, started);
  } catch (error) {
    const known = options.disk.refused(error)
      ? new CosmosError(503, 'Service is currently unavailable: the disk is full.')
      : error;
    send(response, errorAnswer(known), started);
  }
}

/** The path of an item is the whole target: SDKs do not encode a question mark in an id, and items have no query. */
const ITEM = /^\/dbs\/[^/?]+\/colls\/[^/?]+\/docs\/[^/]/;
const pathOf = (url = '/'): string => (ITEM.test(url) ? url : (url.split('?')[0] ?? '/'));

async function read(incoming: IncomingMessage): Promise<Request> {
  const body = await bodyOf(incoming);
  const path = pathOf(incoming.url);
  let segments: string[];
  try {
    segments = path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw new CosmosError(400, 'the path is not well encoded');
  }
  const encrypted = 'encrypted' in incoming.socket;
  return {
    method: incoming.method ?? 'GET',
    segments,
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(',') : value;
    },
    body,
    origin: `${encrypted ? 'https' : 'http'}://${incoming.headers.host ?? LOOPBACK}`,
    leaving: (leave) => {
      incoming.socket.once('close', leave);
      return () => incoming.socket.off('close', leave);
    },
  };
}

const NOTHING = Buffer.alloc(0);

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const { headers } = incoming;
  // Reading an empty stream costs more than a point read.
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) {
    incoming.resume();
    return NOTHING;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_DISCARDED_BYTES) break;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BODY_BYTES) throw new CosmosError(413, 'Request size is too large');
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

function decodedOf(authorization: string): string {
  try {
    return decodeURIComponent(authorization);
  } catch {
    throw unauthorized('the authorization header is not well encoded');
  }
}

async function authorize(
  request: Request,
  incoming: IncomingMessage,
  container: string,
  operation: string,
  { key, verifyToken }: Pick<CosmosOptions, 'verifyToken'> & { readonly key: string },
): Promise<void> {
  const authorization = request.header('authorization');
  if (!authorization)
    throw unauthorized(
      'Required Header authorization is missing. Ensure a valid Authorization token is passed.',
    );
  const decoded = decodedOf(authorization);
  if (decoded.startsWith('type=aad')) {
    if (!verifyToken || !('encrypted' in incoming.socket))
      throw unauthorized('tokens are taken over TLS only');
    const token = /sig=(.*)$/.exec(decoded)?.[1] ?? '';
    const allowed = await verifyToken(token, container, operation).catch(() => {
      throw unauthorized('the token is not valid');
    });
    if (operation === 'metadata' && request.method !== 'GET' && !isQuery(request) && !isPlan(request))
      throw new CosmosError(
        403,
        'Request blocked: databases and containers cannot be changed with an Entra token in the data plane',
        5300,
      );
    if (!allowed)
      throw new CosmosError(
        403,
        `Request blocked: the principal has no right to ${operation} on ${container || 'the account'}`,
        5301,
      );
    return;
  }
  const path = pathOf(incoming.url);
  checkMasterKey(
    { method: request.method, path, date: request.header('x-ms-date') ?? '', authorization: decoded },
    key,
  );
}

const isPlan = ({ header }: Request) => header('x-ms-cosmos-is-query-plan-request') !== undefined;

function knownError(error: unknown): CosmosError {
  if (error instanceof CosmosError) return error;
  if (error instanceof RangeError && /call stack/.test(error.message))
    return new CosmosError(400, 'The query or document is nested too deeply');
  return new CosmosError(500, error instanceof Error ? error.message : String(error));
}

function errorAnswer(error: unknown): Answer {
  const known = knownError(error);
  const { retryAfterMs, ...extra } = known.extra;
  return {
    status: known.status,
    headers: {
      ...(known.subStatus === undefined ? {} : { 'x-ms-substatus': String(known.subStatus) }),
      ...(retryAfterMs === undefined ? {} : { 'x-ms-retry-after-ms': JSON.stringify(retryAfterMs) }),
    },
    body: JSON.stringify({ code: known.code, message: known.message, ...extra }),
    charge: failureCharge(known.status),
  };
}

/** A long body is encoded once: its length in the header needs that, too. */
function bytesOf(body: Answer['body']): Answer['body'] {
  return typeof body === 'string' && body.length > ENCODED_AT_ONCE ? Buffer.from(body) : body;
}

function send(response: ServerResponse, result: Answer, started: number): void {
  if (response.destroyed || response.writableEnded) return;
  const body = result.status === 204 || result.status === 304 ? undefined : bytesOf(result.body);
  response.writeHead(result.status, {
    ...(body !== undefined
      ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      : {}),
    'x-ms-activity-id': randomUUID(),
    'x-ms-request-charge': (result.charge ?? METADATA_CHARGE).toFixed(2),
    'x-ms-request-duration-ms': (performance.now() - started).toFixed(3),
    'x-ms-serviceversion': 'local',
    ...result.headers,
  });
  response.end(body);
}
