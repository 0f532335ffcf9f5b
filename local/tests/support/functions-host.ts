/** Hosts an app by the command, as a process of its own, and speaks HTTP to it exactly as written (no normalising of paths). */
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const HOST: string = join(ROOT, 'functions-host/main.ts');
export const KEYS = {
  master: 'the-master-key',
  host: 'the-host-key',
  system: { durabletask_extension: 'the-system-key' },
  functions: { guarded: 'the-function-key' },
};

export interface Answer {
  readonly status: number;
  /** Lower-case names; several values as they came. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly aborted?: true;
  readonly hangs?: true;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly chunked?: boolean;
  readonly timeoutMs?: number;
}

const { send } = (await import(join(ROOT, 'tests/conformance/recorded/lib/http.mjs'))) as {
  send(base: string, request: Sent): Promise<Answer>;
};

export interface Hosted extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly child: ChildProcess;
  readonly dataDir: string;
  /** What it wrote so far. */
  readonly output: () => string;
  call(method: string, path: string, rest?: Omit<Sent, 'method' | 'path'>): Promise<Answer>;
  /** JSON of an answer. */
  json<T = unknown>(method: string, path: string, rest?: Omit<Sent, 'method' | 'path'>): Promise<T>;
  stop(): Promise<void>;
}

export interface AppFiles {
  readonly [file: string]: string;
}

/** A folder with an app: `main.cjs` is its entry where package.json says nothing else. */
export function writeApp(files: AppFiles, host: object = {}): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'app-'));
  symlinkSync(join(ROOT, '../node_modules'), join(dir, 'node_modules'));
  const all = {
    'host.json': JSON.stringify({ version: '2.0', ...host }),
    'package.json': JSON.stringify({ name: 'an-app', main: 'main.cjs' }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(dir, name), text);
  return { dir, remove: () => rmSync(dir, { recursive: true }) };
}

export interface HostOptions {
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly keys?: object | null;
}

/** @throws Error with what the host wrote, when it ends before it is ready */
export async function host(appDir: string, options: HostOptions = {}): Promise<Hosted> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'host-'));
  const args = ['--app', appDir, '--port', '0', '--data', dataDir, ...(options.args ?? [])];
  if (options.keys !== null) {
    const file = join(dataDir, 'the-keys.json');
    writeFileSync(file, JSON.stringify(options.keys ?? KEYS));
    args.push('--keys', file);
  }
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc'];
  const child = fork(HOST, args, { stdio, env: { ...process.env, ...options.env } });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk));
  const ready = once(child, 'message').then(([message]) => (message as { port: number }).port);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the host ended: ${output}`);
  });
  const port = await Promise.race([ready, ended]);
  ended.catch(() => undefined);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const origin = `http://127.0.0.1:${port}`;
  const call: Hosted['call'] = (method, path, rest = {}) => send(origin, { method, path, ...rest });
  return {
    port,
    origin,
    child,
    dataDir,
    output: () => output,
    call,
    json: async <T>(method: string, path: string, rest = {}) =>
      JSON.parse((await call(method, path, rest)).body.toString()) as T,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Runs the command to its end. */
export async function ends(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; errors: string }> {
  const child = fork(HOST, [...args], { silent: true, env: { ...process.env, ...env } });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, errors: errors.trim() };
}
