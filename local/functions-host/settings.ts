/** Reads host.json, local.settings.json and the connections that settings name. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CorsSettings } from './cors.ts';

export interface HostConfig {
  readonly version?: string;
  readonly extensions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly logging?: { readonly logLevel?: Readonly<Record<string, string>> };
  readonly functionTimeout?: string;
  readonly concurrency?: Readonly<Record<string, unknown>>;
}

/** @throws Error that names the file and the reason */
export function readHostConfig(appDir: string): HostConfig {
  const file = join(appDir, 'host.json');
  if (!existsSync(appDir)) throw new Error(`${appDir} does not exist: name the folder of a Function App`);
  if (!existsSync(file)) throw new Error(`${file} does not exist: a Function App has one`);
  const config = readJson(file) as HostConfig | null;
  if (config?.version !== '2.0') throw new Error(`${file} must say "version": "2.0"`);
  return config;
}

/** Adds `Values` of local.settings.json to the environment, except variables that exist; returns the CORS settings of `Host`. */
export function applyLocalSettings(
  appDir: string,
  environment: Record<string, string | undefined>,
): CorsSettings {
  const file = join(appDir, 'local.settings.json');
  if (!existsSync(file)) return { origins: [], withCredentials: false };
  const { Values, Host } = (readJson(file) ?? {}) as {
    Values?: Record<string, unknown>;
    Host?: Record<string, unknown>;
  };
  for (const [name, value] of Object.entries(Values ?? {})) environment[name] ??= String(value);
  const origins = textOf(Host?.['CORS'])
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  return { origins, withCredentials: Host?.['CORSCredentials'] === true };
}

/** `extensions.http` of host.json. */
export function httpSettings({ extensions }: HostConfig): {
  readonly routePrefix: string;
  /** Sent with every answer. */
  readonly customHeaders: Readonly<Record<string, string>>;
} {
  const { routePrefix, customHeaders } = extensions?.['http'] ?? {};
  return {
    routePrefix: textOf(routePrefix, 'api'),
    customHeaders: Object.fromEntries(
      Object.entries(customHeaders ?? {}).map(([name, value]) => [name, textOf(value)]),
    ),
  };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether the setting `AzureWebJobs.<name>.Disabled` switches a function off. */
export function isDisabled(functionName: string): boolean {
  const value =
    process.env[`AzureWebJobs.${functionName}.Disabled`] ??
    process.env[`AzureWebJobs_${functionName}_Disabled`];
  return /^(true|1)$/i.test(value ?? '');
}

/** `%NAME%` in a binding is the setting NAME. */
export function resolveSetting(text: string): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = process.env[name];
    if (value === undefined)
      throw new Error(`the setting ${name} is missing (named as %${name}% in a binding)`);
    return value;
  });
}

export interface Connection {
  readonly connectionString?: string;
  /** Identity-based: the members behind `NAME__`. */
  readonly parts: Readonly<Record<string, string>>;
}

/** A binding's `connection` names a setting, or the prefix of an identity's settings. */
export function connectionNamed(name: string): Connection {
  const connectionString = process.env[name];
  if (connectionString) return { connectionString, parts: {} };
  const parts = Object.fromEntries(
    Object.entries(process.env)
      .filter(([key, value]) => key.startsWith(`${name}__`) && value)
      .map(([key, value]) => [key.slice(name.length + 2), value as string]),
  );
  if (Object.keys(parts).length === 0)
    throw new Error(`the setting ${name} is missing (a connection string, or ${name}__… for an identity)`);
  return { parts };
}

/**
 * The address of Blob storage for a connection with an identity: the whole address, or the name of an account in Azure.
 * https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
 *
 * @returns the address, without a trailing slash
 * @throws Error when the connection has neither
 */
export function blobServiceUri({ parts }: Connection): string {
  const { blobServiceUri: uri, accountName } = parts;
  if (uri) return uri.replace(/\/$/, '');
  if (!accountName)
    throw new Error('an identity-based storage connection needs blobServiceUri or accountName');
  return `https://${accountName}.blob.core.windows.net`;
}

/** An option of a binding or of host.json as text; a value that is not a scalar counts as absent. */
export function textOf(value: unknown, fallback = ''): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : fallback;
}

/** `hh:mm:ss` or a number, in ms. */
export function durationMs(value: unknown, fallback: number): number {
  if (typeof value === 'number') return value;
  const [, hours, minutes, seconds] = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(textOf(value)) ?? [];
  return hours === undefined
    ? fallback
    : (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}
