/** Counts the requests that this process sends to Cosmos DB: by label, container and operation. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';

export interface CosmosRequest {
  /** The label that was set when the request began. */
  readonly label: string;
  readonly container: string;
  readonly operation: string;
  /** Request units. */
  charge: number;
}

export interface CosmosRequests extends Disposable {
  /** Oldest first. */
  readonly all: CosmosRequest[];
  /** What the next requests belong to. */
  label: string;
}

/** https://nodejs.org/api/diagnostics_channel.html#http */
const [BEGUN, ANSWERED] = ['http.client.request.start', 'http.client.response.finish'] as const;

export function countCosmosRequests(): CosmosRequests {
  const open = new WeakMap<ClientRequest, CosmosRequest>();
  const onBegun = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    const container = /^\/dbs\/[^/]+\/colls\/([^/]+)\/docs/.exec(request.path)?.[1];
    if (!container || request.getHeader('x-ms-cosmos-is-query-plan-request')) return;
    const entry = { label: requests.label, container, operation: operationOf(request), charge: 0 };
    requests.all.push(entry);
    open.set(request, entry);
  };
  const onAnswered = (message: unknown) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const entry = open.get(request);
    if (entry) entry.charge = Number(response.headers['x-ms-request-charge']);
  };
  const requests: CosmosRequests = {
    all: [],
    label: '',
    [Symbol.dispose]: () => {
      unsubscribe(BEGUN, onBegun);
      unsubscribe(ANSWERED, onAnswered);
    },
  };
  subscribe(BEGUN, onBegun);
  subscribe(ANSWERED, onAnswered);
  return requests;
}

function operationOf(request: ClientRequest): string {
  if (request.method !== 'POST') return METHODS[request.method] ?? 'other';
  if (request.getHeader('x-ms-cosmos-is-batch-request')) return 'batch';
  if (request.getHeader('x-ms-documentdb-isquery')) return 'query';
  return request.getHeader('x-ms-documentdb-is-upsert') ? 'upsert' : 'create';
}

const METHODS: Readonly<Record<string, string>> = {
  GET: 'read',
  PUT: 'replace',
  PATCH: 'patch',
  DELETE: 'delete',
};
