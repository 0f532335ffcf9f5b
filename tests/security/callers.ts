/** The callers of matrix-table.ts, as tokens. */
import type { Caller } from './matrix-table.ts';

export type Claims = Record<string, unknown>;

/** What the token of each caller of the table says. */
export const CLAIMS: Record<Caller, Claims> = {
  alice: { sub: 'alice', roles: ['customer'], account: 'contoso' },
  adam: { sub: 'adam', roles: ['account-admin'], account: 'contoso' },
  tara: { sub: 'tara', roles: ['customer'], account: 'tailwind' },
  tom: { sub: 'tom', roles: ['account-admin'], account: 'tailwind' },
  lost: { sub: 'lost', roles: ['customer'] },
  olivia: { sub: 'olivia', roles: ['operator'] },
  drone: { sub: 'drone-1', roles: ['drone'], drone: 'drone-1' },
  courier: { sub: 'courier', roles: ['carrier'], carrier: 'courier' },
  rival: { sub: 'rival', roles: ['carrier'], carrier: 'rival' },
  service: { sub: 'supervisor', roles: ['service'] },
  forC: { sub: 'scheduler', roles: ['service'] },
  forT: { sub: 'scheduler', roles: ['service'] },
};
