/** Runs transactional batches (all or nothing) and bulk requests (each operation on its own). */
import { failureCharge, readCharge } from './charges.ts';
import { badRequest, CosmosError } from './errors.ts';
import { type ItemStore, textOf, type Written } from './items.ts';
import { type PartitionKeyText, partitionKeyFrom } from './partition.ts';
import type { PatchOperation } from './patch.ts';
import { isObject } from './query/functions/signature.ts';
import type { ContainerRow, Store } from './store.ts';

export interface BatchOperation {
  readonly operationType: string;
  readonly id?: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  /** Whether the result has no body. */
  readonly minimal?: boolean;
  readonly partitionKey?: string;
  readonly resourceBody?: unknown;
}

export interface OperationResult {
  readonly statusCode: number;
  readonly requestCharge: number;
  readonly eTag?: string;
  readonly resourceBody?: unknown;
  readonly message?: string;
  readonly subStatusCode?: number;
}

const MAX_OPERATIONS = 100;

/** Thrown inside the write, so that the savepoint rolls back the operations before it. */
class BatchFailed extends Error {
  readonly results: readonly OperationResult[];

  constructor(results: readonly OperationResult[]) {
    super('the batch failed');
    this.results = results;
  }
}

export interface BatchAnswer {
  readonly status: 200 | 207;
  readonly results: readonly OperationResult[];
}

export async function runBatch(
  store: Store,
  items: ItemStore,
  container: ContainerRow,
  pk: PartitionKeyText,
  operations: readonly BatchOperation[],
): Promise<BatchAnswer> {
  check(operations);
  try {
    const results = await store.write(() => {
      const done: OperationResult[] = [];
      for (const operation of operations) {
        try {
          done.push(answered(operation, perform(items, container, pk, operation)));
        } catch (error) {
          throw new BatchFailed(
            operations.map((_, index) => (index === done.length ? failure(error) : dependent())),
          );
        }
      }
      return done;
    });
    return { status: 200, results };
  } catch (error) {
    if (error instanceof BatchFailed) return { status: 207, results: error.results };
    throw error;
  }
}

export async function runBulk(
  store: Store,
  items: ItemStore,
  container: ContainerRow,
  operations: readonly BatchOperation[],
): Promise<BatchAnswer> {
  check(operations);
  const results = await Promise.all(
    operations.map(async (operation) => {
      try {
        const pk = partitionKeyFrom(String(operation.partitionKey ?? '[{}]'));
        return answered(operation, await store.write(() => perform(items, container, pk, operation)));
      } catch (error) {
        return failure(error);
      }
    }),
  );
  return { status: results.every(({ statusCode }) => statusCode < 400) ? 200 : 207, results };
}

function check(operations: readonly BatchOperation[]): void {
  if (!Array.isArray(operations) || operations.length === 0 || !operations.every(isObject))
    throw badRequest('a batch needs operations');
  if (operations.length > MAX_OPERATIONS)
    throw badRequest('Batch request has more operations than what is supported.');
}

const WITH_DOCUMENT: ReadonlySet<string> = new Set(['Create', 'Upsert', 'Replace']);

function perform(
  items: ItemStore,
  container: ContainerRow,
  pk: PartitionKeyText,
  operation: BatchOperation,
): OperationResult {
  const conditions = { ifMatch: operation.ifMatch };
  const id = operation.id ?? '';
  const body = operation.resourceBody as Record<string, unknown>;
  if (WITH_DOCUMENT.has(operation.operationType) && !isObject(body))
    throw badRequest('The resource body of the operation is not an object');
  if (operation.operationType === 'Patch' && !Array.isArray(body) && !isObject(body))
    throw badRequest('The resource body of the patch is neither an object nor an array');
  switch (operation.operationType) {
    case 'Create':
      return written(container, items.create(container, pk, body));
    case 'Upsert':
      return written(container, items.upsert(container, pk, body, conditions));
    case 'Replace':
      return written(container, items.replace(container, pk, id, body, conditions));
    case 'Delete':
      return written(container, items.remove(container, pk, id, conditions));
    case 'Patch':
      return written(
        container,
        items.patch(
          container,
          pk,
          id,
          Array.isArray(body) ? { operations: body as PatchOperation[] } : (body as never),
          conditions,
        ),
      );
    case 'Read': {
      const row = items.read(container, pk, id);
      if (!row) throw new CosmosError(404, 'Entity with the specified id does not exist');
      if (operation.ifNoneMatch === row.etag)
        return { statusCode: 304, requestCharge: readCharge(0), eTag: row.etag };
      return written(container, { status: 200, row, charge: readCharge(row.body.length) });
    }
    default:
      throw badRequest(`the batch operation ${operation.operationType} is not known`);
  }
}

function answered({ minimal }: BatchOperation, result: OperationResult): OperationResult {
  if (!minimal) return result;
  const { resourceBody: _, ...rest } = result;
  return rest;
}

function written(container: ContainerRow, { status, row, charge }: Written): OperationResult {
  return {
    statusCode: status,
    requestCharge: charge,
    ...(row ? { eTag: row.etag, resourceBody: JSON.parse(textOf(container, row)) as unknown } : {}),
  };
}

function failure(error: unknown): OperationResult {
  if (!(error instanceof CosmosError)) throw error;
  return {
    statusCode: error.status,
    requestCharge: failureCharge(error.status),
    message: error.message,
    ...(error.subStatus === undefined ? {} : { subStatusCode: error.subStatus }),
  };
}

function dependent(): OperationResult {
  return { statusCode: 424, requestCharge: 0 };
}
