/** The context that the endpoints share: principals, clients and audiences. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { OAuthError } from './exchange.ts';
import type { Client, Principal, SignInPage } from './principals.ts';
import type { TokenMaker } from './tokens.ts';

export interface Issuer {
  readonly url: string;
  readonly tokens: TokenMaker;
  readonly principals: ReadonlyMap<string, Principal>;
  readonly clients: ReadonlyMap<string, Client>;
  readonly signIn: SignInPage;
  /** Audiences for which tokens are issued; the first is the default. */
  readonly resources: readonly string[];
  readonly now: () => Date;
}

/** Lifetime of tokens for programs, which fetch new ones. */
export const TOKEN_SECONDS = 3600;

/** The audience that a scope such as `api://orders/.default` names. @throws OAuthError `invalid_target` */
export function audienceOf(issuer: Issuer, parameters: ReadonlyMap<string, string>): string {
  const named =
    parameters.get('resource') ??
    parameters.get('audience') ??
    parameters
      .get('scope')
      ?.split(' ')
      .find((scope) => scope.endsWith('/.default'))
      ?.replace(/\/\.default$/, '');
  if (named === undefined) return issuer.resources[0] as string;
  const known = issuer.resources.find((resource) => withoutSlash(resource) === withoutSlash(named));
  if (known === undefined) throw new OAuthError('invalid_target', `no tokens are made for ${named}`);
  return known;
}

/** Authenticates the client, by Basic or by the form. @throws OAuthError `invalid_client` */
export function authenticate(
  issuer: Issuer,
  parameters: ReadonlyMap<string, string>,
  authorization: string | undefined,
): Client {
  const basic = basicOf(authorization);
  if (basic && parameters.has('client_secret')) {
    throw new OAuthError('invalid_request', 'the client authenticates in two ways at once');
  }
  const id = basic?.id ?? parameters.get('client_id');
  const secret = basic?.secret ?? parameters.get('client_secret');
  const client = id === undefined ? undefined : issuer.clients.get(id);
  const isRight = client?.secret === undefined ? secret === undefined : same(secret ?? '', client.secret);
  if (!client || !isRight) throw new OAuthError('invalid_client', 'no such client, or not its secret');
  return client;
}

/** Compares secrets in constant time. */
export function same(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function basicOf(authorization: string | undefined) {
  const encoded = /^basic (.+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [, id = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  try {
    return { id: decodeURIComponent(id), secret: decodeURIComponent(secret) };
  } catch {
    throw new OAuthError('invalid_client', 'the credentials are not form-encoded');
  }
}

function withoutSlash(text: string): string {
  return text.replace(/\/$/, '');
}
