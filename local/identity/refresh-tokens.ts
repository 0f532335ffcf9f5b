/**
 * Keeps refresh tokens, in memory.
 *
 * T1 A token is used once and replaced by the next of its family. https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
 * T2 A token that is used again ends its family: it has been copied.
 * T3 A family belongs to one client, and ends a day after the sign-in.
 */
import { OAuthError } from './exchange.ts';
import { createExpiringStore } from './expiring-store.ts';

const LIFE_MS = 24 * 3_600_000;
const MAX_TOKENS = 10_000;

export interface RefreshGrant {
  readonly clientId: string;
  readonly principalId: string;
  readonly audience: string;
  readonly scopes: readonly string[];
}

interface Family {
  readonly grant: RefreshGrant;
  readonly endsAt: number;
  /** The only valid token; undefined once the family has ended. */
  newest: string | undefined;
}

export interface RefreshTokens {
  issue(grant: RefreshGrant): string;
  /** The grant, and the token that replaces this one. @throws OAuthError `invalid_grant` */
  rotate(token: string, clientId: string): { readonly grant: RefreshGrant; readonly next: string };
}

export function createRefreshTokens(now: () => Date): RefreshTokens {
  const families = createExpiringStore<Family>({ lifeMs: LIFE_MS, maxEntries: MAX_TOKENS, now });
  const add = (family: Family): string => {
    family.newest = families.issue(family);
    return family.newest;
  };
  return {
    issue: (grant) => add({ grant, endsAt: now().getTime() + LIFE_MS, newest: undefined }),
    rotate(token, clientId) {
      const family = families.find(token);
      if (!family || family.grant.clientId !== clientId || family.endsAt <= now().getTime()) {
        throw new OAuthError('invalid_grant', 'the refresh token is unknown, expired or of another client');
      }
      if (family.newest !== token) {
        family.newest = undefined;
        throw new OAuthError('invalid_grant', 'the refresh token was used before: sign in again');
      }
      return { grant: family.grant, next: add(family) };
    },
  };
}
