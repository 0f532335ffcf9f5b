/** Sends spans to Application Insights, with the identity of the app. */
import type { TokenCredential } from '@azure/identity';
import { AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';

export function azureExporter(connectionString: string, credential: TokenCredential): SpanExporter {
  return new AzureMonitorTraceExporter({ connectionString, credential, disableOfflineStorage: true });
}
