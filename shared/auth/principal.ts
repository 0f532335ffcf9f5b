/** The caller, as every route, stream and handler knows it. */

export const ROLES = ['customer', 'account-admin', 'operator', 'drone', 'carrier', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Made from a verified token, or by the in-process transport when one service calls another. */
export interface Principal {
  /** Token subject: a person's, drone's, carrier's or service's id. */
  readonly subject: string;
  readonly name?: string;
  readonly roles: readonly Role[];
  /** The business a person belongs to; for a service, the account it acts for. */
  readonly accountId?: string;
  readonly droneId?: string;
  readonly carrierId?: string;
}

export function hasRole(principal: Principal, ...roles: readonly Role[]): boolean {
  return roles.some((role) => principal.roles.includes(role));
}
