/** Reads the configuration file of the process, in its own form or that of Microsoft's emulator. */
import {
  check,
  isAddress,
  isObject,
  isText,
  isTls,
  readObject,
  type TlsFiles,
} from '../server-configuration.ts';
import type { AccessKey, Right } from './auth.ts';
import type { HubConfig } from './broker.ts';
import type { Roles } from './tokens.ts';

export interface EventHubsConfig {
  readonly hubs: Readonly<Record<string, HubConfig>>;
  /** Default: the emulator's `RootManageSharedAccessKey` with the key `SAS_KEY_VALUE`. */
  readonly keys: readonly AccessKey[];
  readonly throughputUnits?: number;
  readonly maxConnections?: number;
  readonly tls?: TlsFiles;
  /** Issuer of Entra tokens; with it, the TLS listener accepts them. */
  readonly issuer?: string;
  readonly audience?: string;
  readonly roles?: Roles;
}

/** The form of Microsoft's emulator. https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator */
export const EMULATOR_KEY: AccessKey = {
  name: 'RootManageSharedAccessKey',
  key: 'SAS_KEY_VALUE',
  rights: ['Manage', 'Send', 'Listen'],
};

const MAX_PARTITIONS = 1024;
/** https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsofteventhub */
const NAME = /^[a-z0-9]([-._a-z0-9]{0,254}[a-z0-9])?$/i;
const GROUP = /^(\$default|[a-z0-9]([-._a-z0-9]{0,48}[a-z0-9])?)$/i;
const RIGHTS: ReadonlySet<unknown> = new Set(['Send', 'Listen', 'Manage'] satisfies Right[]);
const ROLES: ReadonlySet<unknown> = new Set(['sender', 'receiver', 'owner']);

/** @throws Error that names the invalid part and the reason */
export function readConfig(text: string): EventHubsConfig {
  const value = readObject(text);
  if (isObject(value['UserConfig'])) return { hubs: emulatorHubs(value['UserConfig']), keys: [EMULATOR_KEY] };
  for (const name of Object.keys(value))
    check(PARTS.has(name), `the configuration has an unknown part: ${name}`);
  check(isObject(value['hubs']), 'the configuration has no hubs');
  for (const [name, hub] of Object.entries(value['hubs'])) checkHub(name, hub);
  const { keys = [EMULATOR_KEY], throughputUnits, maxConnections, tls, issuer, audience, roles } = value;
  check(Array.isArray(keys) && keys.every(isKey), 'keys in the configuration are not names, keys and rights');
  check(
    throughputUnits === undefined || isPositive(throughputUnits),
    'throughputUnits is not a number above 0',
  );
  check(
    maxConnections === undefined || (isPositive(maxConnections) && Number.isInteger(maxConnections)),
    'maxConnections is not a whole number above 0',
  );
  check(tls === undefined || isTls(tls), 'tls in the configuration is not key, cert and perhaps a port');
  check(issuer === undefined || isAddress(issuer), 'issuer is not an address');
  check(audience === undefined || isText(audience), 'audience is not a text');
  check(
    roles === undefined || (isObject(roles) && Object.values(roles).every(isGrant)),
    'roles are not principals with hubs and "sender", "receiver" or "owner"',
  );
  return { ...(value as unknown as EventHubsConfig), keys: keys as readonly AccessKey[] };
}

function checkHub(name: string, hub: unknown): void {
  check(NAME.test(name), `${name} is no name of an event hub`);
  check(isObject(hub), `the hub ${name} is not an object`);
  for (const part of Object.keys(hub)) check(part in HUB, `the hub ${name} has an unknown part: ${part}`);
  for (const [part, [is, kind]] of Object.entries(HUB))
    check(is(hub[part]), `${part} of the hub ${name} is not ${kind}`);
}

function emulatorHubs(config: Record<string, unknown>): Record<string, HubConfig> {
  const namespaces: unknown = config['NamespaceConfig'];
  check(Array.isArray(namespaces), 'UserConfig has no NamespaceConfig');
  const hubs: Record<string, HubConfig> = {};
  for (const { Entities: entities } of namespaces as readonly { Entities?: unknown }[]) {
    check(Array.isArray(entities), 'a namespace has no Entities');
    for (const entity of entities as readonly Record<string, unknown>[]) {
      const groups = (entity['ConsumerGroups'] ?? []) as readonly { readonly Name: string }[];
      const hub = {
        partitions: Number(entity['PartitionCount']),
        consumerGroups: groups.map((group) => group.Name),
      };
      checkHub(String(entity['Name']), hub);
      hubs[String(entity['Name'])] = hub;
    }
  }
  return hubs;
}

const PARTS: ReadonlySet<string> = new Set([
  'hubs',
  'keys',
  'throughputUnits',
  'maxConnections',
  'tls',
  'issuer',
  'audience',
  'roles',
] satisfies (keyof EventHubsConfig)[]);

const isPositive = (value: unknown) => typeof value === 'number' && value > 0;
const isAbsentOr = (is: (value: unknown) => boolean) => (value: unknown) => value === undefined || is(value);

const HUB: Readonly<Record<keyof HubConfig, readonly [(value: unknown) => boolean, string]>> = {
  partitions: [
    (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_PARTITIONS,
    `a number from 1 to ${MAX_PARTITIONS}`,
  ],
  consumerGroups: [
    isAbsentOr((value) => Array.isArray(value) && value.every((each) => GROUP.test(String(each)))),
    'a list of names',
  ],
  retentionHours: [isAbsentOr(isPositive), 'a number above 0'],
  retentionBytes: [isAbsentOr(isPositive), 'a number above 0'],
  quotaBytes: [isAbsentOr(isPositive), 'a number above 0'],
};

function isKey(value: unknown): boolean {
  if (!isObject(value) || !isText(value['name']) || !isText(value['key'])) return false;
  const { rights } = value;
  return Array.isArray(rights) && rights.every((right) => RIGHTS.has(right));
}

const isGrant = (value: unknown) =>
  isObject(value) && Object.values(value).every((roles) => [roles].flat().every((role) => ROLES.has(role)));
