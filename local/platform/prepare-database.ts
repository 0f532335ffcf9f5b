/** Makes the database and its containers where they are missing: `ENDPOINT KEY DATABASE`. */
import { CosmosClient, PartitionKeyKind } from '@azure/cosmos';
import { CONTAINERS, type ContainerSpec } from '../../shared/cosmos/containers.ts';

async function prepareDatabase(endpoint: string, key: string, databaseId: string): Promise<void> {
  const client = new CosmosClient({ endpoint, key, connectionPolicy: { enableEndpointDiscovery: false } });
  const { database } = await client.databases.createIfNotExists({ id: databaseId });
  await Promise.all(
    Object.entries(CONTAINERS as Record<string, ContainerSpec>).map(([id, { partitionKey, defaultTtl }]) =>
      database.containers.createIfNotExists({
        id,
        partitionKey: {
          paths: [...partitionKey],
          ...(partitionKey.length > 1 ? { kind: PartitionKeyKind.MultiHash, version: 2 } : {}),
        },
        ...(defaultTtl === undefined ? {} : { defaultTtl }),
      }),
    ),
  );
  client.dispose();
}

const [endpoint = '', key = '', databaseId = ''] = process.argv.slice(2);
await prepareDatabase(endpoint, key, databaseId);
process.disconnect?.();
