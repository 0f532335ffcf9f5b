/** Handles the users of a business. A removed user keeps an entry, because the token may outlive the membership. */
import type { getUser, listUsers, putUser, removeUser } from '../../shared/contracts/accounts.ts';
import { checkIfMatch, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { checkAdmin, checkOwn, userDocumentId, userView } from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { UserDocument } from './schemas.ts';

export interface UserHandlers {
  readonly put: Handler<typeof putUser>;
  readonly get: Handler<typeof getUser>;
  readonly remove: Handler<typeof removeUser>;
  readonly list: Handler<typeof listUsers>;
}

export function createUserHandlers(repository: AccountRepository, deps: ServiceDeps): UserHandlers {
  /** @throws AppError `not_found`, `forbidden` */
  const admit = async (accountId: string, { principal }: Call): Promise<void> => {
    checkOwn(principal, accountId);
    if (!(await repository.account(accountId))) throw new AppError('not_found', 'there is no such account');
    checkAdmin(principal, accountId, (await repository.user(accountId, principal.subject))?.item);
  };

  return {
    put: async ({ params: { accountId, userId }, body }, call) => {
      await admit(accountId, call);
      const ifMatch = call.headers['if-match'];
      const { email, ...rest } = body;
      const id = userDocumentId(userId);
      const document: UserDocument = {
        id,
        type: 'user',
        accountId,
        userId,
        ...rest,
        ...(email ? { email } : {}),
      };
      return withOptimisticRetry(async () => {
        const earlier = await repository.user(accountId, userId);
        checkIfMatch(ifMatch, earlier?.etag);
        const { item, etag } = earlier
          ? await repository.replaceUser(document, earlier.etag)
          : await repository.createUser(document);
        const status = !earlier || earlier.item.removedAt !== undefined ? (201 as const) : (200 as const);
        return { status, body: userView(item), headers: { etag } };
      }, ifMatch);
    },

    get: async ({ params: { accountId, userId } }, call) => {
      await admit(accountId, call);
      const known = await repository.user(accountId, userId);
      if (!known || known.item.removedAt !== undefined) throw noUser();
      return { status: 200, body: userView(known.item), headers: { etag: known.etag } };
    },

    remove: async ({ params: { accountId, userId } }, call) => {
      await admit(accountId, call);
      const ifMatch = call.headers['if-match'];
      return withOptimisticRetry(async () => {
        const known = await repository.user(accountId, userId);
        if (!known || known.item.removedAt !== undefined) throw noUser();
        checkIfMatch(ifMatch, known.etag);
        const { email: _email, ...kept } = known.item;
        await repository.replaceUser({ ...kept, removedAt: deps.now().toISOString() }, known.etag);
        return { status: 204 as const };
      }, ifMatch);
    },

    list: async ({ params: { accountId } }, call) => {
      await admit(accountId, call);
      return { status: 200, body: { users: (await repository.users(accountId)).map(userView) } };
    },
  };
}

function noUser(): AppError {
  return new AppError('not_found', 'there is no such user');
}
