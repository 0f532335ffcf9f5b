/** The data folder: one platform at a time, secrets made once, reset on demand. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Secrets {
  /** Key from which the secret of each of the demonstration's machines is derived. */
  readonly clientSecret: string;
  /** What the managed-identity endpoint wants to see. */
  readonly identityHeader: string;
}

export interface DataFolder {
  readonly path: string;
  readonly logs: string;
  readonly secrets: Secrets;
  release(): void;
}

/** @throws Error with one line: another platform runs on this data, or a file is damaged */
export function openDataFolder(path: string, reset: boolean): DataFolder {
  mkdirSync(path, { recursive: true });
  const lock = join(path, 'platform.lock');
  claim(lock, path);
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
    release: () => rmSync(lock, { force: true }),
  };
}

function claim(lock: string, path: string): void {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (isAlive(pid)) {
      throw new Error(
        `another platform (process ${pid}) runs on ${path}: stop it, or choose another folder with --data and other ports with --port-base`,
      );
    }
    writeFileSync(lock, String(process.pid));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
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
    throw new Error(`${file} is damaged: remove it, or begin anew with --reset`, { cause: error });
  }
}
