/** Starts a process of the platform, waits until it reports that it is ready, and ends it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { LogFile } from './log-file.ts';

export interface PartSpec {
  readonly name: string;
  /** Module to run. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Arguments of Node, beside those that every part gets. */
  readonly flags?: readonly string[];
  /** A port of the part that answers HTTP. */
  readonly probePort?: number;
  /** Its start has no time limit. */
  readonly isSlow?: boolean;
}

/** A small young generation: seven processes share one machine. */
const FLAGS = ['--max-semi-space-size=4'];
/** For processes whose speed does not matter. */
export const SMALL: readonly string[] = ['--max-semi-space-size=1', '--optimize-for-size'];
/** Otherwise glibc keeps a heap for each thread: https://man7.org/linux/man-pages/man3/mallopt.3.html */
const ALLOCATOR = { MALLOC_ARENA_MAX: '2' };
const READY_MS = 60_000;
const GRACE_MS = 15_000;
const LAST_LINES = 5;

export interface Launched {
  readonly process: ChildProcess;
  /** The last lines that it wrote to stderr. */
  readonly words: () => string;
}

/** In its own process group, so that Ctrl-C reaches only the parent, which then stops the parts in order. */
export function launch(spec: PartSpec, log: LogFile): Launched {
  const child = fork(spec.entry, spec.args, {
    env: { ...ALLOCATOR, ...process.env, ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [...FLAGS, ...(spec.flags ?? [])],
    detached: true,
  });
  const lines: string[] = [];
  child.stdout?.on('data', log.write);
  child.stderr?.on('data', log.write);
  child.stderr?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().split('\n').filter(Boolean));
    lines.splice(0, lines.length - LAST_LINES);
  });
  return { process: child, words: () => lines.join(' | ') };
}

export function untilReady(spec: PartSpec, { process: child, words }: Launched): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = spec.isSlow
    ? undefined
    : setTimeout(
        () => reject(new Error(`${spec.name} was not ready in ${READY_MS / 1000} s: ${words()}`)),
        READY_MS,
      );
  child.on('message', (message: { type?: string }) => {
    if (message?.type === 'ready') resolve();
  });
  child.once('error', reject);
  child.once('exit', (code, signal) => {
    setImmediate(() =>
      reject(new Error(`${spec.name} could not start (${signal ?? `exit code ${code}`}): ${words()}`)),
    );
  });
  const settled = promise.finally(() => clearTimeout(timer));
  settled.catch(() => undefined);
  return settled;
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await exited;
  clearTimeout(timer);
}
