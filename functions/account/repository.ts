/** Accounts, users and holds in Cosmos; a hold and the account's counter change in one batch. */
import type { JSONObject, OperationInput } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
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
  /** @throws WriteConflict `exists`: there is a hold already; `changed`: the account may no longer ship */
  createHold(hold: HoldDocument): Promise<void>;
  /** Records the end of a hold that never existed, so that a late hold is refused. @throws WriteConflict */
  createEnded(hold: HoldDocument): Promise<void>;
  /** @throws WriteConflict */
  endHold(hold: HoldDocument, etag: string): Promise<void>;
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
      await store.batch(hold.accountId, [
        { operationType: 'Create', resourceBody: json(hold) },
        count([{ op: 'incr', path: '/held', value: 1 }], MAY_HOLD),
      ]);
    },
    createEnded: async (hold) => {
      await store.create<HoldDocument>(hold);
    },
    endHold: async (hold, etag) => {
      const month = hold.endedAt?.slice(0, 7);
      await store.batch(hold.accountId, [
        { operationType: 'Replace', id: hold.id, resourceBody: json(hold), ifMatch: etag },
        count([
          { op: 'incr', path: '/held', value: -1 },
          ...(hold.status === 'Settled'
            ? [{ op: 'incr', path: `/settled/${month}`, value: 1 } as const]
            : []),
        ]),
      ]);
    },
  };
}

function count(
  operations: { op: 'incr'; path: string; value: number }[],
  condition?: string,
): OperationInput {
  const resourceBody = condition ? { condition, operations } : { operations };
  return { operationType: 'Patch', id: 'account', resourceBody };
}
