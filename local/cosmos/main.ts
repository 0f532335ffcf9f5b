/**
 * Runs the Cosmos server as a process: `--port N --data DIR [--control-port N] [--config FILE]`. The file is JSON:
 * `{"key": "…", "partitionRanges": 2, "tls": {"key": FILE, "cert": FILE, "port": N}, "issuer": "…", "audience": "…",
 * "roles": {principal: {container or *: "read" or "write"}}}`, every part optional; key and cert may be PEM themselves.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { readPort, readTls } from '../server-configuration.ts';
import { type CosmosConfig, readConfig } from './config.ts';
import { startControl } from './control.ts';
import { startCosmos } from './server.ts';

interface Arguments {
  readonly port: number;
  readonly data: string;
  readonly controlPort: number | undefined;
  readonly config: CosmosConfig;
}

const given = readArguments();
if (given) await runServer('cosmos', () => start(given));
else process.exitCode = 2;

async function start({ port, data, controlPort, config }: Arguments) {
  const { tls, issuer, audience, roles = {}, key, partitionRanges } = config;
  // Loaded only if tokens are accepted: it needs a third of the process's memory.
  const tokens = issuer ? await import('./tokens.ts') : undefined;
  const server = await startCosmos({
    port,
    dataDir: data,
    ...(key ? { key } : {}),
    ...(partitionRanges ? { partitionRanges } : {}),
    ...(tls ? { tls: readTls(tls) } : {}),
    ...(tokens && issuer
      ? { verifyToken: tokens.createTokenVerifier({ issuer, roles, ...(audience ? { audience } : {}) }) }
      : {}),
  });
  const control = controlPort === undefined ? undefined : await startControl(server, controlPort);
  return {
    ready: { port: server.port, tlsPort: server.tlsPort, controlPort: control?.port },
    close: async () => {
      await control?.close();
      await server.close();
    },
  };
}

/** Undefined after it has printed the error in one line. */
function readArguments(): Arguments | undefined {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8081' },
        data: { type: 'string', default: '.data/cosmos' },
        config: { type: 'string' },
        'control-port': { type: 'string' },
      },
    });
    return {
      port: readPort(values.port),
      data: values.data,
      controlPort: values['control-port'] === undefined ? undefined : readPort(values['control-port']),
      config: values.config ? readConfig(readFileSync(values.config, 'utf8')) : {},
    };
  } catch (error) {
    process.stderr.write(`cosmos: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
