/** Runs a function again by its retry policy; without one, it runs once. */
import { setTimeout } from 'node:timers/promises';
import type {
  FunctionApp,
  FunctionDefinition,
  Invocation,
  InvocationResult,
  RetryPolicy,
} from './contract.ts';

const DEFAULT_DELAY_MS = 1_000;

/** The last result; stops early, with the failure, when `stopping` is aborted. */
export async function invokeWithRetry(
  app: FunctionApp,
  definition: FunctionDefinition,
  invocation: Invocation,
  stopping: AbortSignal,
): Promise<InvocationResult> {
  const { retry, name } = definition;
  const most = retry ? (retry.maxRetryCount < 0 ? Number.POSITIVE_INFINITY : retry.maxRetryCount) : 0;
  let exception: ReturnType<typeof rpcException> | undefined;
  for (let count = 0; ; count++) {
    const context = retry
      ? {
          retry: {
            retryCount: count,
            maxRetryCount: retry.maxRetryCount,
            ...(exception ? { exception } : {}),
          },
        }
      : {};
    const result = await app.invoke(name, { ...invocation, ...context });
    if (result.ok) return result;
    if (!retry || count >= most || stopping.aborted) return result;
    exception = rpcException(result.error);
    await pause(delayOf(retry, count), stopping);
    if (stopping.aborted) return result;
  }
}

/** As RpcException of the worker protocol. */
function rpcException(error: unknown) {
  const { message, stack, name } = error instanceof Error ? error : new Error(String(error));
  return { source: name, message, stackTrace: stack ?? '' };
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Resolves after `ms`, or at once when `stopping` aborts. */
export async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: stopping }).catch(() => undefined);
}

function delayOf(policy: RetryPolicy, count: number): number {
  if (policy.strategy === 'fixedDelay') return policy.delayInterval ?? DEFAULT_DELAY_MS;
  const { minimumInterval = DEFAULT_DELAY_MS, maximumInterval = 15 * 60_000 } = policy;
  return Math.min(maximumInterval, minimumInterval * 2 ** Math.min(count, 20));
}
