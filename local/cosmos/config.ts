/** The configuration file of the process. Checked by hand: a schema library would be a fifth of the process's memory. */
import type { Roles } from './tokens.ts';

export interface CosmosConfig {
  /** Base64. */
  readonly key?: string;
  readonly partitionRanges?: number;
  /** Files, or PEM themselves. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port?: number };
  /** Of Entra tokens; with it they are taken on the TLS listener. */
  readonly issuer?: string;
  readonly audience?: string;
  readonly roles?: Roles;
}

const LAST_PORT = 65_535;
const MOST_RANGES = 64;

/** @throws Error that says what is wrong */
export function readPort(text: string | number): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > LAST_PORT) throw new Error(`${text} is not a port`);
  return port;
}

/** @throws Error that says what is wrong, and where */
export function readConfig(text: string): CosmosConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the configuration is not JSON');
  }
  check(isObject(value), 'the configuration is not an object');
  for (const name of Object.keys(value))
    check(name in KINDS, `the configuration has an unknown part: ${name}`);
  for (const [name, [is, kind]] of Object.entries(KINDS))
    check(value[name] === undefined || is(value[name]), `${name} in the configuration is not ${kind}`);
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';

function isTls(value: unknown): boolean {
  if (!isObject(value) || !isText(value['key']) || !isText(value['cert'])) return false;
  const port = value['port'];
  return port === undefined || (Number.isInteger(port) && Number(port) >= 0 && Number(port) <= LAST_PORT);
}

const isRole = (value: unknown) =>
  isObject(value) && Object.values(value).every((access) => access === 'read' || access === 'write');

const KINDS: Readonly<Record<keyof CosmosConfig, readonly [(value: unknown) => boolean, string]>> = {
  key: [isText, 'a text'],
  partitionRanges: [
    (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_RANGES,
    `a number from 1 to ${MOST_RANGES}`,
  ],
  tls: [isTls, 'key, cert and perhaps a port'],
  issuer: [(value) => isText(value) && URL.canParse(String(value)), 'an address'],
  audience: [isText, 'a text'],
  roles: [
    (value) => isObject(value) && Object.values(value).every(isRole),
    'principals with containers and "read" or "write"',
  ],
};

function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}
