/** Pure rules of accounts: who may see one, who may ship. */
import { createHash } from 'node:crypto';
import type { Principal } from '../../shared/auth/principal.ts';
import { checkReach } from '../../shared/auth/tenancy.ts';
import type { Account } from '../../shared/contracts/accounts.ts';
import { Id } from '../../shared/contracts/common.ts';
import { AppError } from '../../shared/errors.ts';
import { read } from '../../shared/read.ts';
import type { AccountDocument, HoldDocument, UserDocument } from './schemas.ts';

/**
 * A user id may contain what a document id may not (`/`, `?`, `#`, 255 characters of any script), so such a one is
 * stored under its digest. `~` keeps the two forms apart: no plain id begins with it.
 */
export function userDocumentId(userId: string): `user-${string}` {
  return read(Id, userId).ok
    ? `user-${userId}`
    : `user-~${createHash('sha256').update(userId).digest('base64url')}`;
}

/** @throws AppError `not_found` for another account's id */
export function checkOwn(principal: Principal, accountId: string): void {
  checkReach(principal, accountId, 'there is no such account');
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
