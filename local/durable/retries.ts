/** Computes when a failed activity or sub-orchestration is tried again (Azure/durabletask, src/DurableTask.Core/RetryInterceptor.cs). */

/** As the library sends it; times in milliseconds. */
export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number;
  readonly maxNumberOfAttempts: number;
  readonly backoffCoefficient?: number;
  readonly maxRetryIntervalInMilliseconds?: number;
  readonly retryTimeoutInMilliseconds?: number;
}

const LONGEST_INTERVAL_MS = 6 * 86_400_000;

/** Milliseconds to wait after the failure of attempt `number` (from 1). */
export function nextDelay(options: RetryOptions, number: number): number {
  const delay = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient ?? 1) ** (number - 1);
  return Math.min(delay, options.maxRetryIntervalInMilliseconds ?? LONGEST_INTERVAL_MS);
}

/** Whether no further attempt is made because the time for all of them is over. */
export function retryTimedOut(options: RetryOptions, elapsedMs: number): boolean {
  return options.retryTimeoutInMilliseconds !== undefined && elapsedMs >= options.retryTimeoutInMilliseconds;
}
