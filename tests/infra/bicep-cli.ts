/** Finds the Bicep CLI, or fetches it with the .NET SDK; without either the infrastructure cannot be checked. */
import { execFile } from 'node:child_process';
import { access, chmod, copyFile, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const VERSION = '0.49.2';
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/bicep-cli', VERSION);
/** .NET needs no ICU then. */
const ENVIRONMENT = { ...process.env, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' };
const RESTORE_MS = 120_000;

export const HOW_TO_GET_IT =
  'the Bicep CLI is not here: install it (https://aka.ms/bicep-install), or `az bicep install`, or the .NET SDK';

export interface Bicep {
  /** Output of both streams. @throws Error with them when the exit code is not 0 */
  (...args: readonly string[]): Promise<string>;
}

/** undefined where there is none and none can be had. */
export async function findBicep(): Promise<Bicep | undefined> {
  const places = ['bicep', join(homedir(), '.azure/bin/bicep')];
  for (const file of places) {
    if (await works(file)) return runner(file);
  }
  const file = await restore();
  return file !== undefined && (await works(file)) ? runner(file) : undefined;
}

function runner(file: string): Bicep {
  return async (...args) => {
    const { stdout, stderr } = await run(file, args, { env: ENVIRONMENT, maxBuffer: 64 * 1024 * 1024 });
    return stderr + stdout;
  };
}

async function works(file: string): Promise<boolean> {
  return run(file, ['--version'], { env: ENVIRONMENT }).then(
    () => true,
    () => false,
  );
}

async function restore(): Promise<string | undefined> {
  const platform = `${process.platform === 'darwin' ? 'osx' : 'linux'}-${process.arch}`;
  const file = join(CACHE, `azure.bicep.commandline.${platform}`, VERSION, 'tools/bicep');
  const isThere = () =>
    access(file).then(
      () => true,
      () => false,
    );
  if (!(await isThere())) {
    await mkdir(CACHE, { recursive: true });
    const project = join(CACHE, 'bicep-cli.proj');
    await copyFile(join(import.meta.dirname, 'bicep-cli.proj'), project);
    const args = ['restore', project, `-p:BicepPlatform=${platform}`, '--packages', CACHE];
    await run('dotnet', args, { env: ENVIRONMENT, timeout: RESTORE_MS }).catch(() => undefined);
  }
  if (!(await isThere())) return undefined;
  await chmod(file, 0o755);
  return file;
}
