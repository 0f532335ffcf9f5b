/**
 * Verifies bearer tokens: signature by the issuer's published keys, issuer, audience, lifetime. The same code reads Entra
 * ID's tokens in Azure and those of local/identity.
 */
import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { Id, UserId } from '../contracts/common.ts';
import { AppError } from '../errors.ts';
import { describeErrors, read } from '../read.ts';
import { type Principal, ROLES, type Role } from './principal.ts';

export interface VerifierOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Default: `jwks_uri` of the issuer's discovery document. */
  readonly jwksUri?: string;
  readonly now?: () => Date;
}

/** @throws AppError `token_invalid`, `token_expired` or `issuer_unknown` (401), or `dependency_unavailable` (503) */
export type VerifyToken = (token: string) => Promise<Principal>;

interface Discovery {
  readonly jwks_uri: string;
}

export function createVerifier(options: VerifierOptions): VerifyToken {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const discover = async () => {
    const uri = options.jwksUri ?? (await jwksUriOf(options.issuer));
    return createRemoteJWKSet(new URL(uri), { cooldownDuration: 2_000, timeoutDuration: 3_000 });
  };
  const keySet = () => {
    keys ??= discover().catch((error: unknown) => {
      keys = undefined;
      throw new AppError('dependency_unavailable', 'the identity provider cannot be reached', {
        retryAfterSeconds: 1,
        cause: error,
      });
    });
    return keys;
  };
  return async (token) => {
    const getKey = await keySet();
    try {
      const { payload } = await jwtVerify(token, getKey, {
        issuer: options.issuer,
        audience: options.audience,
        clockTolerance: 5,
        requiredClaims: ['exp', 'sub'],
        ...(options.now ? { currentDate: options.now() } : {}),
      });
      return principalOf(payload);
    } catch (error) {
      throw refusal(error, token, options.issuer);
    }
  };
}

async function jwksUriOf(issuer: string): Promise<string> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(3_000),
  });
  if (!response.ok) throw new Error(`discovery answered ${response.status}`);
  return ((await response.json()) as Discovery).jwks_uri;
}

/** Longest display name kept, in characters. */
const MAX_NAME = 200;

/** Failures to fetch the keys; they say nothing about the token. */
const ISSUER_FAULTS: ReadonlySet<string> = new Set([
  'ERR_JOSE_GENERIC',
  'ERR_JWKS_TIMEOUT',
  'ERR_JWKS_INVALID',
]);

function refusal(error: unknown, token: string, issuer: string): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof errors.JOSEError) || ISSUER_FAULTS.has(error.code)) {
    return new AppError('dependency_unavailable', 'the identity provider cannot be reached', {
      retryAfterSeconds: 1,
      cause: error,
    });
  }
  if (error instanceof errors.JWTExpired) return new AppError('token_expired', 'the token has expired');
  if (isOfAnother(issuer, token)) return new AppError('issuer_unknown', 'another issuer issued the token');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new AppError('token_invalid', `the token's claim ${error.claim} is not valid`);
  }
  return new AppError('token_invalid', 'the token cannot be verified');
}

/** Unverified: another issuer's token fails by its key anyway, and its bearer should learn why. */
function isOfAnother(issuer: string, token: string): boolean {
  try {
    return decodeJwt(token).iss !== issuer;
  } catch {
    return false;
  }
}

/** Ids end up in document keys and messages, so one that no contract would accept is refused here, not after a 202. */
function principalOf(claims: JWTPayload): Principal {
  const subject = claim(claims, 'sub', UserId);
  if (subject === undefined) throw new AppError('token_invalid', 'the token has no subject');
  const roles = Array.isArray(claims['roles'])
    ? claims['roles'].filter((role): role is Role => (ROLES as readonly unknown[]).includes(role))
    : [];
  const name = typeof claims['name'] === 'string' ? claims['name'].slice(0, MAX_NAME) : undefined;
  const accountId = claim(claims, 'account', Id);
  const droneId = claim(claims, 'drone', Id);
  const carrierId = claim(claims, 'carrier', Id);
  return {
    subject,
    roles,
    ...(name ? { name } : {}),
    ...(accountId ? { accountId } : {}),
    ...(droneId ? { droneId } : {}),
    ...(carrierId ? { carrierId } : {}),
  };
}

/** An empty claim counts as absent. @throws AppError `token_invalid` */
function claim(claims: JWTPayload, name: string, schema: typeof Id): string | undefined {
  const value = claims[name];
  if (value === undefined || value === null || value === '') return undefined;
  const result = read(schema, value);
  if (result.ok) return result.value;
  throw new AppError(
    'token_invalid',
    `the token's claim ${name} is not valid: ${describeErrors(result.errors)}`,
  );
}
