/** Reads the configuration file of the process: TLS, and the roles of tokens. */
import {
  check,
  isAddress,
  isObject,
  isPort,
  isText,
  isTls,
  readObject,
  readTls,
  type TlsFiles,
} from '../server-configuration.ts';
import { isRole, type Roles } from './rights.ts';
import type { TokenOptions } from './token-listener.ts';

interface StorageConfig {
  /** `port` is that of blobs. */
  readonly tls: TlsFiles;
  readonly queuePort?: number;
  readonly tablePort?: number;
  readonly issuer: string;
  readonly audience?: string;
  readonly roles: Roles;
}

/** @throws Error that names the invalid part and the reason */
export function readConfig(text: string): TokenOptions {
  const value = readObject(text);
  for (const name of Object.keys(value))
    check(name in KINDS, `the configuration has an unknown part: ${name}`);
  for (const [name, [is, kind]] of Object.entries(KINDS))
    check(is(value[name]), `${name} in the configuration is not ${kind}`);
  const { tls, queuePort = 0, tablePort = 0, ...tokens } = value as unknown as StorageConfig;
  const { key, cert, port = 0 } = readTls(tls);
  return { ...tokens, tls: { key, cert }, ports: { blob: port, queue: queuePort, table: tablePort } };
}

const isPortOrNone = (value: unknown) => value === undefined || isPort(value);
const isGrant = (value: unknown) =>
  isObject(value) && Object.values(value).every((roles) => [roles].flat().every(isRole));

const KINDS: Readonly<Record<keyof StorageConfig, readonly [(value: unknown) => boolean, string]>> = {
  tls: [isTls, 'key, cert and perhaps a port'],
  queuePort: [isPortOrNone, 'a port'],
  tablePort: [isPortOrNone, 'a port'],
  issuer: [isAddress, 'an address'],
  audience: [(value) => value === undefined || isText(value), 'a text'],
  roles: [
    (value) => isObject(value) && Object.values(value).every(isGrant),
    'principals with containers, queues or tables and roles such as "blobReader"',
  ],
};
