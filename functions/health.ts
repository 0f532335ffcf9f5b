/**
 * Liveness and readiness. Liveness asks no dependency. Readiness names each dependency without which the next request fails.
 *
 * Tracking is none of them: no request waits for it. A delivery's live state is left out while it is away, and an app that was
 * taken out for it would turn a small outage into a large one.
 */
import type { CosmosClient } from '@azure/cosmos';
import { app } from '@azure/functions';
import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import { blobServiceUri } from '../shared/config/blob-service.ts';
import type { Settings } from '../shared/config/settings.ts';
import type { BrokerPublisher } from '../shared/messaging/publisher.ts';
import { createReadiness } from './readiness.ts';

export interface HealthDeps {
  readonly cosmos: CosmosClient;
  readonly publisher: BrokerPublisher;
  readonly settings: Settings;
  readonly credential: () => TokenCredential;
}

const NO_STORE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export function registerHealth(deps: HealthDeps): void {
  const { cosmos, publisher, settings } = deps;
  const readiness = createReadiness(
    {
      cosmos: () => cosmos.database(settings.COSMOS_DATABASE).read(),
      eventHubs: () => publisher.check(),
      storage: storageProbe(deps),
      identity: () => fetch(`${settings.IDENTITY_ISSUER}/.well-known/openid-configuration`),
    },
    () => performance.now(),
  );
  app.http('api_healthz', {
    methods: ['GET'],
    route: 'healthz',
    authLevel: 'anonymous',
    handler: () => ({ jsonBody: { status: 'ok' }, headers: NO_STORE }),
  });
  app.http('api_readyz', {
    methods: ['GET'],
    route: 'readyz',
    authLevel: 'anonymous',
    handler: async () => {
      const answer = await readiness();
      return { status: answer.ready ? 200 : 503, jsonBody: answer, headers: NO_STORE };
    },
  });
}

/** Asks for the container of proofs over one client; storage is ready even if the container does not exist yet. */
function storageProbe({ settings, credential }: HealthDeps): () => Promise<unknown> {
  const options = { retryOptions: { maxTries: 1 } };
  let service: BlobServiceClient | undefined;
  return () => {
    service ??= settings.AzureWebJobsStorage
      ? BlobServiceClient.fromConnectionString(settings.AzureWebJobsStorage, options)
      : new BlobServiceClient(
          blobServiceUri({
            blobServiceUri: settings.AzureWebJobsStorage__blobServiceUri,
            accountName: settings.AzureWebJobsStorage__accountName,
          }),
          credential(),
          options,
        );
    return service.getContainerClient('proofs').exists();
  };
}
