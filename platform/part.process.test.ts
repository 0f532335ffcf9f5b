import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PartSpec } from './launch.ts';
import { type Part, type PartContext, startPart } from './part.ts';

const WAIT = { timeout: 60_000, interval: 20 };
/** Answers HTTP on the port that it is given, and writes a line a request. */
const SERVER = `
import { createServer } from 'node:http';
import { runServer } from 'PROCESS';
const port = Number(process.argv[2]);
await runServer('server', async () => {
  const server = createServer((request, response) => { console.log(request.url); response.writeHead(404).end(); });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { ready: { port }, close: () => new Promise((resolve) => { if (process.argv[3] !== 'stuck') resolve(); }) };
}, 1_500);
`.replace('PROCESS', join(import.meta.dirname, '../local/process.ts'));

let folder: string;
let port: number;
let part: Part | undefined;
let said: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'part-'));
  writeFileSync(join(folder, 'server.mts'), SERVER);
  port = await freePort();
  said = [];
});
afterEach(async () => {
  await part?.stop();
  part = undefined;
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

async function start(rest: Partial<PartContext> = {}, ...args: string[]): Promise<Part> {
  const spec: PartSpec = {
    name: 'server',
    entry: join(folder, 'server.mts'),
    args: [String(port), ...args],
    env: {},
    probePort: port,
  };
  part = startPart(spec, {
    logDir: folder,
    say: (line) => said.push(line),
    changed: () => undefined,
    ...rest,
  });
  await part.ready;
  return part;
}

const isAlive = (pid = 0) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('P4 a part that hangs is killed and restarted; one that gives any answer is left alone', async () => {
  const server = await start({ hangMs: 1_200 });
  const { pid = 0 } = server;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect([server.pid, said]).toEqual([pid, []]);
  process.kill(pid, 'SIGSTOP');
  await vi.waitFor(() => expect(server.pid).not.toBe(pid), WAIT);
  expect(said).toEqual([
    'server has not answered for 1.2 s and will be killed',
    'server died (SIGKILL) and will be restarted',
  ]);
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404), WAIT);
});

test('P1 a part that dies five times in a minute rests, and is then started again', async () => {
  const server = await start({ restMs: 600 });
  for (let death = 1; death <= 5; death += 1) {
    const { pid = 0 } = server;
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(said).toHaveLength(death), WAIT);
    if (death < 5)
      await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404), WAIT);
  }
  expect(said.at(-1)).toMatch(
    /server died 5 times in a minute \(SIGKILL\) and stays down for 0\.6 s; its log: server\.log/,
  );
  const { pid } = server;
  await vi.waitFor(() => expect(server.pid).not.toBe(pid), WAIT);
});

test('P2 a part whose close never ends is gone within its deadline, and says so', async () => {
  const server = await start({}, 'stuck');
  const { pid } = server;
  await server.stop();
  expect(isAlive(pid)).toBe(false);
  expect(readFileSync(join(folder, 'server.log'), 'utf8')).toContain('server: it did not close within 1.5 s');
});

test('P2 a second signal ends it at once, two at the same moment are one', async () => {
  const server = await start({}, 'stuck');
  const { pid = 0 } = server;
  process.kill(pid, 'SIGINT');
  process.kill(pid, 'SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, 'SIGTERM');
  await vi.waitFor(() => expect(server.pid).not.toBe(pid), WAIT);
  expect(said[0]).toBe('server died (exit code 1) and will be restarted');
});

/** A disk of a megabyte, where mounting is allowed. */
function smallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('P3 on a full disk the part and its parent go on, and its log goes on when there is room', async ({
  skip,
}) => {
  const logDir = mkdtempSync(join(tmpdir(), 'small-disk-'));
  if (!smallDisk(logDir)) skip('mounting is not allowed here');
  try {
    const server = await start({ logDir });
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}/${path}`)).status;
    const fill = join(logDir, 'fill');
    expect(() => writeFileSync(fill, Buffer.alloc(2 * 1024 * 1024))).toThrow(/ENOSPC/);
    const long = createHash('sha512').update('x').digest('hex').repeat(30);
    for (let line = 0; line < 20; line += 1) expect(await ask(long)).toBe(404);
    await vi.waitFor(
      () => expect(said).toEqual([expect.stringMatching(/log of server cannot be written.*ENOSPC/)]),
      WAIT,
    );
    rmSync(fill);
    expect(await ask('later')).toBe(404);
    const log = join(logDir, 'server.log');
    await vi.waitFor(
      () =>
        expect(readFileSync(log, 'utf8')).toMatch(
          /\d+ bytes of this log could not be written\n[^]*\/later\n/,
        ),
      WAIT,
    );
    expect(isAlive(server.pid)).toBe(true);
    await server.stop();
  } finally {
    execFileSync('umount', ['--lazy', logDir]);
    if (existsSync(logDir)) rmSync(logDir, { recursive: true });
  }
});

test('P5 a restart runs the code that is now on the disk; what cannot start stays down until the next one', async () => {
  const server = await start();
  const first = server.pid;
  writeFileSync(join(folder, 'server.mts'), 'console.error("half written"); process.exit(1);');
  await expect(server.restart()).rejects.toThrow(/server could not start .*half written/);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  writeFileSync(join(folder, 'server.mts'), SERVER.replace('404', '204'));
  await server.restart();
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(204);
  expect(isAlive(first)).toBe(false);
  expect(said).toEqual([]);
});
