/**
 * W3C trace context (https://www.w3.org/TR/trace-context/) of the work under way, from the HTTP request through Event Hubs
 * and the orchestration to the stored documents.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the span under way. */
  readonly spanId: string;
}

const storage = new AsyncLocalStorage<Trace>();

export function currentTrace(): Trace | undefined {
  return storage.getStore();
}

/** Header value for outgoing calls; undefined outside a trace. */
export function traceparent(): string | undefined {
  const trace = currentTrace();
  return trace ? `00-${trace.traceId}-${trace.spanId}-01` : undefined;
}

/** Runs `work` as a new span of the trace that `parent` names, or of a new trace when it names none. */
export function inTrace<T>(parent: string | undefined, work: () => T): T {
  const spanId = randomBytes(8).toString('hex');
  const traceId = parseTraceparent(parent)?.traceId ?? randomBytes(16).toString('hex');
  return storage.run({ traceId, spanId }, work);
}

export function parseTraceparent(value: string | undefined): Trace | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(value ?? '');
  const [, traceId, spanId] = match ?? [];
  return traceId && spanId && !/^0+$/.test(traceId) && !/^0+$/.test(spanId) ? { traceId, spanId } : undefined;
}
