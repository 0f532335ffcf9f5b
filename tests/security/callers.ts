/** The callers of matrix-table.ts, as tokens. */
import type { TokenIssuer } from '../harness/tokens.ts';
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

const SECONDS = Math.floor(Date.now() / 1000);
/** Of a user who may do everything: only the token itself is wrong. */
export const STRONG: Claims = {
  sub: 'alice',
  roles: ['customer', 'account-admin', 'operator', 'service'],
  account: 'contoso',
};
export const BAD_TOKENS: Readonly<
  Record<string, (issuer: TokenIssuer) => Promise<string | undefined> | string | undefined>
> = {
  'no token': () => undefined,
  'a malformed token': () => 'not.a.token',
  'an expired token': (issuer) => issuer.token({ ...STRONG, exp: SECONDS - 60 }),
  'a token that is not valid yet': (issuer) => issuer.token({ ...STRONG, nbf: SECONDS + 600 }),
  'a token for another audience': (issuer) => issuer.token({ ...STRONG, aud: 'api://other' }),
  'a token of another issuer': (issuer) => issuer.token({ ...STRONG, iss: 'https://login.example/other' }),
  'a token of another key': (issuer) => issuer.foreignToken(STRONG),
  'a token without a signature': (issuer) => issuer.unsignedToken(STRONG),
  'a token signed with the public key': (issuer) => issuer.confusedToken(STRONG),
};
