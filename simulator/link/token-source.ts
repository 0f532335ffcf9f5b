/** Gets access tokens by client credentials (RFC 6749 §4.4) from the issuer's discovered token endpoint. */

export interface TokenSourceOptions {
  /** The issuer's token endpoint; the sources of a fleet share one. */
  readonly endpoint: () => Promise<string>;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface AccessToken {
  readonly value: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/** The current token. A new one is fetched before it expires, with one request at a time. */
export type TokenSource = () => Promise<AccessToken>;

/** Remaining lifetime at which a token is renewed: a tenth of its lifetime, at most a minute. */
const RENEW_SHARE = 0.1;
const RENEW_MS = 60_000;
const TIMEOUT_MS = 5_000;
const DEFAULT_LIFE_SECONDS = 300;

/** @throws Error in words when the issuer cannot be reached or refuses the client */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  let current: (AccessToken & { readonly renewAt: number }) | undefined;
  let fetching: Promise<AccessToken> | undefined;
  const renew = async () => {
    const answer = await request(await options.endpoint(), options);
    const life = (answer.expires_in ?? DEFAULT_LIFE_SECONDS) * 1000;
    const expiresAt = options.now() + life;
    current = {
      value: answer.access_token,
      expiresAt,
      renewAt: expiresAt - Math.min(RENEW_MS, life * RENEW_SHARE),
    };
    return current;
  };
  return async () => {
    if (current && options.now() < current.renewAt) return current;
    fetching ??= renew().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
}

/** The issuer's token endpoint, discovered once; a failure is not remembered. */
export function discoverOnce(issuer: string): () => Promise<string> {
  let found: Promise<string> | undefined;
  return () => {
    found ??= discover(issuer).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`discovery at the issuer answered ${response.status}`);
  return ((await response.json()) as { token_endpoint: string }).token_endpoint;
}

async function request(
  endpoint: string,
  { clientId, clientSecret, scope }: TokenSourceOptions,
): Promise<{ access_token: string; expires_in?: number }> {
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...(scope ? { scope } : {}),
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the issuer refused client ${clientId}: ${response.status}`);
  return (await response.json()) as { access_token: string; expires_in?: number };
}
