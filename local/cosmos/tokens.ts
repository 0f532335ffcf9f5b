/**
 * Authorizes Entra tokens: the issuer's keys identify the bearer, the data-plane roles grant the rights.
 *
 * T1 A principal without a role may do nothing; one with any role may read metadata, as the service's built-in roles allow.
 * T2 A token never allows creating or changing databases and containers, as in the service.
 */
import { type BearerOptions, createBearerReader } from '../bearer.ts';

export type Access = 'read' | 'write';

/** Principal (`sub`, `oid` or `appid` of the token) → container (`*`: every one) → right. `write` includes `read`. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Access>>>>;

export interface TokenOptions extends BearerOptions {
  readonly roles: Roles;
}

const READS: ReadonlySet<string> = new Set(['read', 'query', 'feed', 'metadata']);

/** Resolves to whether the bearer may do `operation` on `container`. Rejects when the token is not valid. */
export function createTokenVerifier({ roles, ...options }: TokenOptions) {
  const read = createBearerReader(options);
  return async (token: string, container: string, operation: string): Promise<boolean> => {
    const { names } = await read(token);
    const granted = names.map((name) => (Object.hasOwn(roles, name) ? roles[name] : undefined));
    return granted.some((role) => role !== undefined && allows(role, container, operation));
  };
}

function allows(role: Readonly<Record<string, Access>>, container: string, operation: string): boolean {
  if (operation === 'metadata') return true;
  const access = [role[container], role['*']];
  return READS.has(operation) ? access.some((each) => each !== undefined) : access.includes('write');
}
