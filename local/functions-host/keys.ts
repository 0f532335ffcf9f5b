/** Host keys: made once, kept in a file. Who has which may call what. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface HostKeys {
  readonly master: string;
  readonly host: string;
  readonly system: { readonly durabletask_extension: string };
  readonly functions: Readonly<Record<string, string>>;
}

export type KeyHolder = 'master' | 'host' | 'system' | 'function' | 'nobody' | 'wrong';

export function readKeys(file: string): HostKeys {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as HostKeys;
  const key = () => randomBytes(32).toString('base64url');
  const keys: HostKeys = {
    master: key(),
    host: key(),
    system: { durabletask_extension: key() },
    functions: {},
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(keys, null, 2), { mode: 0o600 });
  return keys;
}

export function holderOf(keys: HostKeys, sent: string | undefined, functionName?: string): KeyHolder {
  if (!sent) return 'nobody';
  if (sent === keys.master) return 'master';
  if (sent === keys.host) return 'host';
  if (sent === keys.system.durabletask_extension) return 'system';
  return functionName !== undefined && keys.functions[functionName] === sent ? 'function' : 'wrong';
}

/** May the holder call a function of this level? https://learn.microsoft.com/azure/azure-functions/function-keys-how-to */
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
