/** Reads the configuration file of the process. */
import {
  check,
  isAddress,
  isObject,
  isText,
  isTls,
  readObject,
  type TlsFiles,
} from '../server-configuration.ts';
import type { Roles } from './tokens.ts';

export interface CosmosConfig {
  /** Base64. */
  readonly key?: string;
  readonly partitionRanges?: number;
  readonly tls?: TlsFiles;
  /** Issuer of Entra tokens; with it, the TLS listener accepts them. */
  readonly issuer?: string;
  readonly audience?: string;
  readonly roles?: Roles;
}

const MAX_RANGES = 64;

/** @throws Error that names the invalid part and the reason */
export function readConfig(text: string): CosmosConfig {
  const value = readObject(text);
  for (const name of Object.keys(value))
    check(name in KINDS, `the configuration has an unknown part: ${name}`);
  for (const [name, [is, kind]] of Object.entries(KINDS))
    check(value[name] === undefined || is(value[name]), `${name} in the configuration is not ${kind}`);
  return value;
}

const isRole = (value: unknown) =>
  isObject(value) && Object.values(value).every((access) => access === 'read' || access === 'write');

const KINDS: Readonly<Record<keyof CosmosConfig, readonly [(value: unknown) => boolean, string]>> = {
  key: [isText, 'a text'],
  partitionRanges: [
    (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_RANGES,
    `a number from 1 to ${MAX_RANGES}`,
  ],
  tls: [isTls, 'key, cert and perhaps a port'],
  issuer: [isAddress, 'an address'],
  audience: [isText, 'a text'],
  roles: [
    (value) => isObject(value) && Object.values(value).every(isRole),
    'principals with containers and "read" or "write"',
  ],
};
