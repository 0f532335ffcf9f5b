/**
 * A part of the platform: a child process that is started, watched, started again when it dies, and stopped.
 *
 * P1 A part that dies is started again at once, with the same arguments; after five deaths in a minute it stays down.
 * P2 A part ends with its parent: by SIGTERM when the parent stops it, by the end of the IPC channel when the parent dies.
 * P3 What a part writes goes to its log file; its last lines are shown when it cannot start.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';

export interface PartSpec {
  readonly name: string;
  /** Module to run. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of Node, beside those that every part has. */
  readonly flags?: readonly string[];
}

export interface PartContext {
  readonly logDir: string;
  readonly say: (line: string) => void;
  /** A part was started again. */
  readonly changed: () => void;
}

export interface Part {
  readonly name: string;
  readonly pid: number | undefined;
  /** Rejects with the part's last words when it ends before it is ready, or is not ready in time. */
  readonly ready: Promise<void>;
  /** SIGTERM, and SIGKILL after the grace. */
  stop(): Promise<void>;
}

/** A small young generation: seven processes share one machine. */
const FLAGS = ['--max-semi-space-size=4'];
/** For processes whose speed nobody waits for. */
export const SMALL: readonly string[] = ['--max-semi-space-size=1', '--optimize-for-size'];
/** glibc keeps a heap for each thread otherwise: https://man7.org/linux/man-pages/man3/mallopt.3.html */
const ALLOCATOR = { MALLOC_ARENA_MAX: '2' };
const READY_MS = 60_000;
const GRACE_MS = 15_000;
const DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
const LAST_LINES = 5;

export function startPart(spec: PartSpec, context: PartContext): Part {
  const log = createWriteStream(join(context.logDir, `${spec.name}.log`), { flags: 'a' });
  const deaths: number[] = [];
  let stopping = false;
  let child = launch(spec, log);
  const first = untilReady(spec, child);

  const watch = (watched: Launched, wasReady: Promise<void>) => {
    watched.process.once('exit', (code, signal) => {
      if (stopping) return;
      void wasReady.then(
        () => restart(signal ?? `exit code ${code}`),
        () => (deaths.length > 0 ? restart(`could not start: ${watched.words()}`) : undefined),
      );
    });
  };

  const restart = (why: string) => {
    if (stopping) return;
    const now = Date.now();
    deaths.push(now);
    while ((deaths[0] ?? now) < now - DEATHS_WITHIN_MS) deaths.shift();
    if (deaths.length >= DEATHS) {
      context.say(
        `${spec.name} died ${DEATHS} times in a minute (${why}) and stays down; its log: ${spec.name}.log`,
      );
      return;
    }
    context.say(`${spec.name} died (${why}) and is started again`);
    child = launch(spec, log);
    const ready = untilReady(spec, child);
    ready.then(context.changed, () => undefined);
    watch(child, ready);
  };

  watch(child, first);
  return {
    name: spec.name,
    get pid() {
      return child.process.pid;
    },
    ready: first,
    stop: async () => {
      stopping = true;
      await end(child.process);
      log.end();
    },
  };
}

interface Launched {
  readonly process: ChildProcess;
  /** The last lines that it wrote to stderr. */
  readonly words: () => string;
}

/** In a process group of its own, so that Ctrl-C reaches the parent alone, which then stops the parts in order. */
function launch(spec: PartSpec, log: WriteStream): Launched {
  const child = fork(spec.entry, spec.args, {
    env: { ...ALLOCATOR, ...process.env, ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [...FLAGS, ...(spec.flags ?? [])],
    detached: true,
  });
  const lines: string[] = [];
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  child.stderr?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().split('\n').filter(Boolean));
    lines.splice(0, lines.length - LAST_LINES);
  });
  return { process: child, words: () => lines.join(' | ') };
}

function untilReady(spec: PartSpec, { process: child, words }: Launched): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
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

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await exited;
  clearTimeout(timer);
}
