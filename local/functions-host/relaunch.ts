/**
 * Restarts the host at once after a crash of the app, which ends only the running invocations, as the real host restarts its worker. App and
 * host are one process here, so the whole process is restarted.
 *
 * R1 An uncaught exception, an unhandled rejection, process.exit of the app, and an invocation beyond functionTimeout end this process;
 *    open requests are answered with 500 first.
 * R2 A process that was forked (npm start, --watch) ends, because its parent restarts it. Any other replaces itself, with the same id
 *    and port.
 * R3 After five crashes in a minute it stays down, and says so.
 * R4 It restarts with the code that it has already compiled, which saves half of the time until it serves.
 */
import type { FunctionsHost } from './host.ts';

/** Times of recent crashes, ms since the epoch, separated by commas. */
const CRASHES = 'FUNCTIONS_HOST_CRASHES';
const MAX_CRASHES = 5;
const WITHIN_MS = 60_000;
/** Time for the answers to leave. */
const FLUSH_MS = 20;

export interface Crashes {
  /** Sets the running host; before that, a crash only ends the process, because the app cannot start. */
  began(host: FunctionsHost): void;
  /** From now on, an end is intended. */
  ending(): void;
  /** Ends running work, and restarts. */
  crash(reason: string): void;
}

/** @param compileCache folder of the code that this process has compiled */
export function watchCrashes(say: (line: string) => void, compileCache: string): Crashes {
  let host: FunctionsHost | undefined;
  let isEnding = false;
  let isCrashing = false;

  const crash = (reason: string) => {
    if (isEnding || isCrashing) return;
    isCrashing = true;
    say(`the app has crashed: ${reason}`);
    if (!host) return process.exit(1);
    host.abandon();
    setTimeout(() => {
      if (!isEnding) process.exit(1);
    }, FLUSH_MS);
  };
  process.on('uncaughtException', (error: unknown) => crash(textOf(error)));
  process.on('unhandledRejection', (reason: unknown) => crash(`an unhandled rejection: ${textOf(reason)}`));
  process.on('exit', (code) => {
    if (isEnding || !host) return;
    if (!isCrashing) say(`the app has crashed: it called process.exit(${code})`);
    // After an orderly end, a parent might not restart it.
    if (process.connected) process.exitCode = code === 0 ? 1 : code;
    else begin(host.port, compileCache, say);
  });
  return {
    began: (running) => {
      host = running;
    },
    ending: () => {
      isEnding = true;
    },
    crash,
  };
}

/** Replaces the process with a new one; returns where that is not possible. */
function begin(port: number, compileCache: string, say: (line: string) => void): void {
  const now = Date.now();
  const crashes = (process.env[CRASHES] ?? '')
    .split(',')
    .map(Number)
    .filter((time) => time > now - WITHIN_MS);
  crashes.push(now);
  if (crashes.length >= MAX_CRASHES) {
    say(`the app has crashed ${MAX_CRASHES} times in a minute: the host stays down`);
    return;
  }
  if (!process.execve || process.platform === 'win32') {
    say('start the host again: this system cannot replace a process');
    return;
  }
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1), '--port', String(port)];
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache, [CRASHES]: crashes.join(',') };
  process.execve(process.execPath, args, env);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
