/** `npm run start:servers` with a Functions host that is started by hand: ours, and Core Tools where they are. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPlatformOptions } from '../../platform/options.ts';
import { addressesOf, appSettings } from '../../platform/settings.ts';
import { customer } from '../harness/customer.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const ROOT = join(import.meta.dirname, '../..');

const hasFunc = (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
  try {
    accessSync(join(folder, 'func'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
});
if (!hasFunc)
  process.stdout.write('tests/e2e/servers: func start is skipped: Core Tools (func) are not on PATH\n');

let dataDir: string;
let platform: TestPlatform;
let port: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'servers-'));
  platform = await startPlatform({ dataDir, speed: 30, drones: 3, args: ['--servers'] });
  port = String(Number(new URL(platform.endpoints.gateway).port) + 1);
});

afterAll(async () => {
  await platform?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test('its endpoints.json has what an SDK needs, queues and tables included', async () => {
  const { cosmos, eventHubs, storage, identity, parts } = platform.endpoints;
  expect(Object.keys(parts)).not.toContain('functions');
  expect(cosmos).toMatchObject({ endpoint: expect.stringMatching(/^http:/), database: 'drone-delivery' });
  expect(cosmos.key).toMatch(/==$/);
  expect(eventHubs.connectionString).toMatch(/UseDevelopmentEmulator=true$/);
  expect(eventHubs.hubs['delivery-requests']).toEqual({ partitions: 4, consumerGroups: ['scheduler'] });
  for (const kind of ['Blob', 'Queue', 'Table'])
    expect(storage.connectionString).toContain(`${kind}Endpoint=http://`);
  expect(identity.issuer).toMatch(/^http:/);
  // For people it is printed after the file is there.
  await expect.poll(() => platform.output()).toContain(`func start --port ${port}`);
});

test('stopped before a host came, it leaves nothing behind', async () => {
  const alone = await startPlatform({ speed: 30, drones: 3, args: ['--servers'] });
  const waiting = () => execFileSync('ps', ['-eo', 'ppid=,args=']).toString();
  const origin = `http://127.0.0.1:${Number(new URL(alone.endpoints.gateway).port) + 1}`;
  expect(waiting()).toContain(`prepare-demo.mjs host ${origin}`);
  await alone.stop();
  await until(() => !waiting().includes(`prepare-demo.mjs host ${origin}`) || undefined, 'nobody waits');
});

async function serves(program: string, args: readonly string[]): Promise<void> {
  const base = String(Number(port) - 1);
  const options = readPlatformOptions(['--servers', '--port-base', base, '--speed', '30']);
  const host: ChildProcess = spawn(program, args, {
    cwd: ROOT,
    stdio: 'ignore',
    env: { ...process.env, FUNCTIONS_WORKER_RUNTIME: 'node', ...appSettings(options, addressesOf(options)) },
  });
  try {
    await until(() => platform.output().includes('requests are served now') || undefined, 'the host answers');
    const alice = customer(platform.endpoints);
    const deliveryId = await alice.submit();
    expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  } finally {
    host.kill('SIGTERM');
    await once(host, 'exit');
  }
}

test('npm run host serves the app against them', () =>
  serves(process.execPath, [
    'local/functions-host/main.ts',
    '--app',
    '.',
    '--port',
    port,
    '--data',
    join(dataDir, 'host'),
  ]));

test.skipIf(!hasFunc)('func start serves the app against them (skipped where func is not on PATH)', () =>
  serves('func', ['start', '--port', port]),
);
