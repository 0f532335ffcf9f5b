/**
 * The W3C trace context, which carries a trace from the HTTP request through Event Hubs and the saga to the stored documents:
 * https://www.w3.org/TR/trace-context/.
 *
 * X1 A valid traceparent is continued with its flags and its tracestate; one that W3C forbids begins a new trace.
 * X2 What is not sampled stays so: nothing behind it is recorded.
 */
import {
  type Context,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Link,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';

/** The headers of HTTP, the properties of a message, the fields of a document. */
export interface TraceContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

const propagator = new W3CTraceContextPropagator();

/** Of the work under way, to be sent on or stored; empty outside a trace. */
export function traceContext(): TraceContext {
  const carrier: TraceContext = {};
  propagator.inject(context.active(), carrier, defaultTextMapSetter);
  return carrier;
}

export function contextOf(carrier: TraceContext | null): Context {
  return propagator.extract(ROOT_CONTEXT, carrier ?? {}, defaultTextMapGetter);
}

/** None for a carrier without a valid trace. */
export function linkTo(carrier: TraceContext): Link[] {
  const linked = trace.getSpanContext(contextOf(carrier));
  return linked ? [{ context: linked }] : [];
}

/** The trace that a request or a message brings along. */
export function traceContextOf(read: (name: 'traceparent' | 'tracestate') => unknown): TraceContext {
  const traceparent = read('traceparent');
  const tracestate = read('tracestate');
  if (typeof traceparent !== 'string') return {};
  return { traceparent, ...(typeof tracestate === 'string' ? { tracestate } : {}) };
}
