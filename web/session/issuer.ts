/** Finds the issuer by its discovery document, and sends the three requests of the code flow with PKCE. */
import * as oauth from 'oauth4webapi';
import type { PageConfig } from './config.ts';

export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Claims of the verified ID token; undefined after a refresh that brought none. */
  readonly claims: oauth.IDToken | undefined;
  /** Seconds. */
  readonly expiresIn: number;
}

export interface SignInIssuer {
  /** The issuer's sign-in page. @param silent without asking the person */
  readonly signInUrl: (attempt: Attempt, silent: boolean) => Promise<string>;
  /** @throws oauth errors when the answer is an error, belongs to another issuer or attempt, or has an invalid ID token */
  readonly redeem: (attempt: Attempt, answer: URL) => Promise<Tokens>;
  /** @throws oauth errors */
  readonly refresh: (refreshToken: string) => Promise<Tokens>;
  /** Undefined if the issuer has no sign-out page. */
  readonly signOutUrl: (idToken: string | undefined) => Promise<string | undefined>;
}

/** Lifetime of a token whose issuer does not name it. */
const DEFAULT_SECONDS = 300;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

export function createSignInIssuer(config: PageConfig, redirectUri: string): SignInIssuer {
  const issuer = new URL(config.issuer);
  const client: oauth.Client = { client_id: config.clientId };
  const isLocal = issuer.protocol === 'http:' && LOOPBACK.has(issuer.hostname);
  const options = { [oauth.allowInsecureRequests]: isLocal };
  let found: Promise<oauth.AuthorizationServer> | undefined;

  const discover = () => {
    found ??= oauth
      .discoveryRequest(issuer, options)
      .then((response) => oauth.processDiscoveryResponse(issuer, response))
      .catch((error: unknown) => {
        found = undefined;
        throw error;
      });
    return found;
  };

  return {
    signInUrl: async ({ state, nonce, verifier }, silent) => {
      const { authorization_endpoint: endpoint } = await discover();
      if (endpoint === undefined) throw new Error('the issuer names no authorization_endpoint');
      return withParameters(endpoint, {
        response_type: 'code',
        client_id: config.clientId,
        redirect_uri: redirectUri,
        scope: config.scope,
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(silent ? { prompt: 'none' } : {}),
      });
    },
    redeem: async ({ state, nonce, verifier }, answer) => {
      const server = await discover();
      const parameters = oauth.validateAuthResponse(server, client, answer, state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        oauth.None(),
        parameters,
        redirectUri,
        verifier,
        options,
      );
      return tokensOf(
        await oauth.processAuthorizationCodeResponse(server, client, response, {
          expectedNonce: nonce,
          requireIdToken: true,
        }),
      );
    },
    refresh: async (refreshToken) => {
      const server = await discover();
      const response = await oauth.refreshTokenGrantRequest(
        server,
        client,
        oauth.None(),
        refreshToken,
        options,
      );
      return tokensOf(await oauth.processRefreshTokenResponse(server, client, response));
    },
    signOutUrl: async (idToken) => {
      const { end_session_endpoint: endpoint } = await discover();
      if (endpoint === undefined) return undefined;
      return withParameters(endpoint, {
        client_id: config.clientId,
        post_logout_redirect_uri: redirectUri,
        ...(idToken === undefined ? {} : { id_token_hint: idToken }),
      });
    },
  };
}

function tokensOf(answer: oauth.TokenEndpointResponse): Tokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    idToken: answer.id_token,
    claims: oauth.getValidatedIdTokenClaims(answer),
    expiresIn: answer.expires_in ?? DEFAULT_SECONDS,
  };
}

function withParameters(endpoint: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

export function newAttempt(): Attempt {
  return {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
  };
}
