/** The REST surface: which operation a request is, and its answer. Wire shapes: shared/reference of the SDK 4.10. */
import { randomUUID } from 'node:crypto';
import { type BatchOperation, runBatch, runBulk } from './batch.ts';
import { badRequest, CosmosError, conflict, notFound, notSupported } from './errors.ts';
import { type ItemStore, textOf } from './items.ts';
import { type PartitionKeyText, partitionKeyFrom, partitionKeyOf, rangesOf } from './partition.ts';
import type { PatchOperation } from './patch.ts';
import { changesAfter, type QueryText, queryPage, readFeed, type Scope } from './queries.ts';
import { planOf } from './query/plan.ts';
import type { ContainerDefinition, ContainerRow, DatabaseRow, Store } from './store.ts';

export interface Request {
  readonly method: string;
  /** Decoded segments: `['dbs', 'a', 'colls', 'b']`. */
  readonly segments: readonly string[];
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  /** `http://127.0.0.1:8081` */
  readonly origin: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RouteContext {
  readonly store: Store;
  readonly items: ItemStore;
  readonly ranges: number;
}

const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: JSON.stringify(value),
});

/** What faults and permissions call the operation. */
export function operationOf(request: Request): { container: string; operation: string } {
  const { method, segments, header } = request;
  const container = segments[3] ?? '';
  if (segments[4] !== 'docs') return { container, operation: 'metadata' };
  const isItem = segments.length === 6;
  if (method === 'GET') return { container, operation: isItem ? 'read' : 'feed' };
  if (method === 'PUT') return { container, operation: 'replace' };
  if (method === 'PATCH') return { container, operation: 'patch' };
  if (method === 'DELETE') return { container, operation: 'delete' };
  if (header('x-ms-cosmos-is-batch-request')) return { container, operation: 'batch' };
  if (header('x-ms-documentdb-isquery') || header('x-ms-cosmos-is-query-plan-request'))
    return { container, operation: 'query' };
  return {
    container,
    operation: header('x-ms-documentdb-is-upsert')?.toLowerCase() === 'true' ? 'upsert' : 'create',
  };
}

export async function route(request: Request, context: RouteContext): Promise<Answer> {
  const { segments } = request;
  const [root, databaseId, kind, containerId, sub, itemId] = segments;
  if (segments.length === 0) return account(request);
  if (root === 'offers') return offers(request, context);
  if (root !== 'dbs') throw notFound(segments.join('/'));
  if (databaseId === undefined) return databases(request, context);
  const database = context.store.database(databaseId);
  if (kind === undefined) return oneDatabase(request, context, database, databaseId);
  if (!database) throw notFound(databaseId);
  if (kind !== 'colls') throw notSupported(`${kind} of a database`);
  if (containerId === undefined) return containers(request, context, database);
  const container = context.store.container(databaseId, containerId);
  if (!container)
    throw new CosmosError(
      404,
      `Owner resource does not exist: ${containerId}`,
      sub === undefined ? undefined : 1003,
    );
  if (sub === undefined) return oneContainer(request, context, container);
  if (sub === 'pkranges') return partitionRanges(request, context, container);
  if (sub !== 'docs')
    throw notSupported(`${sub} of a container (stored procedures, triggers, functions, conflicts)`);
  return itemId === undefined
    ? documents(request, context, container)
    : document(request, context, container, itemId);
}

function account({ origin }: Request): Answer {
  const location = [{ name: 'local', databaseAccountEndpoint: `${origin}/` }];
  return json(200, {
    _self: '',
    id: 'local',
    _rid: 'local',
    media: '//media/',
    addresses: '//addresses/',
    _dbs: '//dbs/',
    writableLocations: location,
    readableLocations: location,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 4 },
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 4 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    queryEngineConfiguration: '{}',
  });
}

const databaseView = ({ id, rid, etag, ts }: DatabaseRow) => ({
  id,
  _rid: rid,
  _self: `dbs/${rid}/`,
  _etag: etag,
  _colls: 'colls/',
  _users: 'users/',
  _ts: ts,
});

const containerView = ({ definition, rid, database, etag, ts }: ContainerRow) => ({
  ...definition,
  partitionKey: { kind: 'Hash', version: 2, ...definition.partitionKey },
  indexingPolicy: definition['indexingPolicy'] ?? {
    indexingMode: 'consistent',
    automatic: true,
    includedPaths: [{ path: '/*' }],
    excludedPaths: [{ path: '/"_etag"/?' }],
  },
  conflictResolutionPolicy: {
    mode: 'LastWriterWins',
    conflictResolutionPath: '/_ts',
    conflictResolutionProcedure: '',
  },
  _rid: rid,
  _self: `dbs/${database.rid}/colls/${rid}/`,
  _etag: etag,
  _docs: 'docs/',
  _sprocs: 'sprocs/',
  _triggers: 'triggers/',
  _udfs: 'udfs/',
  _conflicts: 'conflicts/',
  _ts: ts,
});

function parsed<T>(request: Request): T {
  try {
    return JSON.parse(request.body.toString()) as T;
  } catch {
    throw badRequest('The request body is not JSON');
  }
}

/** Queries over databases or containers: by id, or all. */
function filtered<T extends { id: string }>(request: Request, all: readonly T[]): readonly T[] {
  if (request.method !== 'POST') return all;
  const { query, parameters } = parsed<QueryText>(request);
  const named = /\bid\s*=\s*(@\w+|'[^']*'|"[^"]*")/.exec(query)?.[1];
  if (!named) return all;
  const id = named.startsWith('@')
    ? parameters?.find(({ name }) => name === named)?.value
    : named.slice(1, -1);
  return all.filter((each) => each.id === id);
}

const isQuery = (request: Request) => request.header('x-ms-documentdb-isquery')?.toLowerCase() === 'true';
const newEtag = () => `"${randomUUID()}"`;

async function databases(request: Request, { store }: RouteContext): Promise<Answer> {
  if (request.method === 'GET' || isQuery(request)) {
    const list = filtered(request, store.listDatabases().map(databaseView));
    return json(200, { _rid: '', Databases: list, _count: list.length });
  }
  const { id } = parsed<{ id?: unknown }>(request);
  if (typeof id !== 'string' || id === '') throw badRequest('a database needs an id');
  const created = await store.write(() => {
    if (store.database(id)) throw conflict();
    return store.createDatabase(id, newEtag());
  });
  return json(201, databaseView(created), { etag: created.etag });
}

async function oneDatabase(
  request: Request,
  { store }: RouteContext,
  database: DatabaseRow | undefined,
  id: string,
): Promise<Answer> {
  if (!database) throw notFound(id);
  if (request.method === 'GET') return json(200, databaseView(database), { etag: database.etag });
  if (request.method !== 'DELETE') throw new CosmosError(405, 'not possible on a database');
  await store.write(() => store.dropDatabase(id));
  return { status: 204, headers: {} };
}

async function containers(request: Request, { store }: RouteContext, database: DatabaseRow): Promise<Answer> {
  if (request.method === 'GET' || isQuery(request)) {
    const list = filtered(request, store.listContainers(database.id).map(containerView));
    return json(200, { _rid: database.rid, DocumentCollections: list, _count: list.length });
  }
  const definition = checkedDefinition(parsed<ContainerDefinition>(request));
  const created = await store.write(() => {
    if (store.container(database.id, definition.id)) throw conflict();
    return store.createContainer(database, definition, newEtag());
  });
  return json(201, containerView(created), { etag: created.etag });
}

function checkedDefinition(definition: ContainerDefinition): ContainerDefinition {
  const paths = definition.partitionKey?.paths;
  if (typeof definition.id !== 'string' || definition.id === '') throw badRequest('a container needs an id');
  if (
    !Array.isArray(paths) ||
    paths.length === 0 ||
    paths.length > 3 ||
    !paths.every((path) => String(path).startsWith('/'))
  ) {
    throw badRequest('a container needs a partition key of one to three paths');
  }
  const { defaultTtl } = definition;
  if (
    defaultTtl !== undefined &&
    defaultTtl !== null &&
    defaultTtl !== -1 &&
    !(Number.isInteger(defaultTtl) && defaultTtl > 0)
  ) {
    throw badRequest('defaultTtl is -1 or a positive number of seconds');
  }
  if (definition['vectorEmbeddingPolicy']) throw notSupported('vector search');
  if (definition['fullTextPolicy']) throw notSupported('full-text search');
  return definition;
}

async function oneContainer(
  request: Request,
  { store }: RouteContext,
  container: ContainerRow,
): Promise<Answer> {
  if (request.method === 'GET') return json(200, containerView(container), { etag: container.etag });
  if (request.method === 'DELETE') {
    await store.write(() => store.dropContainer(container));
    return { status: 204, headers: {} };
  }
  if (request.method !== 'PUT') throw new CosmosError(405, 'not possible on a container');
  const { _rid, _self, _etag, _ts, ...definition } = parsed<ContainerDefinition>(request);
  await store.write(() =>
    store.replaceContainer(container, checkedDefinition(definition as ContainerDefinition), newEtag()),
  );
  return json(200, containerView(container), { etag: container.etag });
}

function partitionRanges(request: Request, { ranges }: RouteContext, container: ContainerRow): Answer {
  const etag = '"1"';
  if (request.header('if-none-match') === etag) return { status: 304, headers: { etag } };
  const list = rangesOf(ranges).map(({ id, min, max }) => ({
    id,
    minInclusive: min,
    maxExclusive: max,
    _rid: `${container.rid}-${id}`,
    _self: `dbs/${container.database.rid}/colls/${container.rid}/pkranges/${id}/`,
    _etag: etag,
    ridPrefix: Number(id),
    throughputFraction: 1 / ranges,
    status: 'online',
    parents: [],
    _ts: container.ts,
    lsn: container.lsn,
  }));
  return json(200, { _rid: container.rid, PartitionKeyRanges: list, _count: list.length }, { etag });
}

/** Throughput is not provisioned here: every container has the least that can be asked for. */
function offers(request: Request, { store }: RouteContext): Answer {
  const self = /'dbs\/[^/]+\/colls\/([^/']+)|"dbs\/[^/]+\/colls\/([^/"]+)|dbs\/[^/]+\/colls\/([^/"']+)/.exec(
    request.body.toString(),
  );
  const container = store.containerByRid(self?.[1] ?? self?.[2] ?? self?.[3] ?? '');
  const list = container
    ? [
        {
          id: container.rid,
          resource: `dbs/${container.database.rid}/colls/${container.rid}/`,
          offerResourceId: container.rid,
          offerVersion: 'V2',
          content: { offerThroughput: 400 },
        },
      ]
    : [];
  return json(200, { _rid: '', Offers: list, _count: list.length });
}

function scopeOf(request: Request): Scope {
  const pk = request.header('x-ms-documentdb-partitionkey');
  if (pk !== undefined) return { pk: partitionKeyFrom(pk) };
  const range = request.header('x-ms-documentdb-partitionkeyrangeid');
  return range === undefined || range === '' ? {} : { range: Number(range.split(',').at(-1)) };
}

async function documents(request: Request, context: RouteContext, container: ContainerRow): Promise<Answer> {
  const { store, items, ranges } = context;
  const { header, method } = request;
  if (method === 'GET')
    return header('a-im') ? changeFeed(request, context, container) : feed(request, context, container);
  if (method !== 'POST') throw new CosmosError(405, 'not possible on the items of a container');
  if (header('x-ms-cosmos-is-query-plan-request')) {
    const { query, parameters } = parsed<QueryText>(request);
    return json(200, planOf(query, new Map((parameters ?? []).map(({ name, value }) => [name, value]))));
  }
  if (isQuery(request)) {
    const limit = Number(header('x-ms-max-item-count') ?? -1);
    const page = { limit, continuation: header('x-ms-continuation') };
    return pageAnswer(
      container,
      queryPage(store, container, scopeOf(request), parsed<QueryText>(request), page, ranges),
    );
  }
  if (header('x-ms-cosmos-is-batch-request')) {
    const operations = parsed<BatchOperation[]>(request);
    const atomic = header('x-ms-cosmos-batch-atomic')?.toLowerCase() === 'true';
    const answer = atomic
      ? await runBatch(store, items, container, itemKey(request, container, undefined), operations)
      : await runBulk(store, items, container, operations);
    return json(answer.status, answer.results);
  }
  const body = parsed<Record<string, unknown>>(request);
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw badRequest('an item is an object');
  const pk = itemKey(request, container, body);
  const upsert = header('x-ms-documentdb-is-upsert')?.toLowerCase() === 'true';
  const conditions = { ifMatch: header('if-match') };
  const written = await store.write(() =>
    upsert ? items.upsert(container, pk, body, conditions) : items.create(container, pk, body),
  );
  return itemAnswer(container, written.status, written.row);
}

function itemKey(request: Request, container: ContainerRow, body: unknown): PartitionKeyText {
  const header = request.header('x-ms-documentdb-partitionkey');
  if (header !== undefined) return partitionKeyFrom(header);
  if (body === undefined) throw badRequest('the partition key is needed');
  return partitionKeyOf(container, body);
}

async function document(
  request: Request,
  context: RouteContext,
  container: ContainerRow,
  id: string,
): Promise<Answer> {
  const { store, items } = context;
  const { header, method } = request;
  const pk = itemKey(request, container, undefined);
  const conditions = { ifMatch: header('if-match') };
  switch (method) {
    case 'GET': {
      const row = items.read(container, pk, id);
      if (!row) throw notFound(id);
      if (header('if-none-match') === row.etag) return { status: 304, headers: { etag: row.etag } };
      return itemAnswer(container, 200, row);
    }
    case 'PUT': {
      const body = parsed<Record<string, unknown>>(request);
      const { row } = await store.write(() => items.replace(container, pk, id, body, conditions));
      return itemAnswer(container, 200, row);
    }
    case 'PATCH': {
      const body = parsed<PatchOperation[] | { operations: PatchOperation[]; condition?: string }>(request);
      const patch = Array.isArray(body) ? { operations: body } : body;
      const { row } = await store.write(() => items.patch(container, pk, id, patch, conditions));
      return itemAnswer(container, 200, row);
    }
    case 'DELETE':
      await store.write(() => items.remove(container, pk, id, conditions));
      return { status: 204, headers: {} };
    default:
      throw new CosmosError(405, 'not possible on an item');
  }
}

function itemAnswer(
  container: ContainerRow,
  status: number,
  row: Parameters<typeof textOf>[1] | undefined,
): Answer {
  if (!row) return { status, headers: {} };
  return {
    status,
    headers: { etag: row.etag, ...containerHeaders(container) },
    body: textOf(container, row),
  };
}

function containerHeaders(container: ContainerRow): Record<string, string> {
  return {
    'x-ms-session-token': `0:-1#${container.lsn}`,
    'x-ms-content-path': container.rid,
    lsn: String(container.lsn),
  };
}

function pageAnswer(
  container: ContainerRow,
  page: { documents: readonly string[]; continuation?: string },
): Answer {
  return {
    status: 200,
    headers: {
      ...containerHeaders(container),
      'x-ms-item-count': String(page.documents.length),
      ...(page.continuation ? { 'x-ms-continuation': page.continuation } : {}),
    },
    body: `{"_rid":"${container.rid}","Documents":[${page.documents.join(',')}],"_count":${page.documents.length}}`,
  };
}

function feed(request: Request, { store }: RouteContext, container: ContainerRow): Answer {
  const limit = Number(request.header('x-ms-max-item-count') ?? -1);
  return pageAnswer(
    container,
    readFeed(store, container, scopeOf(request), {
      limit,
      continuation: request.header('x-ms-continuation'),
    }),
  );
}

/** Latest version, in the order of writing; 304 when there is nothing new. */
function changeFeed(request: Request, { store }: RouteContext, container: ContainerRow): Answer {
  const { header } = request;
  if (/full-fidelity/i.test(header('a-im') ?? ''))
    throw notSupported('the change feed of all versions and deletes');
  const after = header('if-none-match');
  const since = header('if-modified-since');
  const start = after === undefined ? 0 : after === '*' ? container.lsn : Number(after.replaceAll('"', ''));
  if (!Number.isFinite(start))
    throw badRequest('the continuation of the change feed is not one of this server');
  const sinceSeconds = since && after === undefined ? Math.floor(Date.parse(since) / 1000) : 0;
  const limit = Number(header('x-ms-max-item-count') ?? -1);
  const { documents: list, lsn } = changesAfter(
    store,
    container,
    scopeOf(request),
    start,
    limit,
    sinceSeconds,
  );
  const headers = { ...containerHeaders(container), etag: `"${lsn}"` };
  if (list.length === 0) return { status: 304, headers };
  const body = `{"_rid":"${container.rid}","Documents":[${list.join(',')}],"_count":${list.length}}`;
  return { status: 200, headers: { ...headers, 'x-ms-item-count': String(list.length) }, body };
}
