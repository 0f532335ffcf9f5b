/** Who can have a token, and which programs may ask for one. */
import type { Role } from '../../shared/auth/principal.ts';

/** A person, drone, carrier or service; its id is the token's subject. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly accountId?: string;
  readonly droneId?: string;
  readonly carrierId?: string;
}

export interface Client {
  readonly id: string;
  /** For client credentials; a client without one is public and signs people in by code and PKCE. */
  readonly secret?: string;
  /** Whom its client credentials stand for. Default: the principal with the client's id. */
  readonly principalId?: string;
  /** Exact addresses on loopback to which a code may go. */
  readonly redirectUris?: readonly string[];
}

const PEOPLE: readonly Role[] = ['customer', 'account-admin', 'operator'];

/** People sign in on the page; machines have secrets. */
export function isPerson(principal: Principal): boolean {
  return principal.roles.some((role) => PEOPLE.includes(role));
}
