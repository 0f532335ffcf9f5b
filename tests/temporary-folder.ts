/**
 * The folder of one run of the tests: everything that tests, and the processes that they start, put into the temporary folder lies in
 * it, and it is removed with the run. Folders of runs that were killed are removed by the next run.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = /^delivery-tests-(\d+)-/;
/** What `os.tmpdir()` reads, on each system. */
const VARIABLES = ['TMPDIR', 'TEMP', 'TMP'];

/** Vitest calls it once for each project, before any test. */
export default function setup(): (() => void) | undefined {
  if (isOfARun(tmpdir())) return undefined;
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `delivery-tests-${process.pid}-`));
  for (const name of VARIABLES) process.env[name] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Whether a folder is that of a run. */
export function isOfARun(folder: string): boolean {
  return NAME.test(folder.split(/[\\/]/).at(-1) ?? '');
}

function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
