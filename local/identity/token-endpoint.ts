/** `POST /token`: client credentials and authorization code. https://www.rfc-editor.org/rfc/rfc6749 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Codes } from './codes.ts';
import { answerJson, OAuthError, readForm } from './exchange.ts';
import { audienceOf, authenticate, type Issuer, TOKEN_SECONDS } from './issuer.ts';
import type { Client, Principal } from './principals.ts';

type Form = ReadonlyMap<string, string>;

export async function answerToken(
  issuer: Issuer,
  codes: Codes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = await readForm(request);
  const client = authenticate(issuer, form, request.headers.authorization);
  const grantType = form.get('grant_type');
  if (grantType === 'client_credentials') {
    answerJson(response, 200, await byCredentials(issuer, client, form));
  } else if (grantType === 'authorization_code') {
    answerJson(response, 200, await byCode(issuer, codes, client, form));
  } else if (grantType === undefined) {
    throw new OAuthError('invalid_request', 'grant_type is missing');
  } else {
    throw new OAuthError('unsupported_grant_type', `${grantType} is not supported`);
  }
}

async function byCredentials(issuer: Issuer, client: Client, form: Form) {
  if (client.secret === undefined) {
    throw new OAuthError('unauthorized_client', 'a public client has no credentials of its own');
  }
  const principal = principalOf(issuer, client.principalId ?? client.id);
  return accessToken(issuer, principal, client, audienceOf(issuer, form));
}

async function byCode(issuer: Issuer, codes: Codes, client: Client, form: Form) {
  const grant = codes.take(required(form, 'code'), {
    clientId: client.id,
    redirectUri: required(form, 'redirect_uri'),
    verifier: required(form, 'code_verifier'),
  });
  const principal = principalOf(issuer, grant.principalId);
  const answer = await accessToken(issuer, principal, client, grant.audience);
  if (!grant.withIdToken) return answer;
  const { nonce } = grant;
  const idToken = await issuer.tokens.id(principal, {
    clientId: client.id,
    ttlSeconds: TOKEN_SECONDS,
    ...(nonce ? { nonce } : {}),
  });
  return { ...answer, id_token: idToken };
}

async function accessToken(issuer: Issuer, principal: Principal, client: Client, audience: string) {
  const options = { audience, ttlSeconds: TOKEN_SECONDS, clientId: client.id };
  return {
    access_token: await issuer.tokens.access(principal, options),
    token_type: 'Bearer',
    expires_in: TOKEN_SECONDS,
  };
}

function principalOf(issuer: Issuer, id: string): Principal {
  const principal = issuer.principals.get(id);
  if (!principal) throw new OAuthError('unauthorized_client', `there is no principal ${id}`);
  return principal;
}

function required(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing`);
  return value;
}
