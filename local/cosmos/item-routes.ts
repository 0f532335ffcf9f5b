/** Serves the routes of items: single items, batches, queries, feeds. */

import { WAIT, WAITED } from '../change-feed-wait.ts';
import { type BatchOperation, runBatch, runBulk } from './batch.ts';
import { isBatchWire, readBatchWire, writeBatchWire } from './batch-wire.ts';
import { awaitChanges, MAX_WAIT_MS } from './change-feed.ts';
import { DELETE_CHARGE, queryCharge, readCharge } from './charges.ts';
import { badRequest, CosmosError, notFound, notSupported } from './errors.ts';
import { textOf, type Written } from './items.ts';
import {
  type PartitionKeyText,
  partitionKeyFrom,
  partitionKeyOf,
  rangesOf,
  type Scope,
  scopeOfKey,
} from './partition.ts';
import type { PatchOperation } from './patch.ts';
import { type Page, pageSize, parametersOf, type QueryText, queryPage, readFeed } from './queries.ts';
import { planOf } from './query/plan.ts';
import {
  type Answer,
  containerHeaders,
  isQuery,
  isTrue,
  json,
  parsed,
  parsedObject,
  type Request,
  type RouteContext,
} from './responses.ts';
import type { ContainerRow } from './store.ts';

const QUERY_METRICS = 'x-ms-documentdb-query-metrics';

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query-metrics ; figures that this server does not measure are 0. */
function queryMetrics({ documents, read, readCharacters }: Page, milliseconds: number): string {
  const output = documents.reduce((sum, { length }) => sum + length, 0);
  const time = milliseconds.toFixed(2);
  const metrics = {
    totalExecutionTimeInMs: time,
    queryCompileTimeInMs: '0.00',
    queryLogicalPlanBuildTimeInMs: '0.00',
    queryPhysicalPlanBuildTimeInMs: '0.00',
    queryOptimizationTimeInMs: '0.00',
    VMExecutionTimeInMs: time,
    indexLookupTimeInMs: '0.00',
    documentLoadTimeInMs: '0.00',
    systemFunctionExecuteTimeInMs: '0.00',
    userFunctionExecuteTimeInMs: '0.00',
    retrievedDocumentCount: read,
    retrievedDocumentSize: readCharacters,
    outputDocumentCount: documents.length,
    outputDocumentSize: output,
    writeOutputTimeInMs: '0.00',
    indexUtilizationRatio: (read === 0 ? 1 : Math.min(1, documents.length / read)).toFixed(2),
  };
  return Object.entries(metrics)
    .map(([name, value]) => `${name}=${value}`)
    .join(';');
}

/** Of a transactional batch or one request of a bulk. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024;

/** The scope by the key, the range's id, or bounds on the ring; without any of them, everything. */
function scopeOf({ header }: Request, container: ContainerRow, count: number): Scope {
  const pk = header('x-ms-documentdb-partitionkey');
  if (pk !== undefined) return scopeOfKey(container, partitionKeyFrom(pk));
  const id = header('x-ms-documentdb-partitionkeyrangeid')?.split(',').at(-1);
  const [start, end] = [header('x-ms-start-epk'), header('x-ms-end-epk')];
  if (!id) return start === undefined ? {} : { min: start, max: end ?? 'FF' };
  const range = rangesOf(count).find((each) => each.id === id);
  if (!range) throw new CosmosError(410, `the partition key range ${id} is gone`, 1002);
  const [min, max] = [start ?? '', end ?? 'FF'];
  return { min: min > range.min ? min : range.min, max: max < range.max ? max : range.max };
}

export async function documents(
  request: Request,
  context: RouteContext,
  container: ContainerRow,
): Promise<Answer> {
  const { store, items, ranges } = context;
  const { header, method } = request;
  if (header('x-ms-documentdb-pre-trigger-include') || header('x-ms-documentdb-post-trigger-include'))
    throw notSupported('a trigger');
  if (method === 'GET')
    return header('a-im') ? changeFeed(request, context, container) : feed(request, context, container);
  if (method !== 'POST') throw new CosmosError(405, 'not possible on the items of a container');
  if (header('x-ms-cosmos-is-query-plan-request')) {
    const text = parsed<QueryText>(request);
    if (typeof text?.query !== 'string') throw badRequest('a query needs its text');
    return json(200, planOf(text.query, parametersOf(text)));
  }
  if (isQuery(request)) {
    const begun = performance.now();
    const limit = Number(header('x-ms-max-item-count') ?? -1);
    const page = { limit, continuation: header('x-ms-continuation') };
    const found = queryPage(
      store,
      container,
      scopeOf(request, container, ranges),
      parsed<QueryText>(request),
      page,
      ranges,
    );
    const answer = pageAnswer(container, found, (bytes) => queryCharge(bytes, found.read));
    return isTrue(header('x-ms-documentdb-populatequerymetrics'))
      ? {
          ...answer,
          headers: { ...answer.headers, [QUERY_METRICS]: queryMetrics(found, performance.now() - begun) },
        }
      : answer;
  }
  if (header('x-ms-cosmos-is-batch-request')) {
    const binary = isBatchWire(request.body);
    const operations = binary ? readBatchWire(request.body) : parsed<BatchOperation[]>(request);
    if (request.body.length > MAX_BATCH_BYTES) throw new CosmosError(413, 'Request size is too large');
    const atomic = isTrue(header('x-ms-cosmos-batch-atomic'));
    const answer = atomic
      ? await runBatch(store, items, container, wholeKey(request, container), operations)
      : await runBulk(store, items, container, operations);
    const charge = answer.results.reduce((sum, { requestCharge }) => sum + requestCharge, 0);
    const headers = containerHeaders(container);
    if (binary) return { status: answer.status, headers, body: writeBatchWire(answer.results), charge };
    return { ...json(answer.status, answer.results, headers), charge };
  }
  const body = parsedObject<Record<string, unknown>>(request);
  const pk = itemKey(request, container, body);
  const upsert = isTrue(header('x-ms-documentdb-is-upsert'));
  const conditions = { ifMatch: header('if-match') };
  const written = await store.write(() =>
    upsert ? items.upsert(container, pk, body, conditions) : items.create(container, pk, body),
  );
  return itemAnswer(container, written);
}

/** The complete key of one partition: its first levels are not enough. */
function wholeKey(request: Request, container: ContainerRow): PartitionKeyText {
  const pk = itemKey(request, container, undefined);
  if (scopeOfKey(container, pk).pk === undefined)
    throw badRequest('the partition key has fewer levels than the container', 1001);
  return pk;
}

function itemKey(request: Request, container: ContainerRow, body: unknown): PartitionKeyText {
  const header = request.header('x-ms-documentdb-partitionkey');
  if (header !== undefined) return partitionKeyFrom(header);
  if (body === undefined) throw badRequest('the partition key is needed');
  return partitionKeyOf(container, body);
}

export async function document(
  request: Request,
  context: RouteContext,
  container: ContainerRow,
  id: string,
): Promise<Answer> {
  const { store, items } = context;
  const { header, method } = request;
  const pk = wholeKey(request, container);
  const conditions = { ifMatch: header('if-match') };
  switch (method) {
    case 'GET': {
      const row = items.read(container, pk, id);
      if (!row) throw notFound(id);
      if (header('if-none-match') === row.etag)
        return {
          status: 304,
          headers: { etag: row.etag, ...containerHeaders(container) },
          charge: readCharge(0),
        };
      return itemAnswer(container, { status: 200, row, charge: readCharge(row.body.length) });
    }
    case 'PUT': {
      const body = parsedObject<Record<string, unknown>>(request);
      return itemAnswer(
        container,
        await store.write(() => items.replace(container, pk, id, body, conditions)),
      );
    }
    case 'PATCH': {
      const body = parsed<PatchOperation[] | { operations: PatchOperation[]; condition?: string } | null>(
        request,
      );
      const patch = Array.isArray(body) ? { operations: body } : (body ?? { operations: [] });
      return itemAnswer(
        container,
        await store.write(() => items.patch(container, pk, id, patch, conditions)),
      );
    }
    case 'DELETE':
      await store.write(() => items.remove(container, pk, id, conditions));
      return { status: 204, headers: containerHeaders(container), charge: DELETE_CHARGE };
    default:
      throw new CosmosError(405, 'not possible on an item');
  }
}

function itemAnswer(container: ContainerRow, { status, row, charge }: Written): Answer {
  if (!row) return { status, headers: containerHeaders(container), charge };
  return {
    status,
    headers: { etag: row.etag, ...containerHeaders(container) },
    body: textOf(container, row),
    charge,
  };
}

/** `chargeOf` the bytes of its documents. */
function pageAnswer(
  container: ContainerRow,
  page: { documents: readonly string[]; continuation?: string },
  chargeOf: (bytes: number) => number,
): Answer {
  return {
    charge: chargeOf(page.documents.reduce((sum, { length }) => sum + length, 0)),
    status: 200,
    headers: {
      ...containerHeaders(container),
      'x-ms-item-count': String(page.documents.length),
      ...(page.continuation ? { 'x-ms-continuation': page.continuation } : {}),
    },
    body: `{"_rid":"${container.rid}","Documents":[${page.documents.join(',')}],"_count":${page.documents.length}}`,
  };
}

/** Milliseconds for which the caller wants to wait for a change: an extension of this server. */
function waitOf({ header }: Request): number | undefined {
  const text = header(WAIT);
  if (text === undefined) return undefined;
  const ms = Number(text);
  if (!(ms >= 0 && ms <= MAX_WAIT_MS))
    throw badRequest(`${WAIT} is a number of milliseconds up to ${MAX_WAIT_MS}`);
  return ms;
}

function feed(request: Request, { store, ranges }: RouteContext, container: ContainerRow): Answer {
  const limit = Number(request.header('x-ms-max-item-count') ?? -1);
  return pageAnswer(
    container,
    readFeed(store, container, scopeOf(request, container, ranges), {
      limit,
      continuation: request.header('x-ms-continuation'),
    }),
    readCharge,
  );
}

/** Latest version, in the order of writing; 304 when there is nothing new. */
async function changeFeed(
  request: Request,
  { store, ranges }: RouteContext,
  container: ContainerRow,
): Promise<Answer> {
  const { header } = request;
  if (/full-fidelity/i.test(header('a-im') ?? ''))
    throw notSupported('the change feed of all versions and deletes');
  const after = header('if-none-match');
  const since = header('if-modified-since');
  const start = after === undefined ? 0 : after === '*' ? container.lsn : Number(after.replaceAll('"', ''));
  if (!Number.isFinite(start))
    throw badRequest('the continuation of the change feed is not one of this server');
  const wait = waitOf(request);
  const { documents: list, lsn } = await awaitChanges(
    store,
    container,
    scopeOf(request, container, ranges),
    {
      after: start,
      limit: pageSize(Number(header('x-ms-max-item-count') ?? -1)),
      since: since && after === undefined ? Math.floor(Date.parse(since) / 1000) : undefined,
    },
    { ms: wait ?? 0, leaving: request.leaving },
  );
  const headers = {
    ...containerHeaders(container),
    ...(wait === undefined ? {} : { [WAITED]: 'true' }),
    etag: `"${lsn}"`,
    'x-ms-item-count': String(list.length),
  };
  if (list.length === 0) return { status: 304, headers, charge: readCharge(0) };
  const body = `{"_rid":"${container.rid}","Documents":[${list.join(',')}],"_count":${list.length}}`;
  const charge = readCharge(body.length);
  return { status: 200, headers, body, charge };
}
