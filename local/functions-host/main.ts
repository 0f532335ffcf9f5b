/** Hosts any built v4 Node app: `--app DIR --port N --data DIR [--keys FILE]`. Settings: the environment, then local.settings.json. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { startHost } from './host.ts';

/** The map of a bundled app is held for good, at ten times the memory of its code (107 MB for 7 MB): stacks name lines of the bundle instead. */
process.setSourceMapsEnabled(process.env['FUNCTIONS_HOST_SOURCE_MAPS'] === '1');

const { values } = parseArgs({
  options: {
    app: { type: 'string', default: '.' },
    port: { type: 'string', default: '7071' },
    data: { type: 'string' },
    keys: { type: 'string' },
  },
});

await runServer('functions-host', async () => {
  const appDir = resolve(values.app);
  const host = await startHost({
    appDir,
    port: Number(values.port),
    dataDir: resolve(values.data ?? join(appDir, '.data', 'host')),
    ...(values.keys ? { keysFile: resolve(values.keys) } : {}),
  });
  return { ready: { port: host.port }, close: () => host.close() };
});
