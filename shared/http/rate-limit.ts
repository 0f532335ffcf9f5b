/**
 * A rate limit in the memory of this process. A call beyond it gets 429 with `Retry-After` and the RateLimit headers
 * of https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10
 */
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../errors.ts';

const WINDOW_SECONDS = 60;

/** Counts one call for a key. @throws AppError `too_many_requests` beyond the limit */
export type RateLimit = (key: string) => Promise<void>;

/** @param policy names the limit in the answer */
export function createRateLimit(policy: string, callsPerMinute: number): RateLimit {
  const limiter = new RateLimiterMemory({ points: callsPerMinute, duration: WINDOW_SECONDS });
  return async (key) => {
    const state = await limiter.consume(key).catch((refused: RateLimiterRes) => refused);
    if (state.consumedPoints <= callsPerMinute) return;
    const seconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
    throw tooManyRequests(policy, `more than ${callsPerMinute} requests in ${WINDOW_SECONDS} s`, seconds, {
      'ratelimit-policy': `"${policy}";q=${callsPerMinute};w=${WINDOW_SECONDS}`,
      ratelimit: `"${policy}";r=0;t=${seconds}`,
    });
  };
}

export function tooManyRequests(
  policy: string,
  detail: string,
  retryAfterSeconds: number,
  headers: Readonly<Record<string, string>>,
): AppError {
  return new AppError('too_many_requests', `limit "${policy}": ${detail}`, {
    retryAfterSeconds,
    headers,
    facts: { limit: policy },
  });
}
