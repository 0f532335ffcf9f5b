/** The whole system for a test: the very processes that `npm start` starts, on ports and data of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoints } from '../../platform/endpoints.ts';

export interface TestPlatform extends AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly dataDir: string;
  /** Of the parent of its processes. */
  readonly pid: number | undefined;
  /** What it printed. */
  readonly output: () => string;
  /** SIGKILL to a part; resolves once it runs again under another pid. */
  kill(part: string): Promise<void>;
  /** SIGKILL to the parent and every part, as a power cut would; the data folder can be started again afterwards. */
  killAll(): Promise<void>;
  /** Freezes a part for this time; the part must not be restarted for it. */
  freeze(part: string, ms: number): Promise<void>;
  stop(): Promise<void>;
}

export interface TestPlatformOptions {
  readonly speed?: number;
  readonly drones?: number;
  readonly args?: readonly string[];
  /** App settings and others, for all parts. */
  readonly env?: Readonly<Record<string, string>>;
  /** The first of its ports; default: some that are free. */
  readonly portBase?: number;
  /** How long its start may take, ms; default: a minute. */
  readonly readyMs?: number;
  /** Kept by the caller; else a folder that goes with the platform. */
  readonly dataDir?: string;
}

const ROOT = join(import.meta.dirname, '../..');
const READY_MS = 150_000;
const PORTS_EACH = 20;

/** Another program may take one of the free ports before the platform does: then it starts with others. */
export async function startPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(options);
    } catch (error) {
      const isTaken = /port \d+ (\(\w+\) )?is in use|in use: port/.test((error as Error).message);
      if (!isTaken || options.portBase !== undefined || tries === 3) throw error;
    }
  }
}

async function start(options: TestPlatformOptions): Promise<TestPlatform> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'platform-')));
  const file = join(dataDir, 'endpoints.json');
  const base = options.portBase ?? (await freePorts());
  const args = [
    'platform/platform.ts',
    '--data',
    dataDir,
    '--port-base',
    String(base),
    ...(options.args ?? []),
  ];
  args.push('--speed', String(options.speed ?? 20), '--drones', String(options.drones ?? 6));
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const exited = once(child, 'exit');
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as Endpoints;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  const end = Date.now() + (options.readyMs ?? READY_MS);
  while (!existsSync(file)) {
    if (child.exitCode !== null) throw new Error(`the platform ended: ${text}`);
    if (Date.now() > end) {
      const logs = await lastLines(dataDir);
      await stop();
      throw new Error(`the platform was not ready: ${text}\n${logs}`);
    }
    await pause(50);
  }
  return {
    endpoints: read(),
    dataDir,
    pid: child.pid,
    output: () => text,
    kill: async (part) => {
      const { pid } = read().parts[part] ?? {};
      if (pid === undefined) throw new Error(`there is no part ${part}`);
      process.kill(pid, 'SIGKILL');
      await until(() => {
        const now = read().parts[part]?.pid;
        return now !== undefined && now !== pid ? true : undefined;
      }, `${part} runs again`);
    },
    killAll: async () => {
      const pids = Object.values(read().parts).flatMap(({ pid }) => pid ?? []);
      // The parent first: it would start the others again.
      child.kill('SIGKILL');
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await exited;
      await until(() => pids.every((pid) => !isAlive(pid)) || undefined, 'every part has ended');
      await rm(file, { force: true });
    },
    freeze: async (part, ms) => {
      const { pid } = read().parts[part] ?? {};
      if (pid === undefined) throw new Error(`there is no part ${part}`);
      process.kill(pid, 'SIGSTOP');
      try {
        await pause(ms);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      if (read().parts[part]?.pid !== pid) throw new Error(`${part} was restarted for a freeze of ${ms} ms`);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until there is a value. @throws Error that says what never came */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  what: string,
  ms = 60_000,
  everyMs = 40,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await pause(everyMs);
  }
}

/** A run of free ports, as many as the platform has. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 600) * PORTS_EACH;
    const free = await Promise.all(Array.from({ length: PORTS_EACH }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
}

/** Nobody listens there. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

async function lastLines(dataDir: string): Promise<string> {
  const names = ['functions', 'tracking', 'simulator', 'cosmos', 'event-hubs', 'support'];
  const texts = await Promise.all(
    names.map(async (name) => {
      const log = await readFile(join(dataDir, 'logs', `${name}.log`), 'utf8').catch(() => '');
      return `${name}: ${log.split('\n').slice(-4).join('\n')}`;
    }),
  );
  return texts.join('\n');
}
