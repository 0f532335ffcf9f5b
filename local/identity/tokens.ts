/** Issues access tokens for APIs, and ID tokens for pages. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Principal } from './principals.ts';
import { ALGORITHM, type SigningKey } from './signing-key.ts';

export interface TokenMaker {
  access(principal: Principal, options: AccessOptions): Promise<string>;
  /** https://openid.net/specs/openid-connect-core-1_0.html#IDToken */
  id(principal: Principal, options: IdOptions): Promise<string>;
}

export interface AccessOptions {
  readonly audience: string;
  readonly ttlSeconds: number;
  /** The client that asked, as the claim `azp`. */
  readonly clientId: string;
}

export interface IdOptions {
  readonly clientId: string;
  readonly ttlSeconds: number;
  readonly nonce?: string;
}

export function createTokens(key: SigningKey, issuer: string, now: () => Date): TokenMaker {
  const sign = (claims: Record<string, unknown>, subject: string, audience: string, ttlSeconds: number) => {
    const seconds = Math.floor(now().getTime() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + ttlSeconds)
      .setJti(randomUUID())
      .sign(key.privateKey);
  };
  return {
    access: (principal, { audience, ttlSeconds, clientId }) =>
      sign({ ...claimsOf(principal), azp: clientId }, principal.id, audience, ttlSeconds),
    id: (principal, { clientId, ttlSeconds, nonce }) =>
      sign({ ...claimsOf(principal), ...(nonce ? { nonce } : {}) }, principal.id, clientId, ttlSeconds),
  };
}

function claimsOf({ name, roles, accountId, droneId, carrierId }: Principal): Record<string, unknown> {
  return {
    name,
    roles,
    ...(accountId ? { account: accountId } : {}),
    ...(droneId ? { drone: droneId } : {}),
    ...(carrierId ? { carrier: carrierId } : {}),
  };
}
