/** Serves `POST /token`: client credentials, authorization code, refresh token. https://www.rfc-editor.org/rfc/rfc6749 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Codes } from './codes.ts';
import { answerJson, OAuthError, readForm } from './exchange.ts';
import { audienceOf, authenticate, type Issuer, TOKEN_SECONDS } from './issuer.ts';
import type { Client, Principal } from './principals.ts';
import type { RefreshGrant, RefreshTokens } from './refresh-tokens.ts';

type Form = ReadonlyMap<string, string>;

export interface Grants {
  readonly codes: Codes;
  readonly refreshTokens: RefreshTokens;
}

export async function answerToken(
  issuer: Issuer,
  grants: Grants,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = await readForm(request);
  const client = authenticate(issuer, form, request.headers.authorization);
  const grantType = form.get('grant_type');
  if (grantType === 'client_credentials') {
    answerJson(response, 200, await byCredentials(issuer, client, form));
  } else if (grantType === 'authorization_code') {
    answerJson(response, 200, await byCode(issuer, grants, client, form));
  } else if (grantType === 'refresh_token') {
    answerJson(response, 200, await byRefreshToken(issuer, grants, client, form));
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

async function byCode(issuer: Issuer, { codes, refreshTokens }: Grants, client: Client, form: Form) {
  const { nonce, principalId, audience, scopes } = codes.take(required(form, 'code'), {
    clientId: client.id,
    redirectUri: required(form, 'redirect_uri'),
    verifier: required(form, 'code_verifier'),
  });
  const grant = { clientId: client.id, principalId, audience, scopes };
  return {
    ...(await tokensOf(issuer, client, grant, nonce)),
    ...(scopes.includes('offline_access') ? { refresh_token: refreshTokens.issue(grant) } : {}),
  };
}

async function byRefreshToken(issuer: Issuer, { refreshTokens }: Grants, client: Client, form: Form) {
  const { grant, next } = refreshTokens.rotate(required(form, 'refresh_token'), client.id);
  return { ...(await tokensOf(issuer, client, grant, undefined)), refresh_token: next };
}

async function tokensOf(issuer: Issuer, client: Client, grant: RefreshGrant, nonce: string | undefined) {
  const principal = principalOf(issuer, grant.principalId);
  const answer = await accessToken(issuer, principal, client, grant.audience);
  if (!grant.scopes.includes('openid')) return answer;
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
