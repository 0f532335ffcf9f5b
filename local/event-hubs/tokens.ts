/**
 * Authorizes Entra tokens: the issuer's keys identify the bearer, the data-plane roles grant the rights.
 * https://learn.microsoft.com/azure/event-hubs/authorize-access-azure-active-directory#azure-built-in-roles-for-azure-event-hubs
 */
import { type BearerOptions, createBearerReader } from '../bearer.ts';
import type { Right, VerifyToken } from './auth.ts';

/** Azure Event Hubs Data Sender, Data Receiver, Data Owner. */
export type Role = 'sender' | 'receiver' | 'owner';

/** Principal (`sub`, `oid`, `appid` or `azp` of the token) → hub (`*`: every one) → its roles there. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Role | readonly Role[]>>>>;

export interface TokenOptions extends BearerOptions {
  readonly roles: Roles;
}

const RIGHTS: Readonly<Record<Role, Right>> = { sender: 'Send', receiver: 'Listen', owner: 'Manage' };

export function createTokenVerifier({ roles, ...options }: TokenOptions): VerifyToken {
  const read = createBearerReader(options);
  return async (token, hub) => {
    const { names, expires } = await read(token);
    const granted = names.flatMap((name) =>
      Object.hasOwn(roles, name) ? rolesOn(roles[name] ?? {}, hub) : [],
    );
    return { rights: [...new Set(granted.map((role) => RIGHTS[role]))], expires };
  };
}

function rolesOn(of: Readonly<Record<string, Role | readonly Role[]>>, hub: string): readonly Role[] {
  return Object.entries(of)
    .filter(([name]) => name === '*' || name.toLowerCase() === hub)
    .flatMap(([, role]) => role);
}
