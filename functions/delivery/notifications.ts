/** Notifications in Cosmos, beside their delivery. */
import type { JSONObject, PatchOperation } from '@azure/cosmos';
import type { Database } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import type { NotificationDocument } from './schemas.ts';

export interface NotificationRepository {
  /** Stores the notifications of one event. Resolves to those that are new. */
  add(documents: readonly NotificationDocument[]): Promise<readonly NotificationDocument[]>;
  /** Accounts with notifications that are due, in no particular order. */
  dueAccounts(now: string): Promise<readonly string[]>;
  due(accountId: string, now: string, limit: number): Promise<readonly NotificationDocument[]>;
  /** False when it has changed since it was read: another process has claimed it. */
  change(
    document: NotificationDocument,
    change: Partial<Pick<NotificationDocument, 'status' | 'attempts' | 'dueAt'>>,
  ): Promise<boolean>;
}

/** The limit of a transactional batch. https://learn.microsoft.com/azure/cosmos-db/concepts-limits */
const BATCH_SIZE = 100;
/** Number of accounts in one round; the next round serves the others. */
const MAX_ACCOUNTS = 200;

export function createNotificationRepository(database: Database): NotificationRepository {
  const store = database.store<NotificationDocument>('deliveries');
  const isDue = "c.type = 'notification' AND c.status = 'Due' AND c.dueAt <= @now";

  const addChunk = async (
    chunk: readonly NotificationDocument[],
  ): Promise<readonly NotificationDocument[]> => {
    const [first] = chunk;
    if (!first) return [];
    const operations = chunk.map((document) => ({
      operationType: 'Create' as const,
      resourceBody: document as unknown as JSONObject,
    }));
    const written = await unlessConflict(async () => {
      await store.batch(first.deliveryId, operations);
      return chunk;
    }, 'exists');
    // A batch is all or nothing: the event was delivered again, and this part of it had been written.
    return written ?? [];
  };

  return {
    add: async (documents) => {
      const added: NotificationDocument[] = [];
      for (let start = 0; start < documents.length; start += BATCH_SIZE) {
        added.push(...(await addChunk(documents.slice(start, start + BATCH_SIZE))));
      }
      return added;
    },
    dueAccounts: async (now) => {
      const sql = `SELECT DISTINCT VALUE c.accountId FROM c WHERE ${isDue}`;
      return (await store.query<string>(sql, { now }, { limit: MAX_ACCOUNTS })).items;
    },
    due: async (accountId, now, limit) => {
      const sql = `SELECT * FROM c WHERE ${isDue} AND c.accountId = @accountId`;
      return (await store.query<NotificationDocument>(sql, { now, accountId }, { limit })).items;
    },
    change: async ({ id, deliveryId, dueAt }, change) => {
      const condition = `FROM c WHERE c.status = 'Due' AND c.dueAt = '${dueAt}'`;
      const operations = Object.entries(change).map(
        ([field, value]): PatchOperation => ({ op: 'set', path: `/${field}`, value }),
      );
      const patch = () => store.patch(id, deliveryId, operations, { condition });
      return (await unlessConflict(patch, 'changed')) !== undefined;
    },
  };
}
