/** The REST API: finds the operation of a request and its handler. */

import { CosmosError, notFound, notSupported } from './errors.ts';
import { document, documents } from './item-routes.ts';
import {
  account,
  containers,
  databases,
  offers,
  oneContainer,
  oneDatabase,
  partitionRanges,
} from './metadata-routes.ts';
import { type Answer, isQuery, isTrue, type Request, type RouteContext } from './responses.ts';

/** Name of the operation in faults and permissions. */
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
  // A plan is requested in parallel with each query: faults that count queries must not count it.
  if (header('x-ms-cosmos-is-query-plan-request')) return { container, operation: 'metadata' };
  if (isQuery(request)) return { container, operation: 'query' };
  return {
    container,
    operation: isTrue(header('x-ms-documentdb-is-upsert')) ? 'upsert' : 'create',
  };
}

export async function route(request: Request, context: RouteContext): Promise<Answer> {
  const { segments } = request;
  const { store } = context;
  const [root, databaseId, kind, containerId, sub, itemId] = segments;
  if (segments.length === 0) return account(request);
  if (root === 'offers') return offers(request, context);
  if (root !== 'dbs') throw notFound(segments.join('/'));
  if (databaseId === undefined) return databases(request, context);
  // .NET's SDK names databases and containers by their resource ids where it asks for ranges.
  const database = store.database(databaseId) ?? store.databaseByRid(databaseId);
  if (kind === undefined) return oneDatabase(request, context, database, databaseId);
  if (!database) throw notFound(databaseId);
  if (kind !== 'colls') throw notSupported(`${kind} of a database`);
  if (containerId === undefined) return containers(request, context, database);
  const container = store.container(database.id, containerId) ?? store.containerByRid(containerId);
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
