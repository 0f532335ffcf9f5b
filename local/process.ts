/** What every server process of the platform does alike: say that it is ready, end cleanly, say clearly why it cannot start. */

export interface ServerProcess {
  /** Flushes and closes; called once. */
  readonly close: () => Promise<void>;
  /** Facts for the parent, e.g. `{port}`. */
  readonly ready: Readonly<Record<string, unknown>>;
}

/** Runs a server until SIGTERM, SIGINT or the parent's end. Exit code 1 with one line when it cannot start. */
export async function runServer(name: string, start: () => Promise<ServerProcess>): Promise<void> {
  let server: ServerProcess;
  try {
    server = await start();
  } catch (error) {
    process.stderr.write(`${name}: ${explain(error)}\n`);
    process.exit(1);
  }
  let closing = false;
  const end = () => {
    if (closing) return;
    closing = true;
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${name}: ${explain(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('disconnect', end);
  process.send?.({ type: 'ready', ...server.ready });
  process.stdout.write(`${name}: ready ${JSON.stringify(server.ready)}\n`);
}

function explain(error: unknown): string {
  const { code, port, message } = (error ?? {}) as { code?: string; port?: number; message?: string };
  if (code === 'EADDRINUSE') return `port ${port} is in use; stop what uses it, or start with --port-base`;
  return message ?? String(error);
}
