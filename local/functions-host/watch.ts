/**
 * Implements `--watch`: the host is a child process that is restarted when a file of the app changes. It builds nothing.
 *
 * Y1 Changes that arrive together count as one; those in node_modules, in dot folders and in the host's data folder are ignored.
 * Y2 A host that cannot start waits for the next change; one that has run and ends is restarted, at most five times in a minute.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { relative, resolve, sep } from 'node:path';

const SETTLE_MS = 150;
const GRACE_MS = 15_000;
const MAX_ENDS = 5;
const WITHIN_MS = 60_000;

export interface WatchOptions {
  readonly appDir: string;
  readonly dataDir: string;
  /** The module of the host, and its arguments. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly say: (line: string) => void;
}

/** Ends when the signal is aborted and the child has ended. */
export async function watchApp(options: WatchOptions, stopping: AbortSignal): Promise<void> {
  const { appDir, dataDir } = options;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Times of its recent ends. */
  const ends: number[] = [];
  let restarting: Promise<void> = Promise.resolve();

  const mayBeginAgain = (): boolean => {
    const now = Date.now();
    while ((ends[0] ?? now) < now - WITHIN_MS) ends.shift();
    return ends.push(now) < MAX_ENDS;
  };

  const start = () => {
    const started = fork(options.entry, options.args, { stdio: 'inherit' });
    child = started;
    let wasReady = false;
    started.once('message', () => {
      wasReady = true;
    });
    started.once('exit', () => {
      if (child !== started || stopping.aborted) return;
      if (wasReady && mayBeginAgain()) start();
      else options.say('waiting for a change');
    });
  };
  const stop = async () => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill('SIGTERM');
    const late = setTimeout(() => ending.kill('SIGKILL'), GRACE_MS);
    await exited;
    clearTimeout(late);
  };
  const isOfTheApp = (name: string): boolean => {
    const path = resolve(appDir, name);
    const inData = !relative(dataDir, path).startsWith(`..`);
    const parts = name.split(sep);
    return !inData && !parts.some((part) => part === 'node_modules' || part.startsWith('.'));
  };

  const watcher = watch(appDir, { recursive: true }, (_event, name) => {
    if (name === null || !isOfTheApp(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      restarting = restarting.then(async () => {
        if (stopping.aborted) return;
        options.say(`${name} changed, loading the app again`);
        await stop();
        start();
      });
    }, SETTLE_MS);
  });
  start();
  await new Promise<void>((done) => {
    if (stopping.aborted) done();
    stopping.addEventListener('abort', () => done(), { once: true });
  });
  watcher.close();
  clearTimeout(timer);
  await restarting;
  await stop();
}
