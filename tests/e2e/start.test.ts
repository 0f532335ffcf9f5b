/** `npm start` itself: what it prints works, what is wrong is said in one line, and nothing is lost between two starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customer } from '../harness/customer.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const ROOT = join(import.meta.dirname, '../..');
let dataDir: string;
let platform: TestPlatform;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'start-'));
  platform = await startPlatform({ dataDir, speed: 30, drones: 3 });
});

afterAll(async () => {
  await platform?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs `npm start` with these arguments until it ends. */
async function startFails(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child: ChildProcess = spawn(process.execPath, ['platform/platform.ts', ...args], { cwd: ROOT });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, text };
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);
const portBase = () => new URL(platform.endpoints.gateway).port;

test('the request that it prints is taken as it stands', async () => {
  const printed = await until(
    () => (platform.output().includes('Ctrl-C stops') ? platform.output() : undefined),
    'the whole text',
  );
  const token = /TOKEN=(\S+)/.exec(printed)?.[1];
  const url = /curl -s (\S+)/.exec(printed)?.[1] ?? '';
  const body = /-d '(.+)'/.exec(printed)?.[1] ?? '';
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  expect(response.status).toBe(202);
  const pages = [...printed.matchAll(/^ {2}(?:Live page|API reference|OpenAPI) +(\S+)$/gm)];
  expect(pages).toHaveLength(3);
  for (const [, page = ''] of pages) expect((await fetch(page)).status).toBe(200);
});

test('for programs, endpoints.json has an address and a process of each part, and a token of each principal', async () => {
  const { parts, tokens, api } = platform.endpoints;
  expect(Object.keys(parts).toSorted()).toEqual([
    'cosmos',
    'event-hubs',
    'functions',
    'simulator',
    'support',
    'tracking',
  ]);
  for (const { address, pid } of Object.values(parts)) {
    expect(address).toMatch(/^(http|sb):\/\/127\.0\.0\.1:\d+\/?$/);
    expect(() => process.kill(pid ?? 0, 0)).not.toThrow();
  }
  const seen = await Promise.all(
    Object.entries(tokens).map(async ([who, token]) => {
      const answer = await fetch(`${api}/accounts/contoso`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return [who, answer.status];
    }),
  );
  // Its own people and the operator see an account; to others it is not there, and a drone has no business with it.
  expect(Object.fromEntries(seen)).toEqual({
    alice: 200,
    adam: 200,
    tara: 404,
    tom: 404,
    olivia: 200,
    'drone-1': 403,
  });
});

test('a second one on the same data says who has it', async () => {
  const { code, text } = await startFails('--data', dataDir, '--port-base', '19000');
  expect(code).toBe(1);
  expect(lastLine(text)).toMatch(/another platform \(process \d+\) uses .*: stop it, or .*--data/);
});

test('one on the same ports names each port that is taken', async () => {
  const other = await mkdtemp(join(tmpdir(), 'start-other-'));
  const { code, text } = await startFails('--data', other, '--port-base', portBase());
  expect(code).toBe(1);
  expect(lastLine(text)).toMatch(/^in use: port \d+ \(gateway\), .*or start with --port-base N$/);
  // Before anything is built.
  expect(text).not.toContain('building');
  await rm(other, { recursive: true });
});

test('arguments that it does not know are answered with those that it does', async () => {
  const { code, text } = await startFails('--wings', '2');
  expect(code).toBe(2);
  expect(lastLine(text)).toMatch(/^npm start -- \[--port-base/);
});

test('--help says what each option means, and starts nothing', async () => {
  const { code, text } = await startFails('--help');
  expect(code).toBe(0);
  for (const option of [
    'port-base',
    'data',
    'drones',
    'seed',
    'speed',
    'replay',
    'servers',
    'identity',
    'reset',
  ])
    expect(text).toMatch(new RegExp(`^ {2}--${option}.* {2}\\w`, 'm'));
  expect(text).not.toContain('building');
});

test('a part that dies is started again, on the same port, and said so; who dies five times in a minute stays down', async () => {
  const before = platform.endpoints.tracking;
  await platform.kill('tracking');
  expect(platform.output()).toMatch(/tracking died \(SIGKILL\) and will be restarted/);
  await until(
    async () => (await fetch(`${before}/healthz`).catch(() => undefined))?.ok || undefined,
    'tracking',
  );
  const pid = () =>
    (JSON.parse(readFileSync(join(dataDir, 'endpoints.json'), 'utf8')) as TestPlatform['endpoints']).parts[
      'simulator'
    ]?.pid;
  for (let deaths = 0; deaths < 4; deaths += 1) await platform.kill('simulator');
  process.kill(pid() as number, 'SIGKILL');
  await until(
    () => /simulator died 5 times in a minute .* stays down/.test(platform.output()) || undefined,
    'it stays down',
  );
});

test('stopped in mid-flight and started again, it goes on where it was', async () => {
  await platform.stop();
  expect(existsSync(join(dataDir, 'endpoints.json'))).toBe(false);
  platform = await startPlatform({ dataDir, speed: 30, drones: 3 });
  const alice = customer(platform.endpoints);
  const deliveryId = await alice.submit({ dropOffLocation: '450 Chestnut Street' });
  await until(
    async () => (await alice.stage(deliveryId)) === 'HeadedToPickup' || undefined,
    'the drone is in the air',
  );
  await platform.stop();
  platform = await startPlatform({ dataDir, speed: 30, drones: 3 });
  expect((await customer(platform.endpoints).ended(deliveryId)).outcome?.kind).toBe('completed');
});

test('a torn tail of a log repairs itself; a file that cannot is named, with what to do', async () => {
  await platform.stop();
  const hubs = join(dataDir, 'event-hubs');
  const [log] = readdirSync(hubs, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.log'));
  writeFileSync(join(hubs, log as string), Buffer.from([0, 0, 1, 7, 9, 9, 9]), { flag: 'a' });
  platform = await startPlatform({ dataDir, speed: 30, drones: 3 });
  await platform.stop();
  for (const part of ['cosmos', 'simulator', 'host/durable', 'storage']) {
    const folder = join(dataDir, part);
    const file = readdirSync(folder).find((name) => /\.(sqlite|db)$/.test(name));
    expect(file, part).toBeDefined();
    const path = join(folder, file as string);
    const sound = readFileSync(path);
    writeFileSync(path, 'this is not a database, it is a damaged file of some length');
    const { code, text } = await startFails('--data', dataDir, '--port-base', portBase());
    writeFileSync(path, sound);
    expect(code, part).toBe(1);
    expect(lastLine(text), part).toContain(path);
    expect(lastLine(text), part).toMatch(/--reset/);
  }
});
