import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** 121 exchanges with a real host (4.1037.0): HTTP results and routing. The apps are served as they were, without their Durable functions. */
const RECORDED = join(import.meta.dirname, 'recorded');
const HOST = join(import.meta.dirname, '../../local/functions-host/main.ts');
const KEYS = {
  master: 'the-master-key',
  host: 'the-host-key',
  system: { durabletask_extension: 'the-system-key' },
  functions: {},
};
const run = promisify(execFile);
let dir: string;
const hosts: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'recorded-'));
  await writeFile(join(dir, 'keys.json'), JSON.stringify(KEYS));
});

afterAll(async () => {
  for (const host of hosts) host.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

test.each([
  ['app', 'HTTP results and routes', 85],
  ['appmisc', 'routes under an empty prefix', 36],
])('%s: %s are answered as a real host answered them', async (app, _, steps) => {
  const host = fork(
    HOST,
    ['--app', join(RECORDED, app), '--port', '0', '--data', join(dir, app), '--keys', join(dir, 'keys.json')],
    { silent: true },
  );
  hosts.push(host);
  const [{ port }] = (await once(host, 'message')) as [{ port: number }];
  const out = join(dir, `${app}.json`);
  const { master, host: hostKey, system } = KEYS;
  await run(process.execPath, [
    join(RECORDED, 'run.mjs'),
    `--base=http://127.0.0.1:${port}`,
    `--master=${master}`,
    `--host-key=${hostKey}`,
    `--system-key=${system.durabletask_extension}`,
    `--app=${app}`,
    `--out=${out}`,
  ]);
  const { stdout } = await run(process.execPath, [
    join(RECORDED, 'compare.mjs'),
    join(RECORDED, 'expected', `${app}.json`),
    out,
  ]).catch((error: { stdout: string }) => error);
  expect(stdout.trim()).toBe(`${steps} same, 0 different, 0 missing`);
  host.kill('SIGTERM');
  expect(await once(host, 'exit')).toEqual([0, null]);
});
