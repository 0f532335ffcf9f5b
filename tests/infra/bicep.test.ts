import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSettings, SettingsSchema } from '../../shared/config/settings.ts';
import {
  CONTAINERS,
  type ContainerName,
  type ContainerSpec,
  containerDefinition,
} from '../../shared/cosmos/containers.ts';
import type { Route } from '../../shared/http/define-route.ts';
import { HUBS } from '../../shared/messaging/hubs.ts';
import { SERVICES } from '../../shared/service-names.ts';
import { type Bicep, findBicep, HOW_TO_GET_IT } from './bicep-cli.ts';
import {
  BICEP_DIR,
  type Deployment,
  evaluate,
  hostOf,
  identityIn,
  ofType,
  type Resource,
  settingsOf,
  shortName,
} from './deployment.ts';

const found = await findBicep();
if (!found) process.stderr.write(`tests/infra is skipped: ${HOW_TO_GET_IT}\n`);
const bicep = found as Bicep;

const ROLES = {
  sender: '2b629674-e913-4c01-ae53-ef4638d8f975',
  receiver: 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde',
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88',
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb',
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
} as const;
const ASSIGNMENT = 'Microsoft.Authorization/roleAssignments';
const SQL_ASSIGNMENT = 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments';
const HUB = 'Microsoft.EventHub/namespaces/eventhubs';
const SITE = 'Microsoft.Web/sites';
const STORAGE = 'Microsoft.Storage/storageAccounts';

describe.skipIf(!found)('the infrastructure', () => {
  const deployments: Record<string, Deployment> = {};
  const production = () => deployments['production'] as Deployment;
  const all = () => Object.values(deployments);

  beforeAll(async () => {
    const [small, production] = await Promise.all([evaluate(bicep, 'small'), evaluate(bicep, 'production')]);
    Object.assign(deployments, { small, production });
  }, 120_000);

  describe('is written well', () => {
    test('main.bicep and its modules compile and lint without a word', async () => {
      expect(await bicep('lint', join(BICEP_DIR, 'main.bicep'))).toBe('');
    });

    test('a property that does not exist would be seen', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'bicep-'));
      try {
        const file = join(folder, 'wrong.bicep');
        const source = await readFile(join(BICEP_DIR, 'modules/monitoring.bicep'), 'utf8');
        await writeFile(file, source.replace('retentionInDays:', 'retentionInDay:'));
        expect(await bicep('lint', file)).toMatch(/BCP089.*retentionInDay/);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test('both parameter files evaluate', () => {
      for (const { diagnostics, resources } of all()) {
        expect(diagnostics).toEqual([]);
        expect(new Set(resources.map(({ id }) => id)).size).toBe(resources.length);
      }
    });
  });

  describe('agrees with the code', () => {
    test('hubs and consumer groups are those of shared/messaging/hubs.ts', () => {
      for (const deployment of all()) {
        const partitions = ofType(deployment, HUB).map((hub) => [
          shortName(hub),
          hub.properties['partitionCount'],
        ]);
        expect(Object.fromEntries(partitions)).toEqual(
          Object.fromEntries(Object.entries(HUBS).map(([name, hub]) => [name, hub.partitions])),
        );
        const groups = ofType(deployment, `${HUB}/consumergroups`).map(({ name }) =>
          name.split('/').slice(1).join('/'),
        );
        const expected = Object.entries(HUBS).flatMap(([name, hub]) =>
          hub.consumers.map((consumer) => `${name}/${consumer}`),
        );
        expect(groups.sort()).toEqual(expected.sort());
      }
    });

    test('containers are those of shared/cosmos/containers.ts', () => {
      for (const deployment of all()) {
        const containers = ofType(
          deployment,
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers',
        ).map((container) => {
          const { partitionKey, defaultTtl, indexingPolicy } = container.properties['resource'] as {
            partitionKey: { paths: string[]; kind: string; version: number };
            defaultTtl?: number;
            indexingPolicy: { includedPaths: object[]; excludedPaths: object[] };
          };
          const { includedPaths, excludedPaths } = indexingPolicy;
          expect(partitionKey.kind).toBe(partitionKey.paths.length > 1 ? 'MultiHash' : 'Hash');
          expect(partitionKey.version).toBe(2);
          const indexed = { includedPaths, excludedPaths };
          return [shortName(container), { paths: partitionKey.paths, defaultTtl, indexed }];
        });
        const expected = (Object.keys(CONTAINERS) as ContainerName[]).map((name) => {
          const { partitionKey, defaultTtl, indexingPolicy } = containerDefinition(name);
          const { paths } = partitionKey as { paths: string[] };
          return [name, { paths, defaultTtl, indexed: indexingPolicy }];
        });
        expect(Object.fromEntries(containers)).toEqual(Object.fromEntries(expected));
      }
    });

    test('every setting that the code reads is set, and none other', () => {
      const ofOneMachine = [
        'COSMOS',
        'EVENTHUBS',
        'AzureWebJobsStorage',
        'AzureWebJobsStorage__blobServiceUri',
        'OTEL_EXPORTER_OTLP_ENDPOINT',
      ];
      const ofHost = [
        'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
        ...['AzureWebJobsStorage', 'COSMOS', 'EVENTHUBS'].flatMap((name) => [
          `${name}__clientId`,
          `${name}__credential`,
        ]),
      ];
      const ofCode = Object.keys(SettingsSchema.shape).filter((name) => !ofOneMachine.includes(name));
      for (const [parameters, deployment] of Object.entries(deployments)) {
        // Optional: only production has a relay.
        const expected = [...ofCode, ...ofHost].filter(
          (name) => parameters === 'production' || name !== 'NOTIFY_RELAY_URL',
        );
        for (const app of ofType(deployment, SITE)) {
          expect(Object.keys(settingsOf(app)).sort()).toEqual(expected.sort());
        }
      }
    });

    test('the settings are ones that the code accepts, with the code’s defaults', () => {
      const needed = {
        COSMOS: 'x',
        EVENTHUBS: 'x',
        AzureWebJobsStorage: 'x',
        IDENTITY_ISSUER: 'https://issuer.example',
        API_AUDIENCE: 'x',
        PUBLIC_ORIGIN: 'https://api.example',
      };
      const defaults = readSettings(needed);
      for (const deployment of all()) {
        for (const app of ofType(deployment, SITE)) {
          const settings = readSettings(known(settingsOf(app)));
          for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
            const isTuning = /_SECONDS$|^TIME_|^MAX_|^LIMIT_|_ATTEMPTS$|_SCHEDULE$|LOG_LEVEL/.test(name);
            if (isTuning) expect([name, settings[name]]).toEqual([name, defaults[name]]);
          }
        }
      }
    });

    test('in production each service has an app, and the others know its origin', () => {
      const apps = ofType(production(), SITE);
      expect(new Set(apps.map((app) => settingsOf(app)['SERVICES']))).toEqual(new Set<string>(SERVICES));
      expect(apps).toHaveLength(SERVICES.length);
      const origins = Object.fromEntries(
        apps.map((app) => [settingsOf(app)['SERVICES'], `https://${app.name}.azurewebsites.net`]),
      );
      for (const app of apps) expect(JSON.parse(settingsOf(app)['SERVICE_ORIGINS'] ?? '')).toEqual(origins);
      const [small] = ofType(deployments['small'] as Deployment, SITE);
      expect(settingsOf(small as Resource)).toMatchObject({ SERVICES: '', SERVICE_ORIGINS: '{}' });
    });

    test('the gateway leads every route to the service that has it', async () => {
      const expected = new Map<string, Set<string>>();
      for (const { service, path } of await routes()) {
        const segment = path.split('/')[0] ?? '';
        const paths = expected.get(service) ?? new Set();
        expected.set(service, paths.add(`/api/${segment}`).add(`/api/${segment}/*`));
      }
      const actual = ofType(production(), 'Microsoft.Cdn/profiles/afdEndpoints/routes').map(
        (route) => [shortName(route), new Set(route.properties['patternsToMatch'] as string[])] as const,
      );
      expect(new Map(actual)).toEqual(expected);
    });
  });

  describe('gives no more than is needed', () => {
    test('each app has an identity of its own, and uses it for everything', () => {
      for (const deployment of all()) {
        const identities = ofType(deployment, SITE).map((app) => {
          const ids = Object.keys(app.identity?.userAssignedIdentities ?? {});
          expect(ids).toHaveLength(1);
          const mentioned = JSON.stringify(app.properties).match(/userAssignedIdentities\/[\w-]+/g) ?? [];
          expect(new Set(mentioned.map(identityIn))).toEqual(new Set([identityIn(ids[0])]));
          return ids[0];
        });
        expect(new Set(identities).size).toBe(identities.length);
        expect(identities).toHaveLength(deployment === production() ? SERVICES.length : 1);
      }
    });

    test('containers are written by the service that owns them', () => {
      const containers = Object.entries<ContainerSpec>(CONTAINERS);
      const owned = containers.filter(([, { service }]) => service !== 'each');
      const shared = containers.filter(([, { service }]) => service === 'each').map(([name]) => ` ${name}`);
      const expected = owned.map(([name, { service }]) => `${service} writes ${name}`);
      const grants = writes(production()).filter((grant) => !shared.some((name) => grant.endsWith(name)));
      expect(grants.sort()).toEqual(expected.sort());
    });

    test('idempotency keys are written by the services whose adapter keeps them (W6)', async () => {
      const keepers = (await routes()).filter(({ idempotency }) => idempotency === 'adapter');
      const expected = new Set(keepers.map(({ service }) => `${service} writes idempotencyKeys`));
      const grants = writes(production()).filter((grant) => grant.endsWith(' idempotencyKeys'));
      expect(new Set(grants)).toEqual(expected);
    });

    test('leases are written by the services that read a change feed', async () => {
      const leases = writes(production()).filter((grant) => grant.endsWith(' leases'));
      const readers = await servicesThatCall('registerOutbox');
      expect(readers.size).toBeGreaterThan(0);
      for (const service of readers) expect(leases).toContain(`${service} writes leases`);
      // Booked carriers are told by the change feed as well.
      expect(leases).toHaveLength(new Set([...readers, 'third-party']).size);
    });

    test('the other Cosmos rights are to read the metadata of the database', () => {
      for (const deployment of all()) {
        for (const { properties } of ofType(deployment, SQL_ASSIGNMENT)) {
          expect(properties['scope']).toMatch(/\/dbs\/drone-delivery(\/colls\/\w+)?$/);
        }
        const definitions = ofType(deployment, 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions');
        const actions = definitions.map(({ properties }) => {
          const [permission] = properties['permissions'] as { dataActions: string[] }[];
          return permission?.dataActions.map((action) => action.split('databaseAccounts/')[1]);
        });
        expect(actions).toEqual([
          [
            'readMetadata',
            'sqlDatabases/containers/items/*',
            'sqlDatabases/containers/executeQuery',
            'sqlDatabases/containers/readChangeFeed',
          ],
          ['readMetadata'],
        ]);
      }
    });

    test('hubs are read by their consumers, and written by those that the design names', () => {
      const grants = grantsOf(production());
      const receivers = Object.entries(HUBS).flatMap(([hub, { consumers }]) =>
        consumers.map((consumer) => `${consumer} receiver ${hub}`),
      );
      expect(grants.filter((grant) => grant.includes(' receiver ')).sort()).toEqual(receivers.sort());
      expect(grants.filter((grant) => grant.includes(' sender ')).sort()).toEqual([
        'delivery sender domain-events',
        'drone sender domain-events',
        'drone sender drone-commands',
        'ingestion sender delivery-requests',
        'scheduler sender domain-events',
        'supervisor sender delivery-requests',
        'supervisor sender domain-events',
        'supervisor sender drone-events',
        'supervisor sender drone-telemetry',
        'third-party sender domain-events',
        'tracking sender drone-events',
        'tracking sender drone-telemetry',
      ]);
    });

    test('storage belongs to one app: blobs to all, queues and tables to the one with orchestrations', () => {
      const accounts: Record<string, string> = Object.fromEntries(
        ofType(production(), SITE).map((app) => [
          settingsOf(app)['AzureWebJobsStorage__accountName'],
          settingsOf(app)['SERVICES'] ?? '',
        ]),
      );
      expect(Object.keys(accounts)).toHaveLength(SERVICES.length);
      const grants = grantsOf(production()).filter((grant) => / (blob|queue|table)/.test(grant));
      const expected = Object.entries(accounts).flatMap(([account, service]) => [
        `${service} blobOwner ${account}`,
        ...(service === 'scheduler'
          ? [`${service} queueContributor ${account}`, `${service} tableContributor ${account}`]
          : []),
      ]);
      expect(grants.sort()).toEqual(expected.sort());
    });

    test('beyond that there are metrics and pulling images, and nothing as wide as a group or a namespace', () => {
      for (const deployment of all()) {
        for (const assignment of ofType(deployment, ASSIGNMENT)) {
          const role = roleOf(assignment);
          const place = hostOf(assignment);
          if (role === 'sender' || role === 'receiver') expect(place).toMatch(/\/eventhubs\/[\w-]+$/);
          else if (role === 'metricsPublisher') expect(place).toMatch(/\/Microsoft\.Insights\/components\//);
          else if (role === 'acrPull') expect(place).toMatch(/\/Microsoft\.ContainerRegistry\/registries\//);
          else expect(place).toMatch(/\/storageAccounts\/\w+$/);
        }
      }
    });

    test('behind the gateway an app is reached through ours alone, and by the other apps', () => {
      for (const app of ofType(production(), SITE)) {
        const { ipSecurityRestrictionsDefaultAction, ipSecurityRestrictions } = app.properties[
          'siteConfig'
        ] as { ipSecurityRestrictionsDefaultAction: string; ipSecurityRestrictions: object[] };
        expect(ipSecurityRestrictionsDefaultAction).toBe('Deny');
        expect(ipSecurityRestrictions).toEqual([
          expect.objectContaining({
            action: 'Allow',
            tag: 'ServiceTag',
            ipAddress: 'AzureFrontDoor.Backend',
            headers: { 'x-azure-fdid': [expect.stringMatching(/frontDoorId/)] },
          }),
          expect.objectContaining({
            action: 'Allow',
            vnetSubnetResourceId: app.properties['virtualNetworkSubnetId'],
          }),
        ]);
        expect(app.properties['virtualNetworkSubnetId']).toMatch(/subnets/);
      }
      const [small] = ofType(deployments['small'] as Deployment, SITE);
      expect(JSON.stringify(small?.properties)).not.toMatch(/ipSecurityRestrictions|virtualNetwork/);
    });

    test('pods act as tracking by the cluster’s issuer, under one service account', () => {
      for (const deployment of all()) {
        const [federation, ...others] = ofType(
          deployment,
          'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
        );
        expect(others).toEqual([]);
        expect(identityIn(federation?.id)).toBe('tracking');
        expect(federation?.properties).toMatchObject({
          subject: 'system:serviceaccount:tracking:tracking',
          audiences: ['api://AzureADTokenExchange'],
        });
      }
    });
  });

  describe('has no keys', () => {
    test('no template asks for one, no setting holds one', async () => {
      const files = await readdir(BICEP_DIR, { recursive: true });
      const sources = await Promise.all(
        files
          .filter((file) => /\.bicep(param)?$/.test(file))
          .map((file) => readFile(join(BICEP_DIR, file), 'utf8')),
      );
      for (const text of [...sources, ...all().map((deployment) => deployment.text)]) {
        expect(text).not.toMatch(/list(Keys|Secrets|ConnectionStrings|AccountSas|ServiceSas)/i);
        expect(text).not.toMatch(/(AccountKey|SharedAccessKey|SharedAccessKeyName|InstrumentationKey)\s*=/);
        expect(text).not.toMatch(/authorizationRules/i);
      }
    });

    test('local authentication is off wherever there is any; a new type of resource must say so here', () => {
      const locked: Record<string, object> = {
        'Microsoft.EventHub/namespaces': { disableLocalAuth: true, minimumTlsVersion: '1.2' },
        'Microsoft.DocumentDB/databaseAccounts': { disableLocalAuth: true, minimalTlsVersion: 'Tls12' },
        [STORAGE]: {
          allowSharedKeyAccess: false,
          allowBlobPublicAccess: false,
          supportsHttpsTrafficOnly: true,
        },
        'Microsoft.OperationalInsights/workspaces': { features: { disableLocalAuth: true } },
        'Microsoft.Insights/components': { DisableLocalAuth: true },
        'Microsoft.Web/sites': {
          httpsOnly: true,
          siteConfig: { ftpsState: 'Disabled', minTlsVersion: '1.2' },
        },
        'Microsoft.Web/sites/basicPublishingCredentialsPolicies': { allow: false },
        'Microsoft.ContainerRegistry/registries': { adminUserEnabled: false, anonymousPullEnabled: false },
        'Microsoft.ContainerService/managedClusters': {
          disableLocalAccounts: true,
          oidcIssuerProfile: { enabled: true },
        },
        'Microsoft.Storage/storageAccounts/blobServices/containers': { publicAccess: 'None' },
      };
      const without = new Set([
        ASSIGNMENT,
        SQL_ASSIGNMENT,
        HUB,
        `${HUB}/consumergroups`,
        'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions',
        'Microsoft.DocumentDB/databaseAccounts/sqlDatabases',
        'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers',
        'Microsoft.ManagedIdentity/userAssignedIdentities',
        'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
        'Microsoft.Storage/storageAccounts/blobServices',
        'Microsoft.Web/serverfarms',
        'Microsoft.Insights/diagnosticSettings',
        'Microsoft.Insights/actionGroups',
        'Microsoft.Insights/metricAlerts',
        'Microsoft.Insights/scheduledQueryRules',
        'Microsoft.Network/virtualNetworks',
        'Microsoft.Network/virtualNetworks/subnets',
        'Microsoft.Cdn/profiles',
        'Microsoft.Cdn/profiles/afdEndpoints',
        'Microsoft.Cdn/profiles/afdEndpoints/routes',
        'Microsoft.Cdn/profiles/originGroups',
        'Microsoft.Cdn/profiles/originGroups/origins',
      ]);
      for (const deployment of all()) {
        for (const { type, properties } of deployment.resources) {
          if (!without.has(type)) expect({ type, properties }).toMatchObject({ properties: locked[type] });
          expect(without.has(type) || type in locked).toBe(true);
        }
        const closed = ofType(deployment, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies');
        expect(closed).toHaveLength(2 * ofType(deployment, SITE).length);
      }
    });
  });

  test('names keep to the limits', () => {
    // https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    const limits: Record<string, RegExp> = {
      [STORAGE]: /^[a-z0-9]{3,24}$/,
      [SITE]: /^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]$/,
      'Microsoft.Web/serverfarms': /^[\w-]{1,60}$/,
      'Microsoft.EventHub/namespaces': /^[a-z][a-z0-9-]{4,48}[a-z0-9]$/,
      'Microsoft.DocumentDB/databaseAccounts': /^[a-z0-9][a-z0-9-]{2,43}$/,
      'Microsoft.ContainerRegistry/registries': /^[a-z0-9]{5,50}$/,
      'Microsoft.ContainerService/managedClusters': /^[a-z0-9][\w-]{0,62}$/,
      'Microsoft.ManagedIdentity/userAssignedIdentities': /^[a-z0-9][\w-]{2,127}$/,
      'Microsoft.OperationalInsights/workspaces': /^[a-z0-9][a-z0-9-]{2,61}[a-z0-9]$/,
      'Microsoft.Cdn/profiles': /^[a-z0-9][a-z0-9-]{0,258}$/,
      'Microsoft.Cdn/profiles/afdEndpoints': /^[a-z0-9][a-z0-9-]{0,44}$/,
    };
    for (const deployment of all()) {
      for (const resource of deployment.resources) {
        const limit = limits[resource.type];
        if (limit) expect(shortName(resource)).toMatch(limit);
      }
    }
  });

  test('production is spread over zones and keeps its apps warm; small pays per use', () => {
    const zones = (deployment: Deployment) => [
      ...ofType(deployment, 'Microsoft.EventHub/namespaces').map((r) => r.properties['zoneRedundant']),
      ...ofType(deployment, 'Microsoft.Web/serverfarms').map((r) => r.properties['zoneRedundant']),
    ];
    expect(new Set(zones(production()))).toEqual(new Set([true]));
    const small = deployments['small'] as Deployment;
    expect(new Set(zones(small))).toEqual(new Set([false]));
    const [account] = ofType(small, 'Microsoft.DocumentDB/databaseAccounts');
    expect(account?.properties['capabilities']).toEqual([{ name: 'EnableServerless' }]);
    for (const plan of ofType(small, 'Microsoft.Web/serverfarms')) expect(plan.sku?.name).toBe('FC1');
  });
});

/** References are known only after the deployment; any address stands for them. */
function known(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      /^\[(reference|format|if)\(/.test(value) ? 'https://known-later.example' : value,
    ]),
  );
}

function roleOf({ properties }: Resource): keyof typeof ROLES {
  const id = String(properties['roleDefinitionId']).split('/').at(-1);
  const [name] = Object.entries(ROLES).find(([, role]) => role === id) ?? [];
  if (!name) throw new Error(`no role ${id} is meant to be given`);
  return name as keyof typeof ROLES;
}

/** `scheduler receiver drone-events` */
function grantsOf(deployment: Deployment): string[] {
  return ofType(deployment, ASSIGNMENT)
    .filter((assignment) => roleOf(assignment) !== 'acrPull')
    .map((assignment) => {
      const who = identityIn(assignment.properties['principalId']);
      return `${who} ${roleOf(assignment)} ${hostOf(assignment).split('/').at(-1)}`;
    });
}

/** `drone writes drones` */
function writes(deployment: Deployment): string[] {
  return ofType(deployment, SQL_ASSIGNMENT)
    .filter(({ properties }) => String(properties['scope']).includes('/colls/'))
    .map(({ properties }) => {
      const container = String(properties['scope']).split('/').at(-1);
      return `${identityIn(properties['principalId'])} writes ${container}`;
    });
}

async function routes(): Promise<Route[]> {
  const folder = join(import.meta.dirname, '../../shared/contracts');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const modules = await Promise.all(
    files.map(async (file) => (await import(join(folder, file))) as Record<string, unknown>),
  );
  return modules
    .flatMap((module) => Object.values(module))
    .filter((value): value is Route => typeof (value as Route | null)?.functionName === 'string');
}

async function servicesThatCall(name: string): Promise<Set<string>> {
  const folder = join(import.meta.dirname, '../../functions');
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.functions.ts'));
  const sources = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const calls = sources.flatMap((source) => [...source.matchAll(new RegExp(`${name}\\('([\\w-]+)'`, 'g'))]);
  return new Set(calls.map(([, service]) => service ?? ''));
}
