/** Registers the change feed function that publishes a container's outbox. */
import { app, type InvocationContext, type RetryOptions } from '@azure/functions';
import type { ContainerName } from '../cosmos/containers.ts';
import { isOutboxItem, publishChanges } from '../outbox/outbox.ts';
import { withLogSink } from '../telemetry/log.ts';
import { inSpan } from '../telemetry/trace.ts';
import { parentOf } from './parent-trace.ts';
import type { Service, ServiceDeps } from './service.ts';

/** Endless: otherwise the host moves the lease past a failed batch. The library rounds intervals to whole seconds. */
export const ENDLESS_RETRY: RetryOptions = {
  strategy: 'fixedDelay',
  maxRetryCount: -1,
  delayInterval: { seconds: 1 },
};

/** `also` sees every batch of documents first; when it rejects, the batch is delivered again. */
export function registerOutbox(
  service: Service['name'],
  container: ContainerName,
  deps: ServiceDeps,
  also: (documents: readonly unknown[]) => Promise<void> = async () => undefined,
): void {
  app.cosmosDB(`${service}_outbox_${container}`, {
    connection: 'COSMOS',
    databaseName: deps.settings.COSMOS_DATABASE,
    containerName: container,
    leaseContainerName: 'leases',
    leaseContainerPrefix: `${service}-${container}-`,
    createLeaseContainerIfNotExists: false,
    startFromBeginning: true,
    feedPollDelay: deps.settings.CHANGE_FEED_POLL_MS,
    maxItemsPerInvocation: 200,
    retry: ENDLESS_RETRY,
    handler: (documents: unknown[], context: InvocationContext) =>
      withLogSink(context, () => {
        const span = {
          attributes: {
            service,
            'db.collection.name': container,
            'messaging.batch.message_count': documents.length,
          },
          parent: parentOf(context),
          links: documents.filter(isOutboxItem),
        };
        return inSpan(`changes of ${container}`, span, async () => {
          await also(documents);
          await publishChanges(documents, deps.publisher);
        });
      }),
  });
}
