/**
 * Authorization codes, in memory.
 *
 * C1 A code is taken once: by the first who brings it, right or wrong.
 * C2 It lives for a minute.
 * C3 It is bound to client, redirect address and challenge. https://www.rfc-editor.org/rfc/rfc7636
 */
import { createHash, randomBytes } from 'node:crypto';
import { OAuthError } from './exchange.ts';

const LIFE_MS = 60_000;
const MOST_CODES = 1000;

export interface Grant {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly principalId: string;
  readonly challenge: string;
  readonly audience: string;
  readonly withIdToken: boolean;
  readonly nonce?: string;
}

export interface Codes {
  issue(grant: Grant): string;
  /** @throws OAuthError `invalid_grant` */
  take(code: string, by: { clientId: string; redirectUri: string; verifier: string }): Grant;
}

export function createCodes(now: () => Date): Codes {
  const codes = new Map<string, { readonly grant: Grant; readonly endsAt: number }>();
  return {
    issue(grant) {
      const time = now().getTime();
      for (const [code, { endsAt }] of codes) {
        if (endsAt > time && codes.size < MOST_CODES) break;
        codes.delete(code);
      }
      const code = randomBytes(32).toString('base64url');
      codes.set(code, { grant, endsAt: time + LIFE_MS });
      return code;
    },
    take(code, { clientId, redirectUri, verifier }) {
      const entry = codes.get(code);
      codes.delete(code);
      if (!entry) throw new OAuthError('invalid_grant', 'no such code, or it was used');
      const { grant, endsAt } = entry;
      if (endsAt <= now().getTime()) throw new OAuthError('invalid_grant', 'the code has expired');
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
