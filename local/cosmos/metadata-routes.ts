/** Serves the routes of the account, databases, containers, ranges and offers. */

import { badRequest, CosmosError, conflict, notFound, notSupported } from './errors.ts';
import { checkName, checkTtl, checkUniqueKeys } from './limits.ts';
import { rangesOf } from './partition.ts';
import { parametersOf, type QueryText } from './queries.ts';
import { DEFAULT_POLICY, readPolicy } from './query/indexing-policy.ts';
import { parse } from './query/parser.ts';
import { runQuery } from './query/run.ts';
import {
  type Answer,
  isQuery,
  isTrue,
  json,
  newEtag,
  parsed,
  parsedObject,
  type Request,
  type RouteContext,
} from './responses.ts';
import type { ContainerDefinition, ContainerRow, DatabaseRow } from './store.ts';

/** .NET's SDK reads it, and refuses an empty one; the limits are those of the service. */
const QUERY_ENGINE = {
  maxSqlQueryInputLength: 262_144,
  maxJoinsPerSqlQuery: 10,
  maxLogicalAndPerSqlQuery: 2_000,
  maxLogicalOrPerSqlQuery: 2_000,
  maxUdfRefPerSqlQuery: 10,
  maxInExpressionItemsCount: 16_000,
  queryMaxGroupByTableCellCount: 500_000,
  queryMaxInMemorySortDocumentCount: 500,
  maxQueryRequestTimeoutFraction: 0.9,
  sqlAllowNonFiniteNumbers: false,
  sqlAllowAggregateFunctions: true,
  sqlAllowSubQuery: true,
  sqlAllowScalarSubQuery: true,
  allowNewKeywords: true,
  sqlAllowLike: true,
  sqlAllowGroupByClause: true,
  sqlAllowTop: true,
  maxSpatialQueryCells: 12,
  spatialMaxGeometryPointCount: 256,
  enableSpatialIndexing: true,
};

export function account({ origin }: Request): Answer {
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
    queryEngineConfiguration: JSON.stringify(QUERY_ENGINE),
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
  indexingPolicy: definition.indexingPolicy ?? DEFAULT_POLICY,
  geospatialConfig: { type: 'Geography', ...definition.geospatialConfig },
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

/** The databases or containers that a query selects; all of them for a plain list. */
function selectedOf(request: Request, all: readonly object[]): readonly unknown[] {
  if (request.method !== 'POST') return all;
  const text = parsed<QueryText>(request);
  if (typeof text?.query !== 'string') throw badRequest('a query needs its text');
  return runQuery(parse(text.query), { parameters: parametersOf(text), documents: all });
}

export async function databases(request: Request, { store }: RouteContext): Promise<Answer> {
  if (request.method === 'GET' || isQuery(request)) {
    const list = selectedOf(request, store.listDatabases().map(databaseView));
    return json(200, { _rid: '', Databases: list, _count: list.length });
  }
  const { id } = parsedObject<{ id?: unknown }>(request);
  checkName(id, 'database');
  const created = await store.write(() => {
    if (store.database(id)) throw conflict();
    return store.createDatabase(id, newEtag());
  });
  return json(201, databaseView(created), { etag: created.etag });
}

export async function oneDatabase(
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

export async function containers(
  request: Request,
  { store }: RouteContext,
  database: DatabaseRow,
): Promise<Answer> {
  if (request.method === 'GET' || isQuery(request)) {
    const list = selectedOf(request, store.listContainers(database.id).map(containerView));
    return json(200, { _rid: database.rid, DocumentCollections: list, _count: list.length });
  }
  const definition = checkedDefinition(parsedObject<ContainerDefinition>(request));
  const created = await store.write(() => {
    if (store.container(database.id, definition.id)) throw conflict();
    return store.createContainer(database, definition, newEtag());
  });
  return json(201, containerView(created), { etag: created.etag });
}

const isFilled = (value: unknown) => Array.isArray(value) && value.length > 0;

function checkedDefinition(definition: ContainerDefinition): ContainerDefinition {
  const paths = definition.partitionKey?.paths;
  checkName(definition.id, 'container');
  if (
    !Array.isArray(paths) ||
    paths.length === 0 ||
    paths.length > 3 ||
    !paths.every((path) => String(path).startsWith('/'))
  ) {
    throw badRequest('a container needs a partition key of one to three paths');
  }
  const { defaultTtl } = definition;
  if (defaultTtl !== null) checkTtl(defaultTtl);
  checkUniqueKeys(definition);
  const { type = 'Geography' } = definition.geospatialConfig ?? {};
  if (type !== 'Geography' && type !== 'Geometry')
    throw badRequest('The type of geospatialConfig is Geography or Geometry.');
  if (definition['vectorEmbeddingPolicy']) throw notSupported('vector search');
  if (definition['fullTextPolicy']) throw notSupported('full-text search');
  if (isFilled(definition['computedProperties'])) throw notSupported('computed properties');
  const { mode } = (definition['conflictResolutionPolicy'] ?? {}) as { mode?: unknown };
  if (mode === 'Custom') throw notSupported('a conflict resolution of your own');
  if (
    Number((definition['changeFeedPolicy'] as { retentionDuration?: unknown } | null)?.retentionDuration) > 0
  )
    throw notSupported('the change feed of all versions and deletes');
  return { ...definition, indexingPolicy: readPolicy(definition.indexingPolicy) };
}

/** In kilobytes, as the service counts; nothing here is partitioned by size, so the quota is that of one physical partition. */
const PARTITION_KILOBYTES = 50 * 1024 * 1024;

function quotaOf(container: ContainerRow, { store }: RouteContext): Record<string, string> {
  const { count, bytes } = store.sizeOf(container);
  const kilobytes = Math.ceil(bytes / 1024);
  const sizes = (size: number, documents: number) =>
    `functions=0;storedProcedures=0;triggers=0;documentSize=${Math.ceil(size / 1024)};documentsSize=${size};documentsCount=${documents};collectionSize=${size};`;
  return {
    'x-ms-resource-quota': sizes(PARTITION_KILOBYTES, -1),
    'x-ms-resource-usage': sizes(kilobytes, count),
    'x-ms-documentdb-collection-index-transformation-progress': '100',
    'x-ms-documentdb-collection-lazy-indexing-progress': '-1',
  };
}

export async function oneContainer(
  request: Request,
  context: RouteContext,
  container: ContainerRow,
): Promise<Answer> {
  const { store } = context;
  if (request.method === 'GET') {
    const quota = isTrue(request.header('x-ms-documentdb-populatequotainfo'))
      ? quotaOf(container, context)
      : {};
    return json(200, containerView(container), { etag: container.etag, ...quota });
  }
  if (request.method === 'DELETE') {
    await store.write(() => store.dropContainer(container));
    return { status: 204, headers: {} };
  }
  if (request.method !== 'PUT') throw new CosmosError(405, 'not possible on a container');
  const { _rid, _self, _etag, _ts, _docs, _sprocs, _triggers, _udfs, _conflicts, ...definition } =
    parsedObject<ContainerDefinition>(request);
  await store.write(() =>
    store.replaceContainer(container, checkedDefinition(definition as ContainerDefinition), newEtag()),
  );
  return json(200, containerView(container), { etag: container.etag });
}

export function partitionRanges(request: Request, { ranges }: RouteContext, container: ContainerRow): Answer {
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

/** Throughput is not provisioned here: every container has the smallest possible one. */
export function offers(request: Request, { store }: RouteContext): Answer {
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
