/** Identifies the bearer of an Entra token by its issuer's keys. */
import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose';

export interface BearerOptions {
  /** `iss` of the tokens; its discovery document names the keys. */
  readonly issuer: string;
  /** Default: any. */
  readonly audience?: string;
}

export interface Bearer {
  /** The names to which roles may be assigned: `sub`, `oid`, `appid` and `azp` of the token. */
  readonly names: readonly string[];
  /** ms since the epoch */
  readonly expires: number;
}

const DISCOVERY_TIMEOUT_MS = 5_000;

/** Resolves to the bearer of the token. Rejects when it is not valid, or the issuer's keys cannot be fetched. */
export function createBearerReader({ issuer, audience }: BearerOptions): (token: string) => Promise<Bearer> {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return async (token) => {
    keys ??= keysOf(issuer);
    keys.catch(() => {
      keys = undefined;
    });
    const { payload } = await jwtVerify(token, await keys, { issuer, ...(audience ? { audience } : {}) });
    const names = [payload.sub, payload['oid'], payload['appid'], payload['azp']];
    return {
      names: names.filter((name) => typeof name === 'string'),
      expires: (payload.exp ?? 0) * 1000,
    };
  };
}

async function keysOf(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  const { jwks_uri: uri } = (await response.json()) as { jwks_uri?: unknown };
  if (typeof uri !== 'string') throw new Error(`${url} names no keys`);
  return createRemoteJWKSet(new URL(uri));
}
