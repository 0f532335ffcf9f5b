/** Who may do what: drones their own socket, customers the deliveries of their account, operators all. */
import { decodeJwt } from 'jose';
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import type { VerifyToken } from '../../shared/auth/verifier.ts';
import { AppError } from '../../shared/errors.ts';
import type { Delivery } from '../state/deliveries.ts';

export interface Bearer {
  readonly principal: Principal;
  /** ms since the epoch; when its token ends. */
  readonly expiresAt: number;
}

/** @throws AppError 401, or 503 when the identity provider is away */
export async function authenticate(authorization: string | undefined, verify: VerifyToken): Promise<Bearer> {
  const token = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1];
  if (!token) {
    throw new AppError('token_missing', 'this needs a bearer token', {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
  const principal = await verify(token);
  return { principal, expiresAt: expiryOf(token) };
}

/** @throws AppError 403 */
export function droneOf({ roles, droneId }: Principal): string {
  if (!roles.includes('drone') || !droneId) throw new AppError('forbidden', 'this is for drones only');
  return droneId;
}

/** @throws AppError 403 */
export function requireOperator(principal: Principal): void {
  if (!hasRole(principal, 'operator')) throw new AppError('forbidden', 'this is for operators only');
}

/** Another account's delivery is one that does not exist. @throws AppError 404 */
export function requireWatcher(principal: Principal, delivery: Delivery | undefined): Delivery {
  const mine =
    hasRole(principal, 'customer', 'account-admin') &&
    principal.accountId !== undefined &&
    delivery?.owner?.accountId === principal.accountId;
  if (!delivery || !(mine || hasRole(principal, 'operator'))) {
    throw new AppError('not_found', 'there is no such delivery');
  }
  return delivery;
}

/** The token was verified before. Opaque ones do not end by themselves. */
function expiryOf(token: string): number {
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
