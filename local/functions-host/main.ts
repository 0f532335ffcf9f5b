#!/usr/bin/env node
/**
 * Hosts any built v4 Node app: `--app DIR --port N --data DIR [--keys FILE] [--watch] [--log json|lines|colour]`.
 * Settings: the environment, then local.settings.json of the app. An error is one line, with exit code 1 (2 for invalid arguments).
 */
import { existsSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { startHost } from './host.ts';
import { type LogStyle, styleFor } from './log.ts';
import { watchCrashes } from './relaunch.ts';
import { watchApp } from './watch.ts';

/** The source map of a bundled app would stay in memory, at ten times its code (107 MB for 7 MB): stacks name lines of the bundle instead. */
process.setSourceMapsEnabled(process.env['FUNCTIONS_HOST_SOURCE_MAPS'] === '1');

const USAGE =
  'functions-host [--app .] [--port 7071] [--data APP/.data/host] [--keys DATA/keys.json] [--watch] [--log json|lines|colour]';

interface Arguments {
  readonly appDir: string;
  readonly port: number;
  readonly dataDir: string;
  readonly keysFile: string | undefined;
  readonly isWatching: boolean;
  readonly style: LogStyle;
}

/** @throws Error that names the invalid argument */
function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      app: { type: 'string', default: '.' },
      port: { type: 'string', default: '7071' },
      data: { type: 'string' },
      keys: { type: 'string' },
      watch: { type: 'boolean', default: false },
      log: { type: 'string' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('--port is a number from 0 (any that is free) to 65535');
  const style = values.log ?? styleFor(process.stdout, process.env);
  if (style !== 'json' && style !== 'lines' && style !== 'colour')
    throw new Error('--log is json, lines or colour');
  const appDir = resolve(values.app);
  return {
    appDir,
    port,
    dataDir: resolve(values.data ?? join(appDir, '.data', 'host')),
    keysFile: values.keys === undefined ? undefined : resolve(values.keys),
    isWatching: values.watch,
    style,
  };
}

let options: Arguments;
try {
  options = readArguments();
} catch (error) {
  process.stderr.write(`functions-host: ${(error as Error).message} (${USAGE})\n`);
  process.exit(2);
}
const { appDir, port, dataDir, keysFile, style } = options;

if (options.isWatching && existsSync(appDir)) {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  await watchApp(
    {
      appDir,
      dataDir,
      entry: process.argv[1] ?? '',
      args: process.argv.slice(2).filter((argument) => argument !== '--watch'),
      say: (line) => process.stdout.write(`functions-host: ${line}\n`),
    },
    stopping.signal,
  );
  process.exit(0);
}

const compileCache = process.env['NODE_COMPILE_CACHE'] ?? join(dataDir, 'compile-cache');
enableCompileCache(compileCache);
const crashes = watchCrashes((line) => process.stderr.write(`functions-host: ${line}\n`), compileCache);

await runServer('functions-host', async () => {
  const exhausted = (reason: string) => crashes.crash(reason);
  const host = await startHost({
    appDir,
    port,
    dataDir,
    style,
    exhausted,
    ...(keysFile ? { keysFile } : {}),
  }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port} is in use: stop what uses it, or choose another with --port`, {
      cause: error,
    });
  });
  crashes.began(host);
  // Node writes it only at an orderly end, not at a crash.
  flushCompileCache();
  const close = () => {
    crashes.ending();
    return host.close();
  };
  return { ready: { port: host.port }, close };
});
