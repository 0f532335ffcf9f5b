/** What is small lives in one process: storage, identity, the gateway with the pages. Its configuration is a JSON file: `--config FILE`. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type GatewayOptions, startGateway } from './gateway/gateway.ts';
import { type IdentityOptions, startIdentity } from './identity/server.ts';
import { runServer } from './process.ts';
import { type StorageOptions, startStorage } from './storage/server.ts';

export interface SmallConfig {
  readonly storage: StorageOptions;
  readonly identity: IdentityOptions;
  readonly gateway: GatewayOptions;
}

const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });

await runServer('small', async () => {
  const config = JSON.parse(readFileSync(values.config, 'utf8')) as SmallConfig;
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
