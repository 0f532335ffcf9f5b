/** Accounts and their users. */
import type {
  accountExists,
  getAccount,
  listUsers,
  putAccount,
  putUser,
} from '../../shared/contracts/accounts.ts';
import { checkIfMatch, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { accountView, checkOwn, userDocumentId, userView } from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { UserDocument } from './schemas.ts';

export interface AccountHandlers {
  readonly put: Handler<typeof putAccount>;
  readonly get: Handler<typeof getAccount>;
  readonly exists: Handler<typeof accountExists>;
  readonly putUser: Handler<typeof putUser>;
  readonly users: Handler<typeof listUsers>;
}

export function createHandlers(repository: AccountRepository, deps: ServiceDeps): AccountHandlers {
  const known = async (accountId: string) => {
    const account = await repository.account(accountId);
    if (!account) throw new AppError('not_found', 'there is no such account');
    return account;
  };

  return {
    put: async ({ params: { accountId }, body }, call) => {
      const ifMatch = call.headers['if-match'];
      return withOptimisticRetry(async () => {
        const changed = await repository.changeAccount(accountId, body, ifMatch);
        if (changed) {
          return { status: 200 as const, body: accountView(changed.item), headers: { etag: changed.etag } };
        }
        checkIfMatch(ifMatch, undefined);
        const createdAt = deps.now().toISOString();
        const fresh = { id: 'account', type: 'account', accountId, held: 0, settled: {}, createdAt } as const;
        const created = await repository.createAccount({ ...fresh, ...body });
        return { status: 201 as const, body: accountView(created.item), headers: { etag: created.etag } };
      }, ifMatch);
    },

    get: async ({ params }, call) => {
      checkOwn(call.principal, params.accountId);
      const { item, etag } = await known(params.accountId);
      return { status: 200, body: accountView(item), headers: { etag } };
    },

    exists: async ({ params }, call) => {
      checkOwn(call.principal, params.accountId);
      const account = await repository.account(params.accountId);
      return { status: 200, body: account?.item.status === 'active' };
    },

    putUser: async ({ params: { accountId, userId }, body }, call) => {
      checkOwn(call.principal, accountId);
      await known(accountId);
      const { email, ...rest } = body;
      const document: UserDocument = {
        id: userDocumentId(userId),
        type: 'user',
        accountId,
        userId,
        ...rest,
        ...(email ? { email } : {}),
      };
      const ifMatch = call.headers['if-match'];
      return withOptimisticRetry(async () => {
        const earlier = await repository.user(accountId, userId);
        if (!earlier) checkIfMatch(ifMatch, undefined);
        const written = earlier
          ? await repository.replaceUser(document, ifMatch ?? earlier.etag)
          : await repository.createUser(document);
        const headers = { etag: written.etag };
        return { status: earlier ? (200 as const) : (201 as const), body: userView(written.item), headers };
      }, ifMatch);
    },

    users: async ({ params: { accountId } }, call) => {
      checkOwn(call.principal, accountId);
      await known(accountId);
      return { status: 200, body: { users: (await repository.users(accountId)).map(userView) } };
    },
  };
}
