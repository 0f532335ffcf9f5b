/**
 * Serves `GET /authorize`, which lists the people who can sign in, and `POST /authorize`, which takes the choice: code with
 * PKCE, no password. With `prompt=none` it does not ask: it answers for the person with a session, or `login_required`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../host-check.ts';
import type { Codes } from './codes.ts';
import { answerPage, OAuthError, once, readForm, redirect } from './exchange.ts';
import { audienceOf, type Issuer } from './issuer.ts';
import { peoplePage } from './people-page.ts';
import type { Client, Principal } from './principals.ts';
import type { Sessions } from './sessions.ts';

/** Of SHA-256 in base64url. */
const CHALLENGE = /^[\w-]{43}$/;

interface Asked {
  readonly client: Client;
  readonly redirectUri: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export async function answerAuthorize(
  issuer: Issuer,
  { codes, sessions }: { readonly codes: Codes; readonly sessions: Sessions },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isChoice = request.method === 'POST';
  if (isChoice) refuseOtherSites(issuer, request);
  const parameters = isChoice
    ? await readForm(request)
    : once(new URL(request.url ?? '/', issuer.url).searchParams);
  const asked: Asked = { ...addressee(issuer, parameters), parameters };
  const isSilent = parameters.get('prompt') === 'none';
  // From here on, the redirect address is known to be the client's, so errors go there.
  try {
    const challenge = check(asked);
    const audience = audienceOf(issuer, parameters);
    if (!isChoice && !isSilent) {
      return answerPage(response, 200, peoplePage(issuer, asked.client, parameters));
    }
    const personId = isChoice ? parameters.get('who') : sessions.personOf(request);
    const person = personOf(issuer, personId, isChoice ? 'access_denied' : 'login_required');
    const nonce = parameters.get('nonce');
    const code = codes.issue({
      clientId: asked.client.id,
      redirectUri: asked.redirectUri,
      principalId: person.id,
      challenge,
      audience,
      scopes: (parameters.get('scope') ?? '').split(' '),
      ...(nonce ? { nonce } : {}),
    });
    if (isChoice) sessions.start(response, person.id);
    redirect(response, asked.redirectUri, { code, state: parameters.get('state'), iss: issuer.url });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    redirect(response, asked.redirectUri, {
      error: error.code,
      error_description: error.message,
      state: parameters.get('state'),
      iss: issuer.url,
    });
  }
}

/** Only people on the page can sign in. https://openid.net/specs/openid-connect-core-1_0.html#AuthError */
function personOf(
  { principals, signIn }: Issuer,
  id: string | undefined,
  refusal: 'access_denied' | 'login_required',
): Principal {
  const person = id !== undefined && signIn.people.includes(id) ? principals.get(id) : undefined;
  if (person) return person;
  const reason =
    refusal === 'access_denied' ? 'no person was chosen' : 'no person is signed in with this browser';
  throw new OAuthError(refusal, reason);
}

/** @throws OAuthError that must be shown here, never sent to an address that is not registered */
function addressee(issuer: Issuer, parameters: ReadonlyMap<string, string>) {
  const client = issuer.clients.get(parameters.get('client_id') ?? '');
  if (!client) throw new OAuthError('invalid_request', 'client_id names no client');
  const redirectUri = parameters.get('redirect_uri') ?? '';
  if (!client.redirectUris?.includes(redirectUri)) {
    throw new OAuthError('invalid_request', 'redirect_uri is not registered for this client');
  }
  return { client, redirectUri };
}

function check({ parameters }: Asked): string {
  if (parameters.get('response_type') !== 'code') {
    throw new OAuthError('unsupported_response_type', 'response_type must be code');
  }
  const challenge = parameters.get('code_challenge') ?? '';
  if (parameters.get('code_challenge_method') !== 'S256' || !CHALLENGE.test(challenge)) {
    throw new OAuthError('invalid_request', 'PKCE with S256 is required: code_challenge is missing or wrong');
  }
  return challenge;
}

function refuseOtherSites(issuer: Issuer, request: IncomingMessage): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  const own = new URL(issuer.url);
  const isOwn =
    URL.canParse(origin) &&
    isLoopback(new URL(origin).hostname) &&
    new URL(origin).port === own.port &&
    new URL(origin).protocol === own.protocol;
  if (!isOwn) throw new OAuthError('access_denied', 'the choice must come from this page', 403);
}
