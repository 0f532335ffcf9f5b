/** Creates the Cosmos client from settings: with a connection string on one machine, with an identity in Azure. */
import { CosmosClient, type CosmosClientOptions } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Settings } from '../config/settings.ts';

/** There are few retries here: the saga and the triggers retry, and a request has its deadline. */
const CONNECTION_POLICY = {
  requestTimeout: 5_000,
  retryOptions: { maxRetryAttemptCount: 2, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 2 },
} as const;

export function createCosmosClient(settings: Settings, credential: () => TokenCredential): CosmosClient {
  const options: CosmosClientOptions = settings.COSMOS
    ? {
        ...fromConnectionString(settings.COSMOS),
        connectionPolicy: { ...CONNECTION_POLICY, enableEndpointDiscovery: false },
      }
    : {
        endpoint: settings.COSMOS__accountEndpoint ?? '',
        aadCredentials: credential(),
        connectionPolicy: CONNECTION_POLICY,
      };
  return new CosmosClient(options);
}

function fromConnectionString(text: string): { endpoint: string; key: string } {
  const part = (name: string) => new RegExp(`${name}=([^;]+)`, 'i').exec(text)?.[1] ?? '';
  return { endpoint: part('AccountEndpoint'), key: part('AccountKey') };
}
