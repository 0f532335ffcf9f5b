/** The trace that an invocation goes on with. */
import type { InvocationContext } from '@azure/functions';
import type { TraceContext } from '../telemetry/trace-context.ts';

const SAMPLED = /-[0-9a-f][13579bdf]$/;

/**
 * A host that records has continued the caller's trace in a span of its own, and ours is a part of that. One that does not
 * gives an unsampled trace of its own, which decides nothing: then it is the caller's, or a new one.
 */
export function parentOf(
  { traceContext }: Pick<InvocationContext, 'traceContext'>,
  caller: TraceContext = {},
): TraceContext {
  const { traceParent: traceparent, traceState } = traceContext ?? {};
  if (!traceparent || !SAMPLED.test(traceparent)) return caller;
  const tracestate = traceState || caller.tracestate;
  return { traceparent, ...(tracestate ? { tracestate } : {}) };
}
