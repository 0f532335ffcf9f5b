/** Logs refused calls: at most one line per minute for each code and route, with the number of calls. */
import type { AppError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { createSampler } from '../telemetry/sampler.ts';
import type { Route } from './define-route.ts';

export type RefusalLog = (route: Route, error: AppError) => void;

const REFUSALS: readonly number[] = [401, 403, 429];

/** @param now ms since the epoch */
export function createRefusalLog(log: Log, now: () => number): RefusalLog {
  const occurrences = createSampler(now);
  return ({ functionName }, { code, status }) => {
    if (!REFUSALS.includes(status)) return;
    const count = occurrences(`${code} ${functionName}`);
    if (count !== undefined) log.info({ route: functionName, code, count }, 'calls were refused');
  };
}
