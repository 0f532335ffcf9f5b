/**
 * Opens the data folder: one platform at a time, secrets made once, reset on demand.
 *
 * D1 Only their owner can read the folder and its files.
 * D2 The folder belongs to a process, not to a process number: the kernel releases the lock when the process ends, in any way.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { lockFile } from './lock-file.ts';

export interface Secrets {
  /** Key from which the secrets of the demonstration's machines are derived. */
  readonly clientSecret: string;
  /** The header value that the managed-identity endpoint requires. */
  readonly identityHeader: string;
}

export interface DataFolder {
  readonly path: string;
  readonly logs: string;
  readonly secrets: Secrets;
  release(): void;
}

/** @throws Error of one line: another platform uses this data, or a file is damaged */
export function openDataFolder(path: string, reset: boolean): DataFolder {
  // Inherited by every part.
  process.umask(0o077);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700);
  const lock = claim(path);
  if (reset) {
    for (const part of [
      'event-hubs',
      'cosmos',
      'storage',
      'identity',
      'host',
      'simulator',
      'carrier',
      'logs',
    ]) {
      rmSync(join(path, part), { recursive: true, force: true });
    }
  }
  const logs = join(path, 'logs');
  mkdirSync(logs, { recursive: true });
  return {
    path,
    logs,
    secrets: secretsIn(join(path, 'secrets.json')),
    release: () => lock.close(),
  };
}

/** The number of the owning process is written beside the lock, only for the message. */
function claim(path: string): DatabaseSync {
  const owner = join(path, 'platform.pid');
  const lock = lockFile(join(path, 'platform.lock'));
  if (!lock) {
    const pid = existsSync(owner) ? readFileSync(owner, 'utf8') : 'unknown';
    throw new Error(
      `another platform (process ${pid}) uses ${path}: stop it, or choose another folder with --data and other ports with --port-base`,
    );
  }
  writeFileSync(owner, String(process.pid));
  return lock;
}

function secretsIn(file: string): Secrets {
  if (!existsSync(file)) {
    const secret = () => randomBytes(24).toString('base64');
    const made: Secrets = { clientSecret: secret(), identityHeader: secret() };
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
    return made;
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  } catch (error) {
    throw new Error(`${file} is damaged: remove it, or start again with --reset`, { cause: error });
  }
}
