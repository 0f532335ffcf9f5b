/**
 * Limits the calls to the Function App per minute, by principal and by address.
 *
 * L1 A call beyond a limit is 429 with `Retry-After` and the RateLimit headers.
 * L2 Calls without a valid token count against a separate limit of their address. Calls with a valid token are still
 *    served: many callers may share an address, and one of them must not be able to shut out the others.
 * L3 Services are not limited: their calls follow from calls that already were.
 *
 * The limits are those of one instance of the app.
 */
import { hasRole, type Principal } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import { createRateLimit } from './rate-limit.ts';

export interface LimitSettings {
  readonly LIMIT_REQUESTS_PER_PRINCIPAL: number;
  readonly LIMIT_REQUESTS_PER_OPERATOR: number;
  readonly LIMIT_REQUESTS_PER_ADDRESS: number;
  readonly LIMIT_WRONG_TOKENS_PER_ADDRESS: number;
}

/** An address is undefined if no trusted proxy has reported it: the host itself gives none. */
export interface Limits {
  /** Counts a call whose token is valid. @throws AppError `too_many_requests` */
  readonly principal: (principal: Principal, address: string | undefined) => Promise<void>;
  /** Counts a call of a public route. @throws AppError `too_many_requests` */
  readonly anonymous: (address: string | undefined) => Promise<void>;
  /** Counts a 401. @throws AppError `too_many_requests` in its place */
  readonly wrongToken: (address: string | undefined) => Promise<void>;
}

export function createLimits(settings: LimitSettings): Limits {
  const principals = createRateLimit('principal', settings.LIMIT_REQUESTS_PER_PRINCIPAL);
  const operators = createRateLimit('operator', settings.LIMIT_REQUESTS_PER_OPERATOR);
  const addresses = createRateLimit('address', settings.LIMIT_REQUESTS_PER_ADDRESS);
  const wrongTokens = createRateLimit('wrong-tokens', settings.LIMIT_WRONG_TOKENS_PER_ADDRESS);
  /** Callers whose address is unknown must not share one limit. */
  const anonymous = async (address: string | undefined) => {
    if (address !== undefined) await addresses(address);
  };
  return {
    anonymous,
    principal: async (principal, address) => {
      if (hasRole(principal, 'service')) return;
      // An operator acts for one account after another.
      if (hasRole(principal, 'operator')) await operators(principal.subject);
      else await principals(`${principal.accountId ?? ''}/${principal.subject}`);
      await anonymous(address);
    },
    // All unknown addresses share one limit, which shuts out no valid token (L2).
    wrongToken: (address) => wrongTokens(address ?? 'unknown'),
  };
}

/** Runs `verify` and counts its refusals. @throws AppError 401, or 429 in its place */
export async function countingRefusals<T>(
  verify: () => Promise<T>,
  limits: Limits | undefined,
  address: string | undefined,
): Promise<T> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof AppError && error.status === 401) await limits?.wrongToken(address);
    throw error;
  }
}
