/** Requests and idempotency records in Cosmos; both of one request are written in one batch. */
import type { JSONObject } from '@azure/cosmos';
import type { Database } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { IdempotencyDocument, RequestDocument } from './schemas.ts';

export interface RequestRepository {
  /**
   * Writes a new request. With an idempotency record that exists already, nothing is written and the delivery it stands
   * for is answered.
   */
  record(document: RequestDocument, idempotency?: IdempotencyDocument): Promise<RequestDocument>;
  find(accountId: string, deliveryId: string): Promise<RequestDocument | undefined>;
  /** For an operator, who names no account. */
  findAnywhere(deliveryId: string): Promise<RequestDocument | undefined>;
  setStatus(accountId: string, deliveryId: string, status: RequestDocument['status']): Promise<void>;
}

export function createRequestRepository(database: Database): RequestRepository {
  const store = database.store<RequestDocument>('requests');
  const find: RequestRepository['find'] = async (accountId, deliveryId) =>
    (await store.read(deliveryId, accountId))?.item;

  const earlier = async (idempotency: IdempotencyDocument): Promise<RequestDocument | undefined> => {
    const known = await store.read<IdempotencyDocument>(idempotency.id, idempotency.accountId);
    if (!known) return undefined;
    if (known.item.bodyHash !== idempotency.bodyHash) {
      throw new AppError('idempotency_key_reused', 'this Idempotency-Key was used with another body');
    }
    return find(known.item.accountId, known.item.deliveryId);
  };

  return {
    find,
    record: async (document, idempotency) => {
      if (!idempotency) return (await store.create(document)).item;
      const known = await earlier(idempotency);
      if (known) return known;
      try {
        await store.batch(document.accountId, [
          { operationType: 'Create', resourceBody: idempotency as unknown as JSONObject },
          { operationType: 'Create', resourceBody: document as unknown as JSONObject },
        ]);
        return document;
      } catch (error) {
        const winner =
          error instanceof AppError && error.code === 'already_exists'
            ? await earlier(idempotency)
            : undefined;
        if (winner) return winner;
        throw error;
      }
    },
    findAnywhere: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.id = @id AND c.type = 'request'";
      return (await store.query(sql, { id: deliveryId }, { limit: 1 })).items[0];
    },
    setStatus: async (accountId, deliveryId, status) => {
      await store.patch(deliveryId, accountId, [{ op: 'set', path: '/status', value: status }]);
    },
  };
}
