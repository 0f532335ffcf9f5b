/**
 * Runs a small OpenID Connect issuer for one machine. It signs the same kind of tokens as Entra ID in Azure, so
 * authorization is never switched off; it asks for no password, so it serves loopback only.
 *
 * I1 It listens on loopback, and answers only requests whose Host and Origin are this machine's (a page elsewhere that rebinds its name
 *    to 127.0.0.1 gets nothing).
 * I2 Codes go to registered addresses only, and every code needs PKCE.
 * I3 The key outlives the process, and so do the tokens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHostCheck, isLoopback } from '../host-check.ts';
import { answerAuthorize } from './authorize-endpoint.ts';
import { createCodes } from './codes.ts';
import { allowLoopbackOrigins, answerJson, answerPage, OAuthError } from './exchange.ts';
import type { Issuer } from './issuer.ts';
import { answerManagedIdentity, type ManagedIdentityOptions } from './managed-identity.ts';
import { messagePage } from './people-page.ts';
import type { Client, Principal, SignInPage } from './principals.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { ALGORITHM, loadSigningKey } from './signing-key.ts';
import { saveIssuer } from './token-command.ts';
import { answerToken } from './token-endpoint.ts';
import { createTokens } from './tokens.ts';

export type { Client, Principal, SignInPage } from './principals.ts';

/** Lifetime of a token of `tokenFor`, in seconds. */
const LONG_TOKEN_SECONDS = 12 * 3600;
const DEFAULT_AUDIENCE = 'api://local';
const NO_PEOPLE: SignInPage = { application: 'local', people: [], staff: 'Staff' };

export interface IdentityOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default 127.0.0.1; anything but loopback is refused. */
  readonly host?: string;
  /** Folder of the signing key. */
  readonly dataDir: string;
  readonly principals: readonly Principal[];
  readonly clients: readonly Client[];
  /** Audiences that tokens may have; the first is the default. Default: `api://local`. */
  readonly resources?: readonly string[];
  /** Without it, people cannot sign in. */
  readonly signIn?: SignInPage;
  readonly managedIdentity?: ManagedIdentityOptions;
  readonly now?: () => Date;
}

export interface IdentityServer extends AsyncDisposable {
  readonly port: number;
  readonly issuer: string;
  /** Value of `IDENTITY_ENDPOINT`. */
  readonly managedIdentityEndpoint: string;
  /** An access token. `ttl` in seconds, default 12 h. @throws Error when no principal has this id */
  tokenFor(who: string, options?: { readonly audience?: string; readonly ttl?: number }): Promise<string>;
  close(): Promise<void>;
}

/** @throws Error when the host is not loopback, the port is in use, a redirect address is not loopback, the key is damaged */
export async function startIdentity(options: IdentityOptions): Promise<IdentityServer> {
  const host = options.host ?? '127.0.0.1';
  if (!isLoopback(host)) {
    throw new Error(`${host} is not loopback: an issuer that asks for no password serves this machine only`);
  }
  checkRedirects(options.clients);
  const now = options.now ?? (() => new Date());
  const key = await loadSigningKey(options.dataDir);
  let answer: Answer | undefined;
  const check = createHostCheck();
  const server = createServer((request, response) => {
    const reason = check(request.headers);
    if (reason !== undefined)
      return answerJson(response, 403, { error: 'access_denied', error_description: reason });
    const isShown = request.url?.startsWith('/authorize') === true;
    if (!isShown && !request.url?.startsWith('/managed-identity')) allowLoopbackOrigins(request, response);
    answer?.(request, response).catch((error: unknown) => refuse(response, error, isShown));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  const issuer: Issuer = {
    url,
    now,
    tokens: createTokens(key, url, now),
    principals: new Map(options.principals.map((principal) => [principal.id, principal])),
    clients: new Map(options.clients.map((client) => [client.id, client])),
    signIn: options.signIn ?? NO_PEOPLE,
    resources: options.resources?.length ? options.resources : [DEFAULT_AUDIENCE],
  };
  answer = createAnswers(issuer, key, options.managedIdentity);
  const [audience] = issuer.resources as [string];
  await saveIssuer(options.dataDir, { issuer: url, audience, principals: options.principals });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    port,
    issuer: url,
    managedIdentityEndpoint: `${url}/managed-identity/token`,
    tokenFor: (who, wanted = {}) => tokenFor(issuer, who, wanted),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The issuer's endpoints. */
function createAnswers(
  issuer: Issuer,
  { publicJwk }: Awaited<ReturnType<typeof loadSigningKey>>,
  managedIdentity: IdentityOptions['managedIdentity'],
): Answer {
  const grants = {
    codes: createCodes(issuer.now),
    refreshTokens: createRefreshTokens(issuer.now),
    sessions: createSessions(issuer.now),
  };
  return async (request, response) => {
    const path = new URL(request.url ?? '/', issuer.url).pathname;
    const route = `${request.method} ${path}`;
    switch (route) {
      case 'GET /.well-known/openid-configuration':
        return answerJson(response, 200, discovery(issuer.url));
      case 'GET /jwks':
        return answerJson(response, 200, { keys: [publicJwk] });
      case 'POST /token':
        return answerToken(issuer, grants, request, response);
      case 'GET /authorize':
      case 'POST /authorize':
        return answerAuthorize(issuer, grants, request, response);
      case 'GET /logout':
        return answerLogout(issuer, grants.sessions, request, response);
      case 'GET /managed-identity/token':
        if (managedIdentity) return answerManagedIdentity(issuer, managedIdentity, request, response);
        break;
      default:
        if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    }
    answerJson(response, 404, { error: 'not_found', error_description: `there is no ${route}` });
  };
}

async function tokenFor(
  { principals, tokens, resources }: Issuer,
  who: string,
  { audience, ttl }: { readonly audience?: string; readonly ttl?: number },
): Promise<string> {
  const principal = principals.get(who);
  if (!principal) throw new Error(`there is no principal ${who}`);
  return tokens.access(principal, {
    audience: audience ?? (resources[0] as string),
    ttlSeconds: ttl ?? LONG_TOKEN_SECONDS,
    clientId: 'demonstration',
  });
}

function checkRedirects(clients: readonly Client[]): void {
  for (const { id, redirectUris = [] } of clients) {
    const wrong = redirectUris.find((uri) => !URL.canParse(uri) || !isLoopback(new URL(uri).hostname));
    if (wrong !== undefined) throw new Error(`client ${id}: ${wrong} is not an address on loopback`);
  }
}

/** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
function discovery(url: string) {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    end_session_endpoint: `${url}/logout`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
    prompt_values_supported: ['none', 'login'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [ALGORITHM],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'offline_access'],
    claims_supported: ['sub', 'name', 'roles', 'account', 'drone', 'carrier', 'azp'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** Ends the session of this browser. https://openid.net/specs/openid-connect-rpinitiated-1_0.html */
function answerLogout(
  issuer: Issuer,
  sessions: Sessions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  sessions.end(request, response);
  const to = new URL(request.url ?? '/', issuer.url).searchParams.get('post_logout_redirect_uri');
  const registered = [...issuer.clients.values()].flatMap(({ redirectUris = [] }) => redirectUris);
  if (to !== null && registered.includes(to)) {
    response.writeHead(303, { location: to }).end();
    return;
  }
  answerPage(response, 200, messagePage('Signed out', 'You can close this page.'));
}

function refuse(response: ServerResponse, error: unknown, isShown: boolean): void {
  if (response.headersSent) {
    response.destroy();
  } else if (!(error instanceof OAuthError)) {
    process.stderr.write(`identity: ${error instanceof Error ? error.stack : String(error)}\n`);
    answerJson(response, 500, { error: 'server_error', error_description: 'see the log' });
  } else if (isShown) {
    answerPage(response, error.status, messagePage('This sign-in cannot go on', error.message));
  } else {
    const challenge = error.code === 'invalid_client' ? { 'www-authenticate': 'Basic realm="identity"' } : {};
    const closing = error.status === 413 ? { connection: 'close' } : {};
    answerJson(
      response,
      error.status,
      { error: error.code, error_description: error.message },
      { ...challenge, ...closing },
    );
  }
}
