/** Runs storage, identity and the gateway with the pages in one process, to save memory. Argument: `--config FILE`, a JSON file. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type IdentityOptions, startIdentity } from 'azure-local/identity';
import { runServer } from 'azure-local/process';
import { type StorageOptions, startStorage } from 'azure-local/storage';
import { type GatewayOptions, startGateway } from './gateway.ts';

export interface SupportConfig {
  readonly storage: StorageOptions;
  readonly identity: IdentityOptions;
  readonly gateway: GatewayOptions;
}

const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });

await runServer('support', async () => {
  const config = JSON.parse(readFileSync(values.config, 'utf8')) as SupportConfig;
  const [storage, identity, gateway] = await Promise.all([
    startStorage(config.storage),
    startIdentity(config.identity),
    startGateway(config.gateway),
  ]);
  return {
    ready: { gateway: gateway.port, identity: identity.port, storage: storage.port },
    close: async () => {
      await gateway.close();
      await identity.close();
      await storage.close();
    },
  };
});
