/**
 * Records spans and hands them over in batches. A trace that comes in sampled or unsampled stays so; of those that begin here
 * OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG choose, and without them all are recorded.
 */

import { trace } from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';

/** Disposing sends what is not sent yet, and ends the recording. */
export function recordSpans(processName: string, exporters: readonly SpanExporter[]): AsyncDisposable {
  const resource = resourceFromAttributes({
    'service.namespace': 'drone-delivery',
    'service.name': processName,
  });
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(resource),
    spanProcessors: exporters.map((exporter) => new BatchSpanProcessor(exporter)),
  });
  trace.setGlobalTracerProvider(provider);
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await provider.shutdown();
      } finally {
        trace.disable();
      }
    },
  };
}
