/**
 * The spans of the work under way.
 *
 * T1 A span goes on with the trace that its `parent` names (trace-context.ts), or with the work under way.
 * T2 Spans are recorded only when span-recorder.ts was loaded. Until then a span is what is passed on: ids, and no record.
 * T3 A span says only what `SpanAttributes` lists, and of an error only its code: no body, address, token or path with ids.
 */
import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AppError } from '../errors.ts';
import { contextOf, linkTo, type TraceContext } from './trace-context.ts';

/** The names are OpenTelemetry's where it has one: https://opentelemetry.io/docs/specs/semconv/. */
export interface SpanAttributes {
  readonly service?: string;
  readonly 'http.request.method'?: string;
  /** The template, never the path. */
  readonly 'http.route'?: string;
  readonly 'http.response.status_code'?: number;
  readonly 'server.address'?: string;
  readonly 'messaging.destination.name'?: string;
  readonly 'messaging.destination.partition.id'?: string;
  readonly 'messaging.batch.message_count'?: number;
  readonly 'db.operation.name'?: string;
  readonly 'db.collection.name'?: string;
  readonly 'saga.id'?: string;
  readonly 'saga.step'?: string;
  readonly 'saga.generation'?: number;
}

export interface SpanOptions {
  /** Default: internal. The host records the spans of servers and consumers itself. */
  readonly kind?: 'internal' | 'client' | 'producer';
  readonly attributes?: SpanAttributes;
  /** Continues the trace of a document, message or request; null or without a valid trace: begins one. Default: the work under way. */
  readonly parent?: TraceContext | null;
  /** Traces that this work is done for, beside its own. */
  readonly links?: readonly TraceContext[];
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
} as const;

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
/** Asked for each time: the recorder may come later, and go. */
const tracer = () => trace.getTracer('drone-delivery');

/** 32 hex digits; undefined outside a trace. */
export function traceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/** Runs `work` as a span that ends with it. `add` names attributes that are known only then. */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (add: (attributes: SpanAttributes) => void) => Promise<T>,
): Promise<T> {
  const parent = options.parent === undefined ? context.active() : contextOf(options.parent);
  const span = startSpan(name, options, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () =>
      work((attributes) => {
        span.setAttributes(attributes as Attributes);
        const status = attributes['http.response.status_code'];
        if (status !== undefined && status >= 500) fail(span, String(status));
      }),
    );
  } catch (error) {
    fail(span, errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The same for a part of other work: outside a trace `work` runs without a span. */
export function inChildSpan<T>(
  name: string,
  options: Omit<SpanOptions, 'parent'>,
  work: (add: (attributes: SpanAttributes) => void) => Promise<T>,
): Promise<T> {
  return trace.getActiveSpan() ? inSpan(name, options, work) : work(() => undefined);
}

function startSpan(
  name: string,
  { kind = 'internal', attributes, links = [] }: SpanOptions,
  parent: Context,
) {
  const span = tracer().startSpan(
    name,
    {
      kind: KINDS[kind],
      links: links.flatMap(linkTo),
      ...(attributes ? { attributes: attributes as Attributes } : {}),
    },
    parent,
  );
  return isSpanContextValid(span.spanContext()) ? span : unrecordedRoot();
}

function fail(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', type);
}

function errorType(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

/** T2: a trace that begins here has ids for the logs and for the services behind. */
function unrecordedRoot(): Span {
  return trace.wrapSpanContext({
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    traceFlags: TraceFlags.NONE,
  });
}
