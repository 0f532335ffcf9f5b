/** Who can have a token, and which programs may ask for one. */
import type { Role } from '../../shared/auth/principal.ts';

/** A person, drone, carrier or service; its id is the token's subject. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly accountId?: string;
  /** The account's name for people. */
  readonly accountName?: string;
  readonly droneId?: string;
  readonly carrierId?: string;
}

export interface Client {
  readonly id: string;
  /** Its name for people. */
  readonly name?: string;
  /** For client credentials; a client without one is public and signs people in by code and PKCE. */
  readonly secret?: string;
  /** The principal that its client credentials stand for. Default: the one with the client's id. */
  readonly principalId?: string;
  /** Exact addresses on loopback to which a code may go. */
  readonly redirectUris?: readonly string[];
}

const PEOPLE: readonly Role[] = ['customer', 'account-admin', 'operator'];
const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]', '::1']);

/** A person signs in on the page; a principal that a client's secret stands for is a program, whatever its roles. */
export function isPerson(principal: Principal, clients: Iterable<Client>): boolean {
  if (!principal.roles.some((role) => PEOPLE.includes(role))) return false;
  return ![...clients].some(
    ({ id, secret, principalId }) => secret !== undefined && (principalId ?? id) === principal.id,
  );
}

/** @param hostname as in `URL.hostname` or a `listen` call, without a port */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname.toLowerCase());
}
