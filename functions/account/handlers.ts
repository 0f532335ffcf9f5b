/** Handles the routes of accounts: operators register and change them. */

import { mayReach } from '../../shared/auth/tenancy.ts';
import type {
  accountExists,
  checkAdmission,
  getAccount,
  listHolds,
  patchAccount,
  putAccount,
} from '../../shared/contracts/accounts.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { checkIfMatch, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import {
  type AccountFacts,
  accountView,
  changedAccount,
  checkMayShip,
  checkOwn,
  newAccount,
} from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { AccountDocument } from './schemas.ts';

export interface AccountHandlers {
  readonly put: Handler<typeof putAccount>;
  readonly patch: Handler<typeof patchAccount>;
  readonly get: Handler<typeof getAccount>;
  readonly exists: Handler<typeof accountExists>;
  readonly admission: Handler<typeof checkAdmission>;
  readonly holds: Handler<typeof listHolds>;
}

interface Change extends Partial<{ [Field in keyof AccountFacts]: AccountFacts[Field] | undefined }> {
  readonly reason?: string | undefined;
}

export function createHandlers(repository: AccountRepository, deps: ServiceDeps): AccountHandlers {
  const known = async (accountId: string) => {
    const account = await repository.account(accountId);
    if (!account) throw new AppError('not_found', 'there is no such account');
    return account;
  };

  /** Fields that the change does not name stay as they are. */
  const changed = async (
    { item, etag }: Stored<AccountDocument>,
    { reason, ...facts }: Change,
    call: Call,
  ): Promise<Stored<AccountDocument>> => {
    const given = Object.entries(facts).filter(([, value]) => value !== undefined);
    const act = { by: call.principal.subject, at: deps.now().toISOString(), reason };
    const document = changedAccount(item, Object.fromEntries(given), act);
    return document ? repository.replaceAccount(document, etag) : { item, etag };
  };

  const answer = ({ item, etag }: Stored<AccountDocument>, call: Call) => ({
    body: accountView(item, call.principal),
    headers: { etag },
  });

  return {
    put: ({ params: { accountId }, body }, call) =>
      withOptimisticRetry(async () => {
        const account = await repository.account(accountId);
        checkIfMatch(call.headers['if-match'], account?.etag);
        if (account) return { status: 200 as const, ...answer(await changed(account, body, call), call) };
        const act = { by: call.principal.subject, at: deps.now().toISOString() };
        const created = await repository.createAccount(newAccount(accountId, body, act));
        return { status: 201 as const, ...answer(created, call) };
      }, call.headers['if-match']),

    patch: ({ params: { accountId }, body }, call) =>
      withOptimisticRetry(async () => {
        const account = await known(accountId);
        checkIfMatch(call.headers['if-match'], account?.etag);
        return { status: 200 as const, ...answer(await changed(account, body, call), call) };
      }, call.headers['if-match']),

    get: async ({ params }, call) => {
      checkOwn(call.principal, params.accountId);
      return { status: 200, ...answer(await known(params.accountId), call) };
    },

    exists: async ({ params }, call) => {
      checkOwn(call.principal, params.accountId);
      const account = await repository.account(params.accountId);
      return { status: 200, body: account?.item.status === 'active' };
    },

    holds: async ({ query: { before, limit } }, { principal }) => {
      const holds = await repository.holds(new Date(before).toISOString(), limit);
      const reachable = holds.filter(({ accountId }) => mayReach(principal, accountId));
      const views = reachable.map(({ accountId, deliveryId, at }) => ({ accountId, deliveryId, at }));
      return { status: 200, body: { holds: views } };
    },

    admission: async ({ params: { accountId }, query: { userId } }, call) => {
      checkOwn(call.principal, accountId);
      const [account, user] = await Promise.all([
        repository.account(accountId),
        repository.user(accountId, userId),
      ]);
      checkMayShip(account?.item, user?.item);
      const { held = 0, quota = 0 } = account?.item ?? {};
      return { status: 200, body: { held, quota } };
    },
  };
}
