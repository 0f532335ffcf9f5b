/**
 * Entra tokens: who the bearer is, by the issuer's keys, and which rights the data-plane roles give.
 * https://learn.microsoft.com/azure/event-hubs/authorize-access-azure-active-directory#azure-built-in-roles-for-azure-event-hubs
 */
import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Right, VerifyToken } from './auth.ts';

/** Azure Event Hubs Data Sender, Data Receiver, Data Owner. */
export type Role = 'sender' | 'receiver' | 'owner';

/** Principal (`sub`, `oid`, `appid` or `azp` of the token) → hub (`*`: every one) → its roles there. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Role | readonly Role[]>>>>;

export interface TokenOptions {
  /** `iss` of the tokens; its discovery document names the keys. */
  readonly issuer: string;
  /** Default: any. */
  readonly audience?: string;
  readonly roles: Roles;
}

const RIGHTS: Readonly<Record<Role, Right>> = { sender: 'Send', receiver: 'Listen', owner: 'Manage' };
const DISCOVERY_TIMEOUT_MS = 5_000;

export function createTokenVerifier({ issuer, audience, roles }: TokenOptions): VerifyToken {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return async (token, hub) => {
    keys ??= keysOf(issuer);
    keys.catch(() => {
      keys = undefined;
    });
    const { payload } = await jwtVerify(token, await keys, { issuer, ...(audience ? { audience } : {}) });
    const names = [payload.sub, payload['oid'], payload['appid'], payload['azp']];
    const granted = names.flatMap((name) =>
      typeof name === 'string' && Object.hasOwn(roles, name) ? rolesOn(roles[name] ?? {}, hub) : [],
    );
    return {
      rights: [...new Set(granted.map((role) => RIGHTS[role]))],
      expires: (payload.exp ?? 0) * 1000,
    };
  };
}

function rolesOn(of: Readonly<Record<string, Role | readonly Role[]>>, hub: string): readonly Role[] {
  return Object.entries(of)
    .filter(([name]) => name === '*' || name.toLowerCase() === hub)
    .flatMap(([, role]) => role);
}

async function keysOf(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  const { jwks_uri: uri } = (await response.json()) as { jwks_uri?: unknown };
  if (typeof uri !== 'string') throw new Error(`${url} names no keys`);
  return createRemoteJWKSet(new URL(uri));
}
