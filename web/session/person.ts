/** Who is signed in, as the access token says it. The page only shows by it; the services decide. */

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly accountId: string | undefined;
  readonly isOperator: boolean;
  /** ms since the epoch */
  readonly expiresAt: number;
}

interface Claims {
  readonly sub?: unknown;
  readonly name?: unknown;
  readonly roles?: unknown;
  readonly account?: unknown;
  readonly exp?: unknown;
}

/** Undefined for what is not a JWT, or names nobody. */
export function personOf(token: string): Person | undefined {
  const claims = claimsOf(token);
  if (typeof claims?.sub !== 'string' || typeof claims.exp !== 'number') return undefined;
  return {
    id: claims.sub,
    name: typeof claims.name === 'string' ? claims.name : claims.sub,
    accountId: typeof claims.account === 'string' ? claims.account : undefined,
    isOperator: Array.isArray(claims.roles) && claims.roles.includes('operator'),
    expiresAt: claims.exp * 1000,
  };
}

function claimsOf(token: string): Claims | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch {
    return undefined;
  }
}
