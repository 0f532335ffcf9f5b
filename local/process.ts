/**
 * Runs a server's process: it reports when it is ready, ends cleanly, and explains in one line why it cannot start.
 *
 * E1 It ends with its parent, on SIGTERM and on SIGINT: within CLOSE_MS, no matter what its close waits for, and at once on a
 *    second signal. One Ctrl-C can arrive as two signals, from the terminal and from npm: they count as one.
 */

export interface ServerProcess {
  /** Flushes and closes; called once. */
  readonly close: () => Promise<void>;
  /** Facts for the parent, e.g. `{port}`. */
  readonly ready: Readonly<Record<string, unknown>>;
}

const CLOSE_MS = 10_000;
const ONE_SIGNAL_MS = 1_000;

/** Runs a server until SIGTERM, SIGINT or the parent's end. Exit code 1 with one line when it cannot start. */
export async function runServer(
  name: string,
  start: () => Promise<ServerProcess>,
  closeMs: number = CLOSE_MS,
): Promise<void> {
  let server: ServerProcess;
  try {
    server = await start();
  } catch (error) {
    process.stderr.write(`${name}: ${explain(error)}\n`);
    process.exit(1);
  }
  const fail = (reason: string) => {
    process.stderr.write(`${name}: ${reason}\n`);
    process.exit(1);
  };
  let closingSince: number | undefined;
  const end = () => {
    if (closingSince !== undefined) return;
    closingSince = Date.now();
    setTimeout(() => fail(`it did not close within ${closeMs / 1000} s`), closeMs);
    server.close().then(
      () => process.exit(0),
      (error: unknown) => fail(explain(error)),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (closingSince !== undefined && Date.now() - closingSince > ONE_SIGNAL_MS) process.exit(1);
      end();
    });
  }
  process.on('disconnect', end);
  process.send?.({ type: 'ready', ...server.ready });
  process.stdout.write(`${name}: ready ${JSON.stringify(server.ready)}\n`);
}

function explain(error: unknown): string {
  const { code, port, message } = (error ?? {}) as { code?: string; port?: number; message?: string };
  if (code === 'EADDRINUSE') return `port ${port} is in use; stop what uses it, or start with --port-base`;
  return message ?? String(error);
}
