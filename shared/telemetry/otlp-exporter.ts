/** Sends spans to a collector as OTLP over HTTP. The headers of OTEL_EXPORTER_OTLP_HEADERS go along. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';

/** `endpoint`: as OpenTelemetry defines OTEL_EXPORTER_OTLP_ENDPOINT, without `/v1/traces`. */
export function otlpExporter(endpoint: string): SpanExporter {
  return new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
}
