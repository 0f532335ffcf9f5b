/** Liveness and readiness. Liveness asks no dependency; readiness names each. */
import type { CosmosClient } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { app } from '@azure/functions';
import type { TokenCredential } from '@azure/identity';
import type { Settings } from '../shared/config/settings.ts';

export interface HealthDeps {
  readonly cosmos: CosmosClient;
  readonly settings: Settings;
  readonly credential: () => TokenCredential;
}

const PROBE_TIMEOUT_MS = 1_500;
const NO_RETRY = { maxRetries: 0, timeoutInMs: PROBE_TIMEOUT_MS };

export function registerHealth(deps: HealthDeps): void {
  app.http('api_healthz', {
    methods: ['GET'],
    route: 'healthz',
    authLevel: 'anonymous',
    handler: () => ({ jsonBody: { status: 'ok' } }),
  });
  app.http('api_readyz', {
    methods: ['GET'],
    route: 'readyz',
    authLevel: 'anonymous',
    handler: async () => {
      const [cosmos, eventHubs, identity] = await Promise.all([
        probe(() => deps.cosmos.database(deps.settings.COSMOS_DATABASE).read()),
        probe(() => probeEventHubs(deps)),
        probe(() => fetch(`${deps.settings.IDENTITY_ISSUER}/.well-known/openid-configuration`)),
      ]);
      const ready = cosmos === 'ok' && eventHubs === 'ok' && identity === 'ok';
      return { status: ready ? 200 : 503, jsonBody: { ready, cosmos, eventHubs, identity } };
    },
  });
}

async function probeEventHubs({ settings, credential }: HealthDeps): Promise<void> {
  const hub = 'delivery-requests';
  const client = settings.EVENTHUBS
    ? new EventHubProducerClient(settings.EVENTHUBS, hub, { retryOptions: NO_RETRY })
    : new EventHubProducerClient(settings.EVENTHUBS__fullyQualifiedNamespace ?? '', hub, credential(), {
        retryOptions: NO_RETRY,
      });
  try {
    await client.getPartitionIds();
  } finally {
    await client.close();
  }
}

async function probe(work: () => Promise<unknown>): Promise<'ok' | 'unavailable'> {
  const late = new Promise<'unavailable'>((resolve) => {
    setTimeout(() => resolve('unavailable'), PROBE_TIMEOUT_MS).unref();
  });
  const answer = work().then(
    () => 'ok' as const,
    () => 'unavailable' as const,
  );
  return Promise.race([answer, late]);
}
