import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataFolder } from './data-folder.ts';

const MODULE = join(import.meta.dirname, 'data-folder.ts');
let folder: string;
let umask: number;

beforeEach(() => {
  umask = process.umask();
  folder = join(mkdtempSync(join(tmpdir(), 'data-folder-')), 'data');
});
afterEach(() => {
  process.umask(umask);
  rmSync(join(folder, '..'), { recursive: true });
});

const modeOf = (file: string) => statSync(join(folder, file)).mode & 0o777;

test('D1 the folder and its files are for their owner alone', () => {
  const data = openDataFolder(folder, false);
  writeFileSync(join(folder, 'made-later'), '');
  expect(['', 'logs'].map(modeOf)).toEqual([0o700, 0o700]);
  expect(['secrets.json', 'platform.lock', 'platform.pid', 'made-later'].map(modeOf)).toEqual([
    0o600, 0o600, 0o600, 0o600,
  ]);
  data.release();
});

test('D2 while one has it, another is refused with its number; afterwards it is free, and the secrets are the same', () => {
  const first = openDataFolder(folder, false);
  expect(() => openDataFolder(folder, false)).toThrow(
    `another platform (process ${process.pid}) uses ${folder}: stop it`,
  );
  first.release();
  const second = openDataFolder(folder, false);
  expect(second.secrets).toEqual(first.secrets);
  second.release();
});

test('D2 a process that is killed gives it back, although another process may get its number', async () => {
  const script = `
    const { openDataFolder } = await import(${JSON.stringify(MODULE)});
    openDataFolder(${JSON.stringify(folder)}, false);
    process.stdout.write('open');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  await once(child.stdout, 'data');
  expect(() => openDataFolder(folder, false)).toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  writeFileSync(join(folder, 'platform.pid'), String(process.ppid));
  openDataFolder(folder, false).release();
});

test('D2 a lock that an earlier version left, with the number of a process that lives, is no lock', () => {
  openDataFolder(folder, false).release();
  writeFileSync(join(folder, 'platform.lock'), '1');
  openDataFolder(folder, false).release();
});
