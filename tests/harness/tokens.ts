/** An issuer of real tokens on loopback whose key signs any claims, valid or not. */
import { createHmac, type webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { createVerifier, type VerifyToken } from '../../shared/auth/verifier.ts';

export const AUDIENCE = 'api://drone-delivery';

export interface TokenIssuer extends AsyncDisposable {
  readonly url: string;
  /** The verifier that ships, with this issuer's keys. */
  readonly verify: VerifyToken;
  /** Valid for an hour unless the claims say otherwise; a claim that is `undefined` is left out. */
  token(claims: JWTPayload): Promise<string>;
  /** The same claims, signed with a key that the issuer does not publish. */
  foreignToken(claims: JWTPayload): Promise<string>;
  /** `alg: none`, without a signature. */
  unsignedToken(claims: JWTPayload): string;
  /** HS256 with the published key as the secret. */
  confusedToken(claims: JWTPayload): string;
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const [own, foreign] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const publicPem = await exportSPKI(own.publicKey);
  const server = createServer((request, response) => {
    const body = request.url?.endsWith('/jwks') ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const complete = (claims: JWTPayload): JWTPayload => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: url, aud: AUDIENCE, iat: now, exp: now + 3600, ...claims };
  };
  const sign = (claims: JWTPayload, key: webcrypto.CryptoKey) =>
    new SignJWT(complete(claims)).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(key);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  return {
    url,
    verify: createVerifier({ issuer: url, audience: AUDIENCE }),
    token: (claims) => sign(claims, own.privateKey),
    foreignToken: (claims) => sign(claims, foreign.privateKey),
    unsignedToken: (claims) => `${encode({ alg: 'none', kid: 'k1' })}.${encode(complete(claims))}.`,
    confusedToken: (claims) => {
      const content = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode(complete(claims))}`;
      return `${content}.${createHmac('sha256', publicPem).update(content).digest('base64url')}`;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
