/**
 * Decides whose data a caller may reach.
 *
 * T1 A request for another account's data gets the answer for data that does not exist: 404, in the same words.
 * T2 An operator reaches every account. A service reaches the account that it acts for, or every account when it acts
 *    for none. Every other caller reaches the account of its token.
 * T3 403 is for a missing role, and for a body that names another account as the owner of what it would create.
 */
import { AppError } from '../errors.ts';
import { hasRole, type Principal } from './principal.ts';

export function mayReach(principal: Principal, accountId: string): boolean {
  return principal.accountId === accountId || reachesAll(principal);
}

export function reachesAll(principal: Principal): boolean {
  if (hasRole(principal, 'operator')) return true;
  return hasRole(principal, 'service') && principal.accountId === undefined;
}

/** @param missing the caller's answer in place of the other account's data: 'there is no such package' */
export function checkReach(principal: Principal, accountId: string, missing: string): void {
  if (!mayReach(principal, accountId)) throw new AppError('not_found', missing);
}

/** Checks an owner that a body names. @param path of the field, `body.owner.accountId` */
export function checkNamedOwner(principal: Principal, accountId: string, path: string): void {
  if (mayReach(principal, accountId)) return;
  const message = 'is not your account';
  throw new AppError('forbidden', `${path}: ${message}`, { errors: [{ path, message }] });
}

/** The account that the caller belongs to or acts for. @throws AppError `account_unknown` */
export function ownAccount(principal: Principal): string {
  if (principal.accountId !== undefined) return principal.accountId;
  const detail = hasRole(principal, 'service', 'operator')
    ? 'name the account in the header x-account-id'
    : 'your token belongs to no account; ask your administrator for an invitation';
  throw new AppError('account_unknown', detail);
}
