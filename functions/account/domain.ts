/** Pure rules of accounts: who may see an account, and who may ship. */
import { createHash } from 'node:crypto';
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import { checkReach } from '../../shared/auth/tenancy.ts';
import type { Account, AccountAct } from '../../shared/contracts/accounts.ts';
import { Id } from '../../shared/contracts/common.ts';
import { AppError } from '../../shared/errors.ts';
import { read } from '../../shared/read.ts';
import type { AccountDocument, UserDocument } from './schemas.ts';

/**
 * A user id may contain what a document id may not (`/`, `?`, `#`, 255 characters of any script). Such an id is stored
 * as its digest. `~` keeps the two forms apart: no plain id begins with it.
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

/**
 * The list of users decides within what the token allows: an admin who is demoted or removed there loses the role at once.
 * A user who is not on the list has the rights of the token, so that a new business can add its first user.
 * @throws AppError `not_found` for another account's id, `forbidden`
 */
export function checkAdmin(principal: Principal, accountId: string, listed: UserDocument | undefined): void {
  checkOwn(principal, accountId);
  if (hasRole(principal, 'operator') || !listed) return;
  if (listed.role !== 'account-admin' || listed.removedAt !== undefined) {
    throw new AppError('forbidden', 'you are no longer an administrator of this account');
  }
}

/** @throws AppError `account_unknown`, `account_suspended` or `over_quota`, in this order */
export function checkMayShip(account: AccountDocument | undefined, user: UserDocument | undefined): void {
  if (!account) throw new AppError('account_unknown', 'there is no such account');
  if (!isMember(user)) throw new AppError('account_unknown', 'the user does not belong to this account');
  if (account.status === 'suspended') throw new AppError('account_suspended', 'the account is suspended');
  if (account.held >= account.quota) {
    const { held, quota } = account;
    throw new AppError('over_quota', `${held} deliveries are under way, the quota is ${quota}`, {
      facts: { held, quota },
    });
  }
}

/** Whether the account's list of users has this user. */
export function isMember(user: UserDocument | undefined): boolean {
  return user !== undefined && user.removedAt === undefined;
}

export type AccountFacts = Pick<AccountDocument, 'name' | 'quota' | 'status'>;

/** Largest number of audit entries kept with an account. */
const MAX_ACTS = 100;

const NEW_ACCOUNT = { quota: 100, status: 'active' } as const;

export interface Registration {
  readonly name: string;
  readonly quota?: number | undefined;
  readonly status?: AccountDocument['status'] | undefined;
  readonly reason?: string | undefined;
}

/** A new account with its audit entry; fields that the registration does not name have their defaults. */
export function newAccount(
  accountId: string,
  { reason, ...given }: Registration,
  { by, at }: { readonly by: string; readonly at: string },
): AccountDocument {
  const facts = { ...NEW_ACCOUNT, ...given };
  return {
    id: 'account',
    type: 'account',
    accountId,
    held: 0,
    settled: {},
    createdAt: at,
    name: facts.name,
    quota: facts.quota ?? NEW_ACCOUNT.quota,
    status: facts.status ?? NEW_ACCOUNT.status,
    audit: [{ by, at, action: 'registered', before: {}, after: facts, ...(reason ? { reason } : {}) }],
  };
}

/** The account with a change and its audit entry; undefined when nothing would change. */
export function changedAccount(
  known: AccountDocument,
  change: Partial<AccountFacts>,
  { by, at, reason }: { by: string; at: string; reason: string | undefined },
): AccountDocument | undefined {
  const changed = (Object.keys(change) as (keyof AccountFacts)[]).filter(
    (field) => change[field] !== undefined && change[field] !== known[field],
  );
  if (changed.length === 0) return undefined;
  const after = Object.fromEntries(changed.map((field) => [field, change[field]]));
  const before = Object.fromEntries(changed.map((field) => [field, known[field]]));
  const status = after['status'];
  const action = status === 'suspended' ? 'suspended' : status === 'active' ? 'reactivated' : 'changed';
  const act: AccountAct = { by, at, action, ...(reason ? { reason } : {}), before, after };
  return { ...known, ...after, audit: [...(known.audit ?? []), act].slice(-MAX_ACTS) };
}

export function accountView(document: AccountDocument, viewer?: Principal): Account {
  const { accountId, name, quota, status, held, settled, createdAt, audit } = document;
  const acts = audit && viewer && hasRole(viewer, 'operator') ? { audit: [...audit] } : {};
  return { id: accountId, name, quota, status, held, settled, createdAt, ...acts };
}

export function userView({ userId, name, role, email }: UserDocument) {
  return { id: userId, name, role, ...(email ? { email } : {}) };
}
