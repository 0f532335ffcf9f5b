/**
 * Manages the host's keys: they are made once, kept in a file, and grant access by level.
 *
 * X1 Hosts that share a data folder share the file: the first to write it wins.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface HostKeys {
  readonly master: string;
  readonly host: string;
  readonly system: { readonly durabletask_extension: string };
  readonly functions: Readonly<Record<string, string>>;
}

export type KeyHolder = 'master' | 'host' | 'system' | 'function' | 'nobody' | 'wrong';

/** @throws Error that names the file when it does not contain the keys */
export function readKeys(file: string): HostKeys {
  const kept = keysIn(file);
  if (kept) return kept;
  const keys: HostKeys = {
    master: newKey(),
    host: newKey(),
    system: { durabletask_extension: newKey() },
    functions: {},
  };
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(keys, null, 2), { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return keysIn(file) ?? keys;
}

export function writeKeys(file: string, keys: HostKeys): void {
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

export function newKey(): string {
  return randomBytes(32).toString('base64url');
}

/** New keys are made where there is no file. */
const ADVICE = 'correct the file, or remove it and start again';

function keysIn(file: string): HostKeys | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { master, host, system, functions = {} } = parse(file, text);
  if (!master || !host || !system?.durabletask_extension)
    throw new Error(`${file} has not all of master, host and system.durabletask_extension: ${ADVICE}`);
  return { master, host, system, functions };
}

function parse(file: string, text: string): Partial<HostKeys> {
  try {
    return JSON.parse(text) as Partial<HostKeys>;
  } catch (error) {
    throw new Error(`${file} is not JSON (${(error as Error).message}): ${ADVICE}`, { cause: error });
  }
}

export function holderOf(keys: HostKeys, sent: string | undefined, functionName?: string): KeyHolder {
  if (!sent) return 'nobody';
  if (sent === keys.master) return 'master';
  if (sent === keys.host) return 'host';
  if (sent === keys.system.durabletask_extension) return 'system';
  return functionName !== undefined && keys.functions[functionName] === sent ? 'function' : 'wrong';
}

/** Whether the holder may call a function of this level. https://learn.microsoft.com/azure/azure-functions/function-keys-how-to */
export function mayCall(level: string, holder: KeyHolder): boolean {
  switch (level.toLowerCase()) {
    case 'anonymous':
      return true;
    case 'admin':
      return holder === 'master';
    default:
      return holder === 'master' || holder === 'host' || holder === 'function';
  }
}
