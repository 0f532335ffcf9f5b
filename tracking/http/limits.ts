/**
 * Limits the calls of one caller: per principal, and per address before the caller is known.
 *
 * L1 A call beyond a limit is 429 with `Retry-After` and the RateLimit headers; an upgrade is refused in the same way.
 * L2 Wrong tokens count against their address. A valid token is still served: many callers may share an address, and one
 *    of them must not be able to shut out the others.
 * L3 The number of streams and sockets that are open at the same time is bounded, too: a caller cannot keep ever more open.
 *
 * The limits are those of one process; the ingress has its own in front.
 */
import { createRateLimit, tooManyRequests } from '../../shared/http/rate-limit.ts';
import type { TrackingSettings } from '../settings.ts';

export type LimitSettings = Pick<
  TrackingSettings,
  | 'LIMIT_REQUESTS_PER_PRINCIPAL'
  | 'LIMIT_REQUESTS_PER_ADDRESS'
  | 'LIMIT_WRONG_TOKENS_PER_ADDRESS'
  | 'LIMIT_STREAMS_PER_PRINCIPAL'
  | 'LIMIT_SOCKETS_PER_ADDRESS'
>;

export interface Limits {
  /** @throws AppError `too_many_requests` */
  readonly request: (address: string) => Promise<void>;
  /** @throws AppError `too_many_requests` */
  readonly principal: (subject: string) => Promise<void>;
  /** @throws AppError `too_many_requests` in place of the caller's 401 */
  readonly wrongToken: (address: string) => Promise<void>;
  /** Returns a function that frees the place. @throws AppError `too_many_requests` */
  readonly openStream: (subject: string) => () => void;
  /** Returns a function that frees the place. @throws AppError `too_many_requests` */
  readonly openSocket: (address: string) => () => void;
}

/** A place becomes free when the caller closes a connection, so there is no better time to name. */
const RETRY_PLACES_SECONDS = 5;

export function createLimits(settings: LimitSettings): Limits {
  const streams = createPlaces('streams', settings.LIMIT_STREAMS_PER_PRINCIPAL);
  const sockets = createPlaces('sockets', settings.LIMIT_SOCKETS_PER_ADDRESS);
  return {
    request: createRateLimit('address', settings.LIMIT_REQUESTS_PER_ADDRESS),
    principal: createRateLimit('principal', settings.LIMIT_REQUESTS_PER_PRINCIPAL),
    wrongToken: createRateLimit('wrong-tokens', settings.LIMIT_WRONG_TOKENS_PER_ADDRESS),
    openStream: streams,
    openSocket: sockets,
  };
}

function createPlaces(policy: string, places: number): (key: string) => () => void {
  const taken = new Map<string, number>();
  return (key) => {
    const count = taken.get(key) ?? 0;
    if (count >= places) {
      throw tooManyRequests(policy, `${places} are already open`, RETRY_PLACES_SECONDS, {
        'ratelimit-policy': `"${policy}";q=${places}`,
        ratelimit: `"${policy}";r=0`,
      });
    }
    taken.set(key, count + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const left = (taken.get(key) ?? 1) - 1;
      if (left > 0) taken.set(key, left);
      else taken.delete(key);
    };
  };
}
