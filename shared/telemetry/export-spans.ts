/** Has spans recorded where a setting names who receives them. Otherwise none of OpenTelemetry's SDK is loaded. */
import type { TokenCredential } from '@azure/identity';

/** Both may be set. */
export interface SpanReceivers {
  /** Origin of a collector that takes OTLP over HTTP. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly APPLICATIONINSIGHTS_CONNECTION_STRING?: string | undefined;
}

/** Disposing sends what is not sent yet. */
export async function exportSpans(
  processName: string,
  receivers: SpanReceivers,
  credential: () => TokenCredential,
): Promise<AsyncDisposable> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, APPLICATIONINSIGHTS_CONNECTION_STRING: insights } =
    receivers;
  if (!collector && !insights) return { [Symbol.asyncDispose]: async () => undefined };
  const exporters = await Promise.all([
    ...(collector ? [import('./otlp-exporter.ts').then(({ otlpExporter }) => otlpExporter(collector))] : []),
    ...(insights
      ? [import('./azure-exporter.ts').then(({ azureExporter }) => azureExporter(insights, credential()))]
      : []),
  ]);
  const { recordSpans } = await import('./span-recorder.ts');
  return recordSpans(processName, exporters);
}
