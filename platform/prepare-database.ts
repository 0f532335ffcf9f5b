/** Creates the database and its containers if they are missing. Arguments: `ENDPOINT KEY DATABASE`. */
import { CosmosClient } from '@azure/cosmos';
import { CONTAINERS, type ContainerName, containerDefinition } from '../shared/cosmos/containers.ts';

async function prepareDatabase(endpoint: string, key: string, databaseId: string): Promise<void> {
  const client = new CosmosClient({ endpoint, key, connectionPolicy: { enableEndpointDiscovery: false } });
  const { database } = await client.databases.createIfNotExists({ id: databaseId });
  await Promise.all(
    (Object.keys(CONTAINERS) as ContainerName[]).map((id) =>
      database.containers.createIfNotExists(containerDefinition(id)),
    ),
  );
  client.dispose();
}

const [endpoint = '', key = '', databaseId = ''] = process.argv.slice(2);
await prepareDatabase(endpoint, key, databaseId);
process.disconnect?.();
