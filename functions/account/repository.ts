/** Accounts, users and holds in Cosmos; a hold and the account's counter change in one batch. */
import type { JSONObject, OperationInput } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import { userDocumentId } from './domain.ts';
import type { AccountDocument, HoldDocument, UserDocument } from './schemas.ts';

export interface AccountRepository {
  account(accountId: string): Promise<Stored<AccountDocument> | undefined>;
  createAccount(document: AccountDocument): Promise<Stored<AccountDocument>>;
  /** @throws AppError `etag_mismatch`: another call, or a hold, has changed it */
  replaceAccount(document: AccountDocument, etag: string): Promise<Stored<AccountDocument>>;
  user(accountId: string, userId: string): Promise<Stored<UserDocument> | undefined>;
  createUser(document: UserDocument): Promise<Stored<UserDocument>>;
  replaceUser(document: UserDocument, etag: string): Promise<Stored<UserDocument>>;
  users(accountId: string): Promise<readonly UserDocument[]>;
  hold(accountId: string, deliveryId: string): Promise<Stored<HoldDocument> | undefined>;
  /** Current holds of all accounts, oldest first. */
  holds(before: string, limit: number): Promise<readonly HoldDocument[]>;
  /**
   * Answers how many the account holds now.
   * @throws WriteConflict `exists`: there is a hold; `changed`: there is no account, or it may not ship
   */
  createHold(hold: HoldDocument): Promise<number>;
  /** The end of a hold that never was: a hold that comes late finds it. @throws WriteConflict */
  createEnded(hold: HoldDocument): Promise<void>;
  /** @throws WriteConflict when no hold stands */
  endHold(accountId: string, deliveryId: string, status: 'Settled' | 'Released', at: string): Promise<void>;
}

const MAY_HOLD = "FROM c WHERE c.status = 'active' AND c.held < c.quota";

export function createAccountRepository(database: Database): AccountRepository {
  const store = database.store<AccountDocument | UserDocument | HoldDocument>('accounts');
  const json = (item: unknown) => item as JSONObject;
  return {
    account: (accountId) => store.read<AccountDocument>('account', accountId),
    createAccount: (document) => store.create<AccountDocument>(document),
    replaceAccount: (document, etag) => store.replace<AccountDocument>(document, document.accountId, etag),
    user: (accountId, userId) => store.read<UserDocument>(userDocumentId(userId), accountId),
    createUser: (document) => store.create<UserDocument>(document),
    replaceUser: (document, etag) => store.replace<UserDocument>(document, document.accountId, etag),
    users: async (accountId) => {
      const sql = "SELECT * FROM c WHERE c.type = 'user' AND NOT IS_DEFINED(c.removedAt) ORDER BY c.userId";
      return (await store.query<UserDocument>(sql, {}, { partitionKey: accountId })).items;
    },
    hold: (accountId, deliveryId) => store.read<HoldDocument>(`hold-${deliveryId}`, accountId),
    holds: async (before, limit) => {
      const sql =
        "SELECT * FROM c WHERE c.type = 'hold' AND c.status = 'Held' AND c.at < @before ORDER BY c.at";
      return (await store.query<HoldDocument>(sql, { before }, { limit })).items;
    },
    createHold: async (hold) => {
      const [, written] = await orMissing(
        store.batch(hold.accountId, [
          { operationType: 'Create', resourceBody: json(hold) },
          count([{ op: 'incr', path: '/held', value: 1 }], MAY_HOLD),
        ]),
      );
      return (written?.item as AccountDocument | undefined)?.held ?? 0;
    },
    createEnded: async (hold) => {
      await store.create<HoldDocument>(hold);
    },
    endHold: async (accountId, deliveryId, status, at) => {
      const fields = Object.entries({ status, endedAt: at });
      const operations = fields.map(([name, value]) => ({ op: 'set' as const, path: `/${name}`, value }));
      const settled = { op: 'incr', path: `/settled/${at.slice(0, 7)}`, value: 1 } as const;
      await orMissing(
        store.batch(accountId, [
          {
            operationType: 'Patch',
            id: `hold-${deliveryId}`,
            resourceBody: { operations, condition: "FROM c WHERE c.status = 'Held'" },
          },
          count([{ op: 'incr', path: '/held', value: -1 }, ...(status === 'Settled' ? [settled] : [])]),
        ]),
      );
    },
  };
}

/** What is not there is a conflict, too: the caller reads, and decides again. */
async function orMissing<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') throw new WriteConflict('changed', error);
    throw error;
  }
}

function count(
  operations: { op: 'incr'; path: string; value: number }[],
  condition?: string,
): OperationInput {
  const resourceBody = condition ? { condition, operations } : { operations };
  return { operationType: 'Patch', id: 'account', resourceBody };
}
