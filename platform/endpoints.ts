/** Writes `.data/endpoints.json` for programs when everything is ready, and removes it at the end. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenCommand } from 'azure-local/identity/token-command';
import { HUBS } from '../shared/messaging/hubs.ts';
import { SHOWN } from './demo.ts';
import type { Part } from './part.ts';
import { type Addresses, DATABASE } from './settings.ts';

const FILE = 'endpoints.json';

export interface Endpoints {
  readonly gateway: string;
  readonly api: string;
  readonly openapi: string;
  readonly tracking: string;
  /** By process: its address and process number. */
  readonly parts: Readonly<Record<string, { readonly address: string; readonly pid: number | undefined }>>;
  readonly cosmos: {
    readonly endpoint: string;
    readonly key: string;
    readonly database: string;
    readonly connectionString: string;
  };
  readonly eventHubs: {
    readonly connectionString: string;
    readonly hubs: Readonly<
      Record<string, { readonly partitions: number; readonly consumerGroups: readonly string[] }>
    >;
  };
  readonly storage: { readonly connectionString: string };
  readonly identity: { readonly issuer: string };
  /** Fault injection of the local servers. */
  readonly control: { readonly eventHubs: string; readonly cosmos: string };
  /** By principal; 12 hours. */
  readonly tokens: Readonly<Record<string, string>>;
}

export async function endpointsOf(
  addresses: Addresses,
  parts: readonly Part[],
  dataDir: string,
): Promise<Endpoints> {
  const tokens = await Promise.all(
    SHOWN.map(async (who) => [who, await tokenCommand([who, '--data', dataDir])] as const),
  );
  const listening: Readonly<Record<string, string>> = {
    'event-hubs': /sb:\/\/[^;]+/.exec(addresses.eventHubs)?.[0] ?? '',
    cosmos: addresses.cosmosEndpoint,
    support: addresses.gateway,
    functions: addresses.functions,
    tracking: addresses.tracking,
    simulator: addresses.carrier,
  };
  return {
    gateway: addresses.gateway,
    api: `${addresses.gateway}/api`,
    openapi: `${addresses.gateway}/api/openapi.json`,
    tracking: addresses.tracking,
    parts: Object.fromEntries(parts.map(({ name, pid }) => [name, { address: listening[name] ?? '', pid }])),
    cosmos: {
      endpoint: addresses.cosmosEndpoint,
      key: addresses.cosmosKey,
      database: DATABASE,
      connectionString: addresses.cosmos,
    },
    eventHubs: {
      connectionString: addresses.eventHubs,
      hubs: Object.fromEntries(
        Object.entries(HUBS).map(([name, { partitions, consumers }]) => [
          name,
          { partitions, consumerGroups: consumers },
        ]),
      ),
    },
    storage: { connectionString: addresses.storage },
    identity: { issuer: addresses.issuer },
    control: { eventHubs: addresses.eventHubsControl, cosmos: addresses.cosmosControl },
    tokens: Object.fromEntries(tokens),
  };
}

export function writeEndpoints(dataDir: string, endpoints: Endpoints): void {
  const file = join(dataDir, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(endpoints, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeEndpoints(dataDir: string): void {
  rmSync(join(dataDir, FILE), { force: true });
}
