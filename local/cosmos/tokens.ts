/**
 * Entra tokens: who the bearer is, by the issuer's keys, and what the data-plane roles let them do.
 *
 * T1 A principal without a role may do nothing; one with any role may read metadata, as the service's built-in roles allow.
 * T2 Databases and containers are never made or changed by a token, as in the service.
 */
import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose';

export type Access = 'read' | 'write';

/** Principal (`sub`, `oid` or `appid` of the token) → container (`*`: every one) → what it may do. `write` includes `read`. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Access>>>>;

export interface TokenOptions {
  /** `iss` of the tokens; its discovery document names the keys. */
  readonly issuer: string;
  /** Default: any. */
  readonly audience?: string;
  readonly roles: Roles;
}

const READS: ReadonlySet<string> = new Set(['read', 'query', 'feed', 'metadata']);
const DISCOVERY_TIMEOUT_MS = 5_000;

/** Answers whether the bearer may do `operation` on `container`. Rejects when the token is not valid. */
export function createTokenVerifier({ issuer, audience, roles }: TokenOptions) {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return async (token: string, container: string, operation: string): Promise<boolean> => {
    keys ??= keysOf(issuer);
    keys.catch(() => {
      keys = undefined;
    });
    const { payload } = await jwtVerify(token, await keys, { issuer, ...(audience ? { audience } : {}) });
    const names = [payload.sub, payload['oid'], payload['appid'], payload['azp']];
    const granted = names.flatMap((name) =>
      typeof name === 'string' && Object.hasOwn(roles, name) ? [roles[name]] : [],
    );
    return granted.some((role) => role !== undefined && allows(role, container, operation));
  };
}

function allows(role: Readonly<Record<string, Access>>, container: string, operation: string): boolean {
  if (operation === 'metadata') return true;
  const access = [role[container], role['*']];
  return READS.has(operation) ? access.some((each) => each !== undefined) : access.includes('write');
}

async function keysOf(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  const { jwks_uri: uri } = (await response.json()) as { jwks_uri?: unknown };
  if (typeof uri !== 'string') throw new Error(`${url} names no keys`);
  return createRemoteJWKSet(new URL(uri));
}
