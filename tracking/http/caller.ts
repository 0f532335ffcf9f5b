/** Identifies the caller and its address, and applies the limits of both. */
import type { IncomingMessage } from 'node:http';
import { decodeJwt } from 'jose';
import type { Principal } from '../../shared/auth/principal.ts';
import type { VerifyToken } from '../../shared/auth/verifier.ts';
import { AppError } from '../../shared/errors.ts';
import { forwardedAddress } from '../../shared/http/client-address.ts';
import type { Limits } from './limits.ts';

export interface Bearer {
  readonly principal: Principal;
  /** ms since the epoch; when its token expires. */
  readonly expiresAt: number;
}

export interface Callers {
  /** The address of the client, as the trusted proxies report it. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** @throws AppError 401, 429, or 503 when the identity provider is away */
  readonly authenticate: (request: IncomingMessage) => Promise<Bearer>;
}

export interface CallersOptions {
  readonly verify: VerifyToken;
  readonly limits: Pick<Limits, 'principal' | 'wrongToken'>;
  /** Number of proxies in front of this process that add to `X-Forwarded-For`. */
  readonly trustedProxies: number;
}

export function createCallers({ verify, limits, trustedProxies }: CallersOptions): Callers {
  const addressOf = ({ headers, socket }: IncomingMessage): string =>
    forwardedAddress(headers['x-forwarded-for']?.toString(), trustedProxies) ??
    socket.remoteAddress ??
    'unknown';
  const verified = async (request: IncomingMessage, token: string): Promise<Principal> => {
    try {
      return await verify(token);
    } catch (error) {
      if (error instanceof AppError && error.status === 401) await limits.wrongToken(addressOf(request));
      throw error;
    }
  };
  return {
    addressOf,
    authenticate: async (request) => {
      const token = /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (!token) {
        throw new AppError('token_missing', 'send a bearer token in the Authorization header', {
          headers: { 'www-authenticate': 'Bearer' },
        });
      }
      const principal = await verified(request, token);
      await limits.principal(principal.subject);
      return { principal, expiresAt: expiryOf(token) };
    },
  };
}

/** The expiry of a verified token. Opaque tokens do not expire by themselves. */
function expiryOf(token: string): number {
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
