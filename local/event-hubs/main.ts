/**
 * Runs the broker as a process: `--port N --data DIR --config FILE [--control-port N]`. The file is JSON: `{"hubs": {name:
 * {"partitions": 4, "consumerGroups": ["…"], "retentionHours": 24, "retentionBytes": N, "quotaBytes": N}}, "keys": [{"name":
 * "…", "key": "…", "rights": ["Send", "Listen", "Manage"]}], "throughputUnits": N, "maxConnections": N, "tls": {"key": FILE,
 * "cert": FILE, "port": N}, "issuer": "…", "audience": "…", "roles": {principal: {hub or *: "sender", "receiver" or
 * "owner"}}}`, all but `hubs` optional; key and cert may be PEM themselves. The configuration of Microsoft's emulator is
 * understood, too.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { readPort, readTls } from '../server-configuration.ts';
import { type EventHubsConfig, readConfig } from './config.ts';
import { startEventHubs } from './server.ts';

interface Arguments {
  readonly port: number;
  readonly data: string;
  readonly controlPort: number | undefined;
  readonly config: EventHubsConfig;
}

const given = readArguments();
if (given) await runServer('event-hubs', () => start(given));
else process.exitCode = 2;

async function start({ port, data, controlPort, config }: Arguments) {
  const { hubs, keys, throughputUnits, maxConnections, tls, issuer, audience, roles = {} } = config;
  // Loaded only when used, like the control port and TLS: each has megabytes.
  const tokens = issuer ? await import('./tokens.ts') : undefined;
  const server = await startEventHubs({
    port,
    dataDir: data,
    hubs,
    keys,
    ...(throughputUnits ? { throughputUnits } : {}),
    ...(maxConnections ? { maxConnections } : {}),
    ...(tls ? { tls: readTls(tls) } : {}),
    ...(tokens && issuer
      ? { verifyToken: tokens.createTokenVerifier({ issuer, roles, ...(audience ? { audience } : {}) }) }
      : {}),
  });
  const control =
    controlPort === undefined
      ? undefined
      : await (await import('./control.ts')).startControl(server.faults, controlPort);
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
        port: { type: 'string', default: '5672' },
        data: { type: 'string', default: '.data/event-hubs' },
        config: { type: 'string' },
        'control-port': { type: 'string' },
      },
    });
    if (values.config === undefined) throw new Error('--config FILE is missing: it names the hubs');
    return {
      port: readPort(values.port),
      data: values.data,
      controlPort: values['control-port'] === undefined ? undefined : readPort(values['control-port']),
      config: readConfig(readFileSync(values.config, 'utf8')),
    };
  } catch (error) {
    process.stderr.write(`event-hubs: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
