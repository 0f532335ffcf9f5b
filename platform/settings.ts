/** Makes the settings and files of each part from the options: addresses, keys and references to other parts. */
import { join } from 'node:path';
import { EMULATOR_KEY } from 'azure-local/cosmos/account';
import type { TokenOptions } from 'azure-local/storage';
import { ACCOUNT, KEY, AUDIENCE as STORAGE_AUDIENCE } from 'azure-local/storage/account';
import { CONTAINERS } from '../shared/cosmos/containers.ts';
import { HUBS, type HubName } from '../shared/messaging/hubs.ts';
import type { DataFolder } from './data-folder.ts';
import { CARRIER, clients, managedIdentities, PAGE_CLIENT, principals, SIGN_IN } from './demo.ts';
import { AMQPS_PORT, type PlatformOptions, type PortName, portOf } from './options.ts';
import type { SupportConfig } from './support.ts';

export const AUDIENCE = 'api://drone-delivery';
export const DATABASE = 'drone-delivery';
const HOST = '127.0.0.1';
const BROKER_RULE = 'RootManageSharedAccessKey';
/** The key of Microsoft's emulator: https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator */
const BROKER_KEY = 'SAS_KEY_VALUE';
/** The API key of the sample carrier. */
const CARRIER_KEY = 'sample-carrier-key';
/** The key from which the secrets of webhooks are derived. */
const WEBHOOK_KEY = 'sample-webhook-signing-key-of-one-machine';

export interface Addresses {
  readonly gateway: string;
  readonly functions: string;
  readonly tracking: string;
  readonly issuer: string;
  readonly carrier: string;
  readonly cosmosEndpoint: string;
  readonly cosmosKey: string;
  readonly cosmos: string;
  readonly eventHubs: string;
  readonly storage: string;
  readonly eventHubsControl: string;
  readonly cosmosControl: string;
}

export function addressesOf(options: PlatformOptions): Addresses {
  const http = (name: PortName) => `http://${HOST}:${portOf(options, name)}`;
  const cosmosEndpoint = `${http('cosmos')}/`;
  // Core Tools keep what they need in queues and tables, too.
  const moreStorage = options.serversOnly
    ? `QueueEndpoint=${http('storage-queue')}/${ACCOUNT};TableEndpoint=${http('storage-table')}/${ACCOUNT};`
    : '';
  return {
    gateway: http('gateway'),
    functions: http('functions'),
    tracking: http('tracking'),
    issuer: http('identity'),
    carrier: http('carrier'),
    cosmosEndpoint,
    cosmosKey: EMULATOR_KEY,
    cosmos: `AccountEndpoint=${cosmosEndpoint};AccountKey=${EMULATOR_KEY};`,
    eventHubs: `Endpoint=sb://${HOST}:${portOf(options, 'event-hubs')};SharedAccessKeyName=${BROKER_RULE};SharedAccessKey=${BROKER_KEY};UseDevelopmentEmulator=true`,
    storage: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${http('storage')}/${ACCOUNT};${moreStorage}`,
    eventHubsControl: http('event-hubs-control'),
    cosmosControl: http('cosmos-control'),
  };
}

/** The listeners with TLS and their access rules, for `--identity`. */
export interface IdentityMode {
  /** Certificate of a server on localhost, as PEM. */
  readonly tls: { readonly key: string; readonly cert: string };
  /** PEM file for `NODE_EXTRA_CA_CERTS`. */
  readonly authorities: string;
}

const APP = 'functions';
const TRACKING = 'tracking';
const EVENT_HUBS = 'https://eventhubs.azure.net/';
const TRACKING_SENDS: readonly string[] = ['drone-events', 'drone-telemetry'] satisfies HubName[];

/** The app serves every service here, so its identity has the rights of all; tracking's rights are also in bicep/topology.yaml. */
function hubRoles(): Record<string, Record<string, ('sender' | 'receiver')[]>> {
  const hubs = Object.entries(HUBS).map(
    ([name, { consumers }]) => [name, consumers as readonly string[]] as const,
  );
  const app = hubs.map(([name, consumers]) => [
    name,
    [
      'sender' as const,
      ...(consumers.some((consumer) => consumer !== TRACKING) ? ['receiver' as const] : []),
    ],
  ]);
  const tracking = hubs.map(([name, consumers]) => [
    name,
    [
      ...(TRACKING_SENDS.includes(name) ? ['sender' as const] : []),
      ...(consumers.includes(TRACKING) ? ['receiver' as const] : []),
    ],
  ]);
  return { [APP]: Object.fromEntries(app), [TRACKING]: Object.fromEntries(tracking) };
}

/** The configuration of the Cosmos DB server; without an identity it needs none. */
export function cosmosConfig(
  options: PlatformOptions,
  addresses: Addresses,
  identity: IdentityMode,
): unknown {
  return {
    tls: { ...identity.tls, port: portOf(options, 'cosmos-tls') },
    issuer: addresses.issuer,
    audience: tlsEndpointOf(options),
    roles: { [APP]: Object.fromEntries(Object.keys(CONTAINERS).map((name) => [name, 'write'])) },
  };
}

/** The storage server's listeners with TLS. The app has the roles of bicep/modules/function-app.bicep, tracking has none. */
function storageTokens(options: PlatformOptions, { issuer }: Addresses, { tls }: IdentityMode): TokenOptions {
  return {
    tls,
    ports: {
      blob: portOf(options, 'storage-tls'),
      queue: portOf(options, 'storage-queue-tls'),
      table: portOf(options, 'storage-table-tls'),
    },
    issuer,
    audience: STORAGE_AUDIENCE,
    roles: { [APP]: { '*': ['blobOwner', 'queueContributor', 'tableContributor'] } },
  };
}

/** Environment with which `DefaultAzureCredential` finds the identity of an app. */
function managedIdentity(
  { secrets }: DataFolder,
  addresses: Addresses,
  clientId: string,
): Record<string, string> {
  return {
    AZURE_CLIENT_ID: clientId,
    IDENTITY_ENDPOINT: `${addresses.issuer}/managed-identity/token`,
    IDENTITY_HEADER: secrets.identityHeader,
  };
}

/** The same, with settings that contain no key. */
function identitySettings(
  options: PlatformOptions,
  data: DataFolder,
  addresses: Addresses,
  { authorities }: IdentityMode,
  clientId: string,
): Record<string, string> {
  return {
    COSMOS: '',
    COSMOS__accountEndpoint: `${tlsEndpointOf(options)}/`,
    EVENTHUBS: '',
    EVENTHUBS__fullyQualifiedNamespace: 'localhost',
    ...managedIdentity(data, addresses, clientId),
    NODE_EXTRA_CA_CERTS: authorities,
  };
}

/** https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity */
function storageSettings(options: PlatformOptions): Record<string, string> {
  const uri = (name: PortName) => `https://localhost:${portOf(options, name)}/${ACCOUNT}`;
  return {
    AzureWebJobsStorage: '',
    AzureWebJobsStorage__blobServiceUri: uri('storage-tls'),
    AzureWebJobsStorage__credential: 'managedidentity',
    AzureWebJobsStorage__clientId: APP,
  };
}

const tlsEndpointOf = (options: PlatformOptions) => `https://localhost:${portOf(options, 'cosmos-tls')}`;

export function brokerConfig(addresses: Addresses, identity?: IdentityMode): unknown {
  const hubs = Object.fromEntries(
    Object.entries(HUBS).map(([name, { partitions, consumers }]) => [
      name,
      { partitions, consumerGroups: consumers, retentionHours: 168, retentionBytes: 1024 ** 3 },
    ]),
  );
  return {
    hubs,
    keys: [{ name: BROKER_RULE, key: BROKER_KEY, rights: ['Manage', 'Send', 'Listen'] }],
    ...(identity
      ? {
          tls: { ...identity.tls, port: AMQPS_PORT },
          issuer: addresses.issuer,
          audience: EVENT_HUBS,
          roles: hubRoles(),
        }
      : {}),
  };
}

export function supportConfig(
  options: PlatformOptions,
  data: DataFolder,
  addresses: Addresses,
  pages: string,
  identity?: IdentityMode,
): SupportConfig {
  return {
    storage: {
      port: portOf(options, 'storage'),
      dataDir: join(data.path, 'storage'),
      ...(options.serversOnly
        ? {
            queue: { port: portOf(options, 'storage-queue') },
            table: { port: portOf(options, 'storage-table') },
          }
        : {}),
      ...(identity ? { tokens: storageTokens(options, addresses, identity) } : {}),
    },
    identity: {
      port: portOf(options, 'identity'),
      dataDir: join(data.path, 'identity'),
      principals: [...principals(options.drones), ...managedIdentities()],
      signIn: SIGN_IN,
      clients: clients(options.drones, data.secrets.clientSecret, addresses.gateway),
      resources: [
        AUDIENCE,
        ...(options.identity ? [EVENT_HUBS, STORAGE_AUDIENCE, tlsEndpointOf(options)] : []),
      ],
      managedIdentity: { header: data.secrets.identityHeader },
    },
    gateway: {
      port: portOf(options, 'gateway'),
      functions: addresses.functions,
      tracking: addresses.tracking,
      pages,
      page: {
        issuer: addresses.issuer,
        clientId: PAGE_CLIENT,
        scope: `openid profile offline_access ${AUDIENCE}/.default`,
        timeScale: options.speed,
      },
    },
  };
}

/** The Function App's settings; with an identity, the settings for it. */
export function appSettings(
  options: PlatformOptions,
  addresses: Addresses,
  data?: DataFolder,
  identity?: IdentityMode,
): Record<string, string> {
  return {
    COSMOS: addresses.cosmos,
    COSMOS_DATABASE: DATABASE,
    EVENTHUBS: addresses.eventHubs,
    AzureWebJobsStorage: addresses.storage,
    IDENTITY_ISSUER: addresses.issuer,
    API_AUDIENCE: AUDIENCE,
    PUBLIC_ORIGIN: addresses.gateway,
    CARRIERS: JSON.stringify([{ carrierId: CARRIER, url: addresses.carrier, apiKey: CARRIER_KEY }]),
    WEBHOOK_SIGNING_KEYS: WEBHOOK_KEY,
    OUTBOUND_ALLOW_LOOPBACK: 'true',
    TIME_SCALE: String(options.speed),
    ...(data && identity
      ? { ...identitySettings(options, data, addresses, identity, APP), ...storageSettings(options) }
      : {}),
  };
}

export function trackingSettings(
  options: PlatformOptions,
  addresses: Addresses,
  data: DataFolder,
  identity?: IdentityMode,
): Record<string, string> {
  return {
    TRACKING_PORT: String(portOf(options, 'tracking')),
    IDENTITY_ISSUER: addresses.issuer,
    TRACKING_AUDIENCE: AUDIENCE,
    API_ORIGIN: addresses.gateway,
    ...managedIdentity(data, addresses, TRACKING),
    EVENTHUBS: addresses.eventHubs,
    TIME_SCALE: String(options.speed),
    TELEMETRY_RECORD_SECONDS: '1',
    ALLOWED_ORIGINS: addresses.gateway,
    ...(identity ? identitySettings(options, data, addresses, identity, TRACKING) : {}),
  };
}

export function simulatorSettings(
  options: PlatformOptions,
  { secrets }: DataFolder,
  addresses: Addresses,
): Record<string, string> {
  return {
    API_BASE_URL: addresses.gateway,
    TRACKING_URL: `${addresses.tracking.replace('http', 'ws')}/telemetry`,
    IDENTITY_ISSUER: addresses.issuer,
    DEMO_CLIENT_KEY: secrets.clientSecret,
    API_AUDIENCE: AUDIENCE,
    CARRIER_PORT: String(portOf(options, 'carrier')),
    CARRIER_API_KEY: CARRIER_KEY,
  };
}
