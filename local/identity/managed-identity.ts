/**
 * Serves the managed-identity endpoint of App Service, for `@azure/identity`: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, OAuthError, once } from './exchange.ts';
import { audienceOf, type Issuer, same, TOKEN_SECONDS } from './issuer.ts';

const API_VERSION = '2019-08-01';

export interface ManagedIdentityOptions {
  /** The required value of `x-identity-header`. */
  readonly header: string;
  /** The principal when the caller names no `client_id`: the system-assigned identity. */
  readonly defaultPrincipalId?: string;
}

export async function answerManagedIdentity(
  issuer: Issuer,
  options: ManagedIdentityOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!same(String(request.headers['x-identity-header'] ?? ''), options.header)) {
    return answerJson(response, 401, { statusCode: 401, message: 'x-identity-header is missing or wrong' });
  }
  const parameters = once(new URL(request.url ?? '/', issuer.url).searchParams);
  if (parameters.get('api-version') !== API_VERSION) {
    throw new OAuthError('invalid_request', `api-version must be ${API_VERSION}`);
  }
  const resource = parameters.get('resource');
  if (resource === undefined) throw new OAuthError('invalid_request', 'resource is missing');
  const id = parameters.get('client_id') ?? options.defaultPrincipalId ?? '';
  const principal = issuer.principals.get(issuer.clients.get(id)?.principalId ?? id);
  if (!principal?.roles.includes('service')) {
    throw new OAuthError('invalid_request', `no managed identity ${id || 'is the default'}`);
  }
  const token = await issuer.tokens.access(principal, {
    audience: audienceOf(issuer, parameters),
    ttlSeconds: TOKEN_SECONDS,
    clientId: id,
  });
  const expiresOn = Math.floor(issuer.now().getTime() / 1000) + TOKEN_SECONDS;
  answerJson(response, 200, {
    access_token: token,
    expires_on: String(expiresOn),
    resource,
    token_type: 'Bearer',
    client_id: id,
  });
}
