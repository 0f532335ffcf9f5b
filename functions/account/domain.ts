/** Pure rules of accounts: who may see one, who may ship. */
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import type { Account } from '../../shared/contracts/accounts.ts';
import { AppError } from '../../shared/errors.ts';
import type { AccountDocument, HoldDocument, UserDocument } from './schemas.ts';

/** @throws AppError `not_found` for another account's id */
export function checkOwn(principal: Principal, accountId: string): void {
  if (hasRole(principal, 'operator') || principal.accountId === accountId) return;
  if (hasRole(principal, 'service') && principal.accountId === undefined) return;
  throw new AppError('not_found', 'there is no such account');
}

/** @throws AppError `account_unknown`, `account_suspended` or `over_quota`, in this order */
export function checkMayShip(account: AccountDocument | undefined, user: UserDocument | undefined): void {
  if (!account) throw new AppError('account_unknown', 'there is no such account');
  if (!user) throw new AppError('account_unknown', 'the user does not belong to this account');
  if (account.status === 'suspended') throw new AppError('account_suspended', 'the account is suspended');
  if (account.held >= account.quota) {
    const { held, quota } = account;
    throw new AppError('over_quota', `${held} deliveries are under way, the quota is ${quota}`, {
      facts: { held, quota },
    });
  }
}

/** What releasing does to a hold; undefined: nothing, it has ended. */
export function endOfHold(hold: HoldDocument, settled: boolean, at: string): HoldDocument | undefined {
  return hold.status === 'Held'
    ? { ...hold, status: settled ? 'Settled' : 'Released', endedAt: at }
    : undefined;
}

export function accountView(document: AccountDocument): Account {
  const { accountId, name, quota, status, held, settled, createdAt } = document;
  return { id: accountId, name, quota, status, held, settled, createdAt };
}

export function userView({ userId, name, role, email }: UserDocument) {
  return { id: userId, name, role, ...(email ? { email } : {}) };
}
