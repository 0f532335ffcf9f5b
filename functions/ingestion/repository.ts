/** Requests and idempotency records in Cosmos; the two of one request are written in one batch. */
import type { JSONObject } from '@azure/cosmos';
import type { Database } from '../../shared/cosmos/store.ts';
import { WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { IdempotencyDocument, RequestDocument } from './schemas.ts';

export interface RequestRepository {
  /**
   * Writes a new request. If its idempotency record already exists, nothing is written, and the record's delivery is
   * answered.
   */
  record(document: RequestDocument, idempotency?: IdempotencyDocument): Promise<RequestDocument>;
  find(accountId: string, deliveryId: string): Promise<RequestDocument | undefined>;
  /** For an operator, who names no account. */
  findAnywhere(deliveryId: string): Promise<RequestDocument | undefined>;
  /** Of an account, or of one of its users, newest first, without those that were abandoned. */
  list(filter: {
    accountId: string;
    userId: string | undefined;
    after: string | undefined;
    limit: number;
  }): Promise<readonly RequestDocument[]>;
  /** The request of an idempotency key. @throws AppError `idempotency_key_reused` when the key came with another body */
  earlier(
    idempotency: Pick<IdempotencyDocument, 'id' | 'accountId' | 'bodyHash'>,
  ): Promise<RequestDocument | undefined>;
  /** False when it was abandoned: only one of `take` and `abandon` succeeds, in either order. Undefined: there is no such request. */
  take(accountId: string, deliveryId: string): Promise<boolean | undefined>;
  /** The hub has acknowledged it. False when it was abandoned. */
  markPublished(accountId: string, deliveryId: string): Promise<boolean>;
  /** Requests recorded before that time and not published. The index finds them, even among many stored requests. */
  pending(before: string, limit: number): Promise<readonly RequestDocument[]>;
  /** False when it was published or taken. */
  abandon(accountId: string, deliveryId: string): Promise<boolean>;
}

const NOT_ABANDONED = "c.status != 'abandoned'";
const PENDING_OR_ABANDONED = "(c.status = 'accepted' AND c.pending = true) OR c.status = 'abandoned'";

export function createRequestRepository(database: Database): RequestRepository {
  const store = database.store<RequestDocument>('requests');
  const find: RequestRepository['find'] = async (accountId, deliveryId) =>
    (await store.read(deliveryId, accountId))?.item;

  const earlier: RequestRepository['earlier'] = async (idempotency) => {
    const known = await store.read<IdempotencyDocument>(idempotency.id, idempotency.accountId);
    if (!known) return undefined;
    if (known.item.bodyHash !== idempotency.bodyHash) {
      throw new AppError('idempotency_key_reused', 'this Idempotency-Key was used with another body');
    }
    return find(known.item.accountId, known.item.deliveryId);
  };

  /** Each of these ends `pending`. False when the request is in none of the states of the condition; undefined: there is none. */
  const settle = async (
    accountId: string,
    deliveryId: string,
    condition: string,
    status?: RequestDocument['status'],
  ): Promise<boolean | undefined> => {
    const operations = [
      { op: 'set' as const, path: '/pending', value: false },
      ...(status ? [{ op: 'set' as const, path: '/status', value: status }] : []),
    ];
    try {
      const known = await store.patch(deliveryId, accountId, operations, {
        condition: `FROM c WHERE ${condition}`,
      });
      return known && true;
    } catch (error) {
      if (error instanceof WriteConflict) return false;
      throw error;
    }
  };

  return {
    find,
    earlier,
    record: async (document, idempotency) => {
      if (!idempotency) return (await store.create(document)).item;
      try {
        await store.batch(document.accountId, [
          { operationType: 'Create', resourceBody: idempotency as unknown as JSONObject },
          { operationType: 'Create', resourceBody: document as unknown as JSONObject },
        ]);
        return document;
      } catch (error) {
        const winner = error instanceof WriteConflict ? await earlier(idempotency) : undefined;
        if (winner) return winner;
        throw error;
      }
    },
    findAnywhere: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.id = @id AND c.type = 'request'";
      return (await store.query(sql, { id: deliveryId }, { limit: 1 })).items[0];
    },
    list: async ({ accountId, userId, after, limit }) => {
      const conditions = [
        "c.type = 'request'",
        NOT_ABANDONED,
        ...(userId === undefined ? [] : ['c.request.owner.userId = @userId']),
        ...(after === undefined ? [] : ['c.sortKey < @after']),
      ];
      const sql = `SELECT * FROM c WHERE ${conditions.join(' AND ')} ORDER BY c.sortKey DESC`;
      const parameters = {
        ...(userId === undefined ? {} : { userId }),
        ...(after === undefined ? {} : { after }),
      };
      return (await store.query(sql, parameters, { partitionKey: accountId, limit })).items;
    },
    take: (accountId, deliveryId) => settle(accountId, deliveryId, NOT_ABANDONED, 'taken'),
    markPublished: async (accountId, deliveryId) =>
      (await settle(accountId, deliveryId, NOT_ABANDONED)) === true,
    abandon: async (accountId, deliveryId) =>
      (await settle(accountId, deliveryId, PENDING_OR_ABANDONED, 'abandoned')) === true,
    pending: async (before, limit) => {
      const sql = 'SELECT * FROM c WHERE c.pending = true AND c.request.acceptedAt < @before';
      return (await store.query(sql, { before }, { limit })).items;
    },
  };
}
