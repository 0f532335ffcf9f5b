/**
 * A container as a repository sees it: plain items, etags, and AppError in place of the SDK's errors. Every write to an
 * item that may have changed since it was read has an etag or a condition.
 */
import type {
  Container,
  CosmosClient,
  JSONObject,
  OperationInput,
  PartitionKey,
  PatchOperation,
  SqlParameter,
} from '@azure/cosmos';
import type { ContainerName } from './containers.ts';
import { fromCosmos } from './errors.ts';

/** An item has an id, and the container's partition key among its fields. */
export interface Item {
  readonly id: string;
}

export interface Stored<T> {
  readonly item: T;
  readonly etag: string;
}

export type Key = string | readonly string[];

export interface QueryOptions {
  readonly partitionKey?: Key;
  readonly limit?: number;
  readonly continuation?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly continuation?: string;
}

/**
 * Every method rejects with an AppError: a `WriteConflict`, `not_found`, `too_many_requests` (with its time) or
 * `dependency_unavailable`.
 */
export interface Store<T extends Item> {
  read<U extends Item = T>(id: string, key: Key): Promise<Stored<U> | undefined>;
  create<U extends Item = T>(item: U): Promise<Stored<U>>;
  /** With an etag, writes only if the item has not changed since. */
  replace<U extends Item = T>(item: U, key: Key, etag: string): Promise<Stored<U>>;
  upsert<U extends Item = T>(item: U): Promise<Stored<U>>;
  /** `condition` is a filter: `FROM c WHERE c.state = 'free'`. Undefined when there is no such item. */
  patch<U extends Item = T>(
    id: string,
    key: Key,
    operations: readonly PatchOperation[],
    options?: { condition?: string; etag?: string },
  ): Promise<Stored<U> | undefined>;
  /** False when there was nothing to remove. */
  remove(id: string, key: Key, etag?: string): Promise<boolean>;
  /**
   * All or nothing, within one partition; each item as it is now, in the order of the operations. The error is that of
   * the operation that failed.
   */
  batch(
    key: Key,
    operations: readonly OperationInput[],
  ): Promise<readonly { etag: string | undefined; item: unknown }[]>;
  query<U = T>(
    sql: string,
    parameters: Readonly<Record<string, unknown>>,
    options?: QueryOptions,
  ): Promise<Page<U>>;
}

export interface Database {
  store<T extends Item>(container: ContainerName): Store<T>;
}

export function createDatabase(client: CosmosClient, databaseId: string): Database {
  const database = client.database(databaseId);
  return { store: (name) => createStore(database.container(name)) };
}

function createStore<T extends Item>(container: Container): Store<T> {
  return {
    read: async <U extends Item = T>(id: string, key: Key) => {
      const { resource, etag } = await mapped(() => container.item(id, partitionKey(key)).read<U>());
      return resource ? { item: resource, etag } : undefined;
    },
    create: async (item) => {
      const { resource, etag } = await mapped(() => container.items.create(item));
      return { item: resource ?? item, etag };
    },
    replace: async <U extends Item = T>(item: U, key: Key, etag: string) => {
      const options = { accessCondition: { type: 'IfMatch', condition: etag } };
      const response = await mapped(() => container.item(item.id, partitionKey(key)).replace(item, options));
      return { item: (response.resource as U | undefined) ?? item, etag: response.etag };
    },
    upsert: async <U extends Item = T>(item: U) => {
      const { resource, etag } = await mapped(() => container.items.upsert<U>(item));
      return { item: resource ?? item, etag };
    },
    patch: async <U extends Item = T>(
      id: string,
      key: Key,
      operations: readonly PatchOperation[],
      options: { condition?: string; etag?: string } = {},
    ) => {
      const body = options.condition
        ? { condition: options.condition, operations: [...operations] }
        : [...operations];
      const request = options.etag ? { accessCondition: { type: 'IfMatch', condition: options.etag } } : {};
      try {
        const { resource, etag } = await container.item(id, partitionKey(key)).patch<U>(body, request);
        return resource ? { item: resource, etag } : undefined;
      } catch (error) {
        const mappedError = fromCosmos(error);
        if (mappedError.code === 'not_found') return undefined;
        throw mappedError;
      }
    },
    remove: async (id, key, etag) => {
      try {
        const options = etag ? { accessCondition: { type: 'IfMatch', condition: etag } } : {};
        await container.item(id, partitionKey(key)).delete(options);
        return true;
      } catch (error) {
        const mappedError = fromCosmos(error);
        if (mappedError.code === 'not_found') return false;
        throw mappedError;
      }
    },
    batch: async (key, operations) => {
      const response = await mapped(() => container.items.batch([...operations], partitionKey(key)));
      const failed = response.result?.find((result) => result.statusCode >= 400 && result.statusCode !== 424);
      if (failed) throw fromCosmos({ code: failed.statusCode, message: `batch: ${failed.statusCode}` });
      return (response.result ?? []).map(({ eTag: etag, resourceBody: item }) => ({ etag, item }));
    },
    query: async <U = T>(
      sql: string,
      parameters: Readonly<Record<string, unknown>>,
      options: QueryOptions = {},
    ) => {
      const list: SqlParameter[] = Object.entries(parameters).map(([name, value]) => ({
        name: `@${name}`,
        value: value as JSONObject,
      }));
      const iterator = container.items.query<U>(
        { query: sql, parameters: list },
        {
          ...(options.partitionKey === undefined ? {} : { partitionKey: partitionKey(options.partitionKey) }),
          maxItemCount: options.limit ?? 100,
          ...(options.continuation ? { continuationToken: options.continuation } : {}),
        },
      );
      return options.limit === undefined
        ? { items: (await mapped(() => iterator.fetchAll())).resources }
        : firstPage(iterator, options.limit);
    },
  };
}

/** At most `limit` items: pages are fetched until that many are there, since a page may be short or empty. */
async function firstPage<U>(
  iterator: {
    hasMoreResults(): boolean;
    fetchNext(): Promise<{ resources: U[]; continuationToken: string }>;
  },
  limit: number,
): Promise<Page<U>> {
  const items: U[] = [];
  let continuation: string | undefined;
  while (items.length < limit && iterator.hasMoreResults()) {
    const page = await mapped(() => iterator.fetchNext());
    items.push(...(page.resources ?? []));
    continuation = page.continuationToken;
    if (!continuation) break;
  }
  return { items: items.slice(0, limit), ...(continuation ? { continuation } : {}) };
}

function partitionKey(key: Key): PartitionKey {
  return typeof key === 'string' ? key : [...key];
}

async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromCosmos(error);
  }
}
