/**
 * Runs the simulator's process: it reports when it is ready, ends cleanly, and explains in one line why it cannot start. It ends with
 * its parent, on SIGTERM and on SIGINT: within CLOSE_MS, no matter what it waits for, and at once on a second signal.
 */
import { UsageError } from './options.ts';

export interface Started {
  readonly close: () => Promise<void>;
  /** The text of the line on stdout. */
  readonly ready: string;
  readonly port?: number;
}

export interface ProcessOptions {
  readonly name: string;
  readonly start: (stopping: AbortSignal) => Promise<Started>;
}

const EXIT = { failed: 1, usage: 2 };
const CLOSE_MS = 10_000;
/** One Ctrl-C can arrive as two signals, from the terminal and from npm. */
const ONE_SIGNAL_MS = 1_000;

/** Runs until SIGTERM, SIGINT or the end of the parent; the exit code is set, never thrown. */
export async function runProcess({ name, start }: ProcessOptions): Promise<void> {
  const stopping = new AbortController();
  let stoppingSince = 0;
  const stop = () => {
    if (stopping.signal.aborted) return;
    stoppingSince = Date.now();
    stopping.abort();
    setTimeout(() => {
      process.stderr.write(`${name}: it did not close within ${CLOSE_MS / 1000} s\n`);
      process.exit(EXIT.failed);
    }, CLOSE_MS);
  };
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted && Date.now() - stoppingSince > ONE_SIGNAL_MS) process.exit(EXIT.failed);
      stop();
    });
  }
  process.once('disconnect', stop);
  try {
    const started = await start(stopping.signal);
    if (!stopping.signal.aborted) {
      process.stdout.write(`${name}: ${started.ready}\n`);
      process.send?.({ type: 'ready', port: started.port ?? 0 });
    }
    await stopped;
    await started.close();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${name}: ${lineOf(error)}\n`);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
  }
}

function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').join(' ');
}
