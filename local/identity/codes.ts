/**
 * Keeps authorization codes, in memory.
 *
 * C1 A code is used once, by the first request that presents it, valid or not.
 * C2 It is valid for a minute.
 * C3 It is bound to client, redirect address and challenge. https://www.rfc-editor.org/rfc/rfc7636
 */
import { createHash } from 'node:crypto';
import { OAuthError } from './exchange.ts';
import { createExpiringStore } from './expiring-store.ts';

const LIFE_MS = 60_000;
const MAX_CODES = 1000;

export interface Grant {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly principalId: string;
  readonly challenge: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly nonce?: string;
}

export interface Codes {
  issue(grant: Grant): string;
  /** @throws OAuthError `invalid_grant` */
  take(code: string, by: { clientId: string; redirectUri: string; verifier: string }): Grant;
}

export function createCodes(now: () => Date): Codes {
  const codes = createExpiringStore<Grant>({ lifeMs: LIFE_MS, maxEntries: MAX_CODES, now });
  return {
    issue: (grant) => codes.issue(grant),
    take(code, { clientId, redirectUri, verifier }) {
      const grant = codes.take(code);
      if (!grant) throw new OAuthError('invalid_grant', 'the code is unknown, used or expired');
      if (grant.clientId !== clientId) throw new OAuthError('invalid_grant', 'the code is of another client');
      if (grant.redirectUri !== redirectUri) {
        throw new OAuthError('invalid_grant', 'redirect_uri is not the one the code was made for');
      }
      if (createHash('sha256').update(verifier).digest('base64url') !== grant.challenge) {
        throw new OAuthError('invalid_grant', 'code_verifier does not match the challenge');
      }
      return grant;
    },
  };
}
