/** The tracking process. Settings come from the environment, `--port` overrides; it ends cleanly on SIGTERM, SIGINT and with its parent. */
import { parseArgs } from 'node:util';
import { createLog } from '../shared/telemetry/log.ts';
import { readTrackingSettings } from './settings.ts';
import { startTracking, type Tracking } from './tracking.ts';

const EXIT = { failed: 1, usage: 2 };

function fail(code: number, error: unknown): never {
  const { code: kind, port, message } = (error ?? {}) as { code?: string; port?: number; message?: string };
  const text =
    kind === 'EADDRINUSE'
      ? `port ${port} is in use; stop the program that uses it, or choose another port with --port`
      : message;
  process.stderr.write(`tracking: ${String(text ?? error).replaceAll('\n', ' ')}\n`);
  process.exit(code);
}

function settings() {
  try {
    const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } });
    return readTrackingSettings({ ...process.env, ...(values.port ? { TRACKING_PORT: values.port } : {}) });
  } catch (error) {
    return fail(EXIT.usage, error);
  }
}

const read = settings();
const log = createLog({ name: 'tracking', level: read.LOG_LEVEL });
const tracking: Tracking = await startTracking({ settings: read, log }).catch((error: unknown) =>
  fail(EXIT.failed, error),
);

let ending = false;
const end = () => {
  if (ending) return;
  ending = true;
  tracking.close().then(
    () => process.exit(0),
    (error: unknown) => fail(EXIT.failed, error),
  );
};
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
process.on('disconnect', end);

await tracking.rebuilt.catch((error: unknown) => fail(EXIT.failed, error));
process.send?.({ type: 'ready', port: tracking.port });
process.stdout.write(`tracking: ready on port ${tracking.port}\n`);
