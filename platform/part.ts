/**
 * Runs a part of the platform: a child process that is started, watched, restarted when it dies, and stopped.
 *
 * P1 A part that dies is restarted at once, with the same arguments; after five deaths in a minute it stays down for a minute.
 * P2 A part ends with its parent: by SIGTERM when the parent stops it, by the end of the IPC channel when the parent dies.
 * P3 The output of a part goes to its log file; its last lines are shown when it cannot start. A log file that cannot be written
 *    harms neither the part nor the parent.
 * P4 A part whose port does not answer for half a minute is killed, and so restarted.
 * P5 A restart for a new build does not count as a death. A part that cannot start stays down until the next restart.
 */
import { join } from 'node:path';
import { endChild, type Launched, launch, type PartSpec, untilReady } from './launch.ts';
import { watchLiveness } from './liveness.ts';
import { openLogFile } from './log-file.ts';

export interface PartContext {
  readonly logDir: string;
  readonly say: (line: string) => void;
  /** Called when a part was restarted. */
  readonly changed: () => void;
  /** Default: half a minute. */
  readonly hangMs?: number;
  /** How long a part that dies repeatedly stays down; default: a minute. */
  readonly restMs?: number;
}

export interface Part {
  readonly name: string;
  readonly pid: number | undefined;
  /** Rejects with the part's last output when it ends before it is ready, or is not ready in time. */
  readonly ready: Promise<void>;
  /** Ends it and starts it with the current code on disk. Rejects as `ready` does. */
  restart(): Promise<void>;
  /** SIGTERM, and SIGKILL after the grace. */
  stop(): Promise<void>;
  /** SIGKILL, at once. */
  kill(): void;
}

const DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
const REST_MS = 60_000;
const HANG_MS = 30_000;

export function startPart(spec: PartSpec, context: PartContext): Part {
  const log = openLogFile(join(context.logDir, `${spec.name}.log`), (reason) =>
    context.say(`the log of ${spec.name} cannot be written, and its lines are dropped: ${reason}`),
  );
  const deaths: number[] = [];
  const { hangMs = HANG_MS, restMs = REST_MS } = context;
  let stopping = false;
  let resting: NodeJS.Timeout | undefined;
  let replaced: Launched | undefined;
  let child = launch(spec, log);
  const first = untilReady(spec, child);

  const watch = (watched: Launched, wasReady: Promise<void>) => {
    killWhenHung(spec, watched, wasReady, { hangMs, say: context.say });
    watched.process.once('exit', (code, signal) => {
      if (stopping || watched === replaced) return;
      void wasReady.then(
        () => startAgain(signal ?? `exit code ${code}`),
        () => (deaths.length > 0 ? startAgain(`could not start: ${watched.words()}`) : undefined),
      );
    });
  };

  const startAgain = (why: string) => {
    if (stopping) return;
    const now = Date.now();
    deaths.push(now);
    while ((deaths[0] ?? now) < now - DEATHS_WITHIN_MS) deaths.shift();
    if (deaths.length >= DEATHS) {
      context.say(
        `${spec.name} died ${DEATHS} times in a minute (${why}) and stays down for ${restMs / 1000} s; its log: ${spec.name}.log`,
      );
      resting = setTimeout(() => void start(), restMs);
      return;
    }
    context.say(`${spec.name} died (${why}) and will be restarted`);
    void start();
  };

  const start = () => {
    const launched = launch(spec, log);
    child = launched;
    const ready = untilReady(spec, launched);
    // A part that runs but is not ready in time is killed, and then restarted.
    ready.then(context.changed, () => launched.process.kill('SIGKILL'));
    watch(launched, ready);
    return ready;
  };

  watch(child, first);
  return {
    name: spec.name,
    get pid() {
      return child.process.pid;
    },
    ready: first,
    restart: async () => {
      clearTimeout(resting);
      deaths.length = 0;
      replaced = child;
      await endChild(child.process);
      if (!stopping) await start();
    },
    stop: async () => {
      stopping = true;
      clearTimeout(resting);
      await endChild(child.process);
      log.close();
    },
    kill: () => {
      stopping = true;
      child.process.kill('SIGKILL');
    },
  };
}

/** P4, from the moment when the part is ready until it ends. */
function killWhenHung(
  { name, probePort }: PartSpec,
  { process: child }: Launched,
  wasReady: Promise<void>,
  { hangMs, say }: { readonly hangMs: number; readonly say: (line: string) => void },
): void {
  if (probePort === undefined) return;
  const hung = () => {
    say(`${name} has not answered for ${hangMs / 1000} s and will be killed`);
    child.kill('SIGKILL');
  };
  const probe = () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const probing = watchLiveness({ port: probePort, hangMs, hung });
    child.once('exit', () => probing[Symbol.dispose]());
  };
  wasReady.then(probe, () => undefined);
}
