/** Checks access: drones to their own socket, customers to the deliveries of their account, operators to everything. */
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import { AppError } from '../../shared/errors.ts';
import type { Delivery } from '../state/deliveries.ts';

/** @throws AppError 403 */
export function droneOf({ roles, droneId }: Principal): string {
  if (!roles.includes('drone') || !droneId) throw new AppError('forbidden', 'this is for drones only');
  return droneId;
}

/** @throws AppError 403 */
export function requireOperator(principal: Principal): void {
  if (!hasRole(principal, 'operator')) throw new AppError('forbidden', 'this is for operators only');
}

/** For a caller of another account, the delivery does not exist. @throws AppError 404 */
export function requireWatcher(principal: Principal, delivery: Delivery | undefined): Delivery {
  const isOwn =
    hasRole(principal, 'customer', 'account-admin') &&
    principal.accountId !== undefined &&
    delivery?.owner?.accountId === principal.accountId;
  if (!delivery || !(isOwn || hasRole(principal, 'operator'))) {
    throw new AppError('not_found', 'there is no such delivery');
  }
  return delivery;
}
