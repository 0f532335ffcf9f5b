/** Checks the common parts of the servers' configuration files and arguments, by hand: a schema library would need a fifth of a process's memory. */
import { readFileSync } from 'node:fs';

/** Files, or PEM themselves. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  readonly port?: number;
}

const LAST_PORT = 65_535;

/** @throws Error with the reason */
export function readPort(text: string | number): number {
  const port = Number(text);
  check(isPort(port), `${text} is not a port`);
  return port;
}

/** @throws Error with the reason */
export function readObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the configuration is not JSON');
  }
  check(isObject(value), 'the configuration is not an object');
  return value;
}

/** Replaces file names by the files' contents. @throws Error when one cannot be read */
export function readTls(tls: TlsFiles): TlsFiles {
  return { ...tls, key: pem(tls.key), cert: pem(tls.cert) };
}

/** @throws Error with the message when the condition does not hold */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
export const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
export const isAddress = (value: unknown): value is string => isText(value) && URL.canParse(value);
export const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LAST_PORT;

/** Key, cert and perhaps a port. */
export function isTls(value: unknown): boolean {
  if (!isObject(value) || !isText(value['key']) || !isText(value['cert'])) return false;
  return value['port'] === undefined || isPort(value['port']);
}

function pem(text: string): string {
  return text.startsWith('-----BEGIN') ? text : readFileSync(text, 'utf8');
}
