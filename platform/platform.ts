/** Starts the whole system on one machine: its parts in order, with their ports and settings. `npm start` runs this file. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { saveIssuer, tokenCommand } from 'azure-local/identity/token-command';
import { banner, serversBanner } from './banner.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { OPERATOR, principals } from './demo.ts';
import { endpointsOf, removeEndpoints, writeEndpoints } from './endpoints.ts';
import { followBuilds } from './follow-builds.ts';
import { openIdentityMode } from './identity-mode.ts';
import { type PartSpec, SMALL } from './launch.ts';
import {
  help,
  INSPECTOR_PORTS,
  type PlatformOptions,
  type PortName,
  portOf,
  readPlatformOptions,
} from './options.ts';
import { type Part, startPart } from './part.ts';
import { checkPorts } from './ports.ts';
import { OUT, type ProcessName, processFile } from './process-files.ts';
import { runOnce } from './run-once.ts';
import {
  type Addresses,
  AUDIENCE,
  addressesOf,
  appSettings,
  brokerConfig,
  cosmosConfig,
  DATABASE,
  type IdentityMode,
  simulatorSettings,
  supportConfig,
  trackingSettings,
} from './settings.ts';

const IS_BUNDLE = !import.meta.filename.endsWith('.ts');
const ROOT = resolve(import.meta.dirname, IS_BUNDLE ? '../../..' : '..');
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compile');
/** Parts whose memory counts more than their speed. */
const LIGHT: ReadonlySet<ProcessName> = new Set(['support', 'tracking', 'simulator', 'event-hubs', 'cosmos']);
/** The HTTP port of each part: one that accepts connections but does not answer hangs. */
const PROBED: Readonly<Record<PartName, PortName>> = {
  'event-hubs': 'event-hubs-control',
  cosmos: 'cosmos',
  support: 'gateway',
  functions: 'functions',
  tracking: 'tracking',
  simulator: 'carrier',
};
/** One Ctrl-C arrives as two signals, from the terminal and from npm; a second one ends everything at once. */
const ONE_SIGNAL_MS = 1_000;
/** Set by the source for its bundle: the time of the start, ms. */
const STARTED = 'PLATFORM_STARTED_AT';

/** A process that runs as long as the platform. */
type PartName = Exclude<ProcessName, 'platform' | 'prepare-database' | 'prepare-demo'>;

/** Every part with its module, arguments and settings. */
function topology(options: PlatformOptions, data: DataFolder, addresses: Addresses, identity?: IdentityMode) {
  const dir = (name: string) => join(data.path, name);
  const port = (name: PortName) => String(portOf(options, name));
  const file = (name: string, content: unknown) => {
    const path = join(data.path, `${name}.config.json`);
    writeFileSync(path, JSON.stringify(content, null, 2), { mode: 0o600 });
    return path;
  };
  const part = (name: PartName, args: string[], env: Record<string, string> = {}): PartSpec => ({
    name,
    probePort: portOf(options, PROBED[name]),
    isSlow: name === 'simulator',
    entry: processFile(ROOT, name),
    args,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    flags: [
      ...(LIGHT.has(name) ? SMALL : []),
      ...(options.sourceMaps ? ['--enable-source-maps'] : []),
      ...(options.inspect && INSPECTOR_PORTS[name] ? [`--inspect=127.0.0.1:${INSPECTOR_PORTS[name]}`] : []),
    ],
  });
  const support = supportConfig(options, data, addresses, join(ROOT, OUT, 'web'), identity);
  const broker = [
    '--config',
    file('event-hubs', brokerConfig(addresses, identity)),
    '--control-port',
    port('event-hubs-control'),
  ];
  const replay = options.replay ? ['--replay', options.replay] : [];
  const speed = ['--speed', String(options.speed)];
  const simulated = simulatorSettings(options, data, addresses);
  return {
    servers: [
      part('event-hubs', ['--port', port('event-hubs'), '--data', dir('event-hubs'), ...broker]),
      part('cosmos', [
        '--port',
        port('cosmos'),
        '--data',
        dir('cosmos'),
        '--control-port',
        port('cosmos-control'),
        ...(identity ? ['--config', file('cosmos', cosmosConfig(options, addresses, identity))] : []),
      ]),
      part('support', ['--config', file('support', support)]),
    ],
    services: [
      ...(options.serversOnly
        ? []
        : [
            part(
              'functions',
              ['--app', ROOT, '--port', port('functions'), '--data', dir('host')],
              appSettings(options, addresses, data, identity),
            ),
          ]),
      part('tracking', [], trackingSettings(options, addresses, data, identity)),
    ],
    clients: [
      part(
        'simulator',
        [
          '--drones',
          String(options.drones),
          '--seed',
          String(options.seed),
          '--data',
          dir('simulator'),
          ...speed,
          ...replay,
        ],
        simulated,
      ),
    ],
  };
}

async function run(options: PlatformOptions): Promise<void> {
  const started = Number(process.env[STARTED] ?? Date.now());
  let data: DataFolder;
  try {
    data = openDataFolder(options.dataDir, options.reset);
  } catch (error) {
    fail(error as Error);
  }
  // A closed terminal is not a reason to end.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  const parts: Part[] = [];
  let builds: Disposable | undefined;
  const stop = async () => {
    removeEndpoints(options.dataDir);
    builds?.[Symbol.dispose]();
    for (const part of parts.toReversed()) await part.stop();
    data.release();
  };
  let stopping: Promise<void> | undefined;
  let hasFailed = false;
  // The reason for the end is printed last.
  const tell = (text: string) => (stopping || hasFailed ? undefined : say(text));
  let stoppingSince = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping && Date.now() - stoppingSince > ONE_SIGNAL_MS) {
        for (const part of parts) part.kill();
        process.exit(1);
      }
      if (!stopping) stoppingSince = Date.now();
      if (!stopping) say('stopping: drones in the air stay where they are, and fly on at the next start');
      stopping ??= stop().then(() => process.exit(0));
    });
  }
  try {
    await checkPorts(options);
    const addresses = addressesOf(options);
    const identity = options.identity ? openIdentityMode(data.path) : undefined;
    const { servers, services, clients } = topology(options, data, addresses, identity);
    let ready = false;
    const announce = async () => {
      if (!ready || stopping) return;
      try {
        writeEndpoints(options.dataDir, await endpointsOf(addresses, parts, options.dataDir));
      } catch (error) {
        say(`endpoints.json could not be written: ${(error as Error).message}`);
      }
    };
    const start = async (specs: readonly PartSpec[]) => {
      const context = { logDir: data.logs, say, changed: () => void announce() };
      const some = specs.map((spec) => startPart(spec, context));
      parts.push(...some);
      await Promise.all(some.map((part) => part.ready));
    };
    say('starting the local servers');
    await start(servers);
    await saveIssuer(join(data.path, 'identity'), {
      issuer: addresses.issuer,
      audience: AUDIENCE,
      principals: principals(options.drones),
    });
    await runOnce(processFile(ROOT, 'prepare-database'), [
      addresses.cosmosEndpoint,
      addresses.cosmosKey,
      DATABASE,
    ]);
    say(options.serversOnly ? 'starting tracking' : 'starting the services');
    await start(services);
    const token = await tokenCommand([OPERATOR, '--data', options.dataDir]);
    const prepare = (...args: string[]) => runOnce(processFile(ROOT, 'prepare-demo'), args, tell);
    const populate = async () => {
      say(`starting the city and its ${options.drones} drones`);
      await Promise.all([start(clients), prepare('demo', addresses.gateway, token, String(options.drones))]);
    };
    const showAll = async (text: typeof banner) => {
      ready = true;
      await announce();
      const endpoints = await endpointsOf(addresses, parts, options.dataDir);
      process.stdout.write(text(endpoints, data.logs, Date.now() - started));
      if (options.watch) builds = followBuilds(ROOT, parts, tell);
    };
    if (!options.serversOnly) {
      await populate();
      await showAll(banner);
      return;
    }
    await showAll(serversBanner(addresses.functions));
    await prepare('host', addresses.functions, token);
    // The servers stay even if the demonstration fails: a developer is working on a host.
    await populate().catch((error: unknown) =>
      say(`the demonstration is incomplete: ${(error as Error).message}`),
    );
    await announce();
    say('the Functions host answers and the drones are connected: requests are served now');
  } catch (error) {
    if (stopping) return;
    hasFailed = true;
    process.stderr.write(`${(error as Error).message}\n`);
    await stop();
    process.exit(1);
  }
}

/** Builds changed sources, then continues as the bundle of this file: the same process, with half the memory. */
async function becomeBundle(args: readonly string[]): Promise<void> {
  const startedAt = String(Date.now());
  await checkPorts(readPlatformOptions(args)).catch(fail);
  say('building changed sources');
  await runOnce(join(ROOT, 'platform/build.ts'), [ROOT]).catch(fail);
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, [STARTED]: startedAt };
  if (process.platform === 'win32' || !process.execve) {
    process.stderr.write('npm start runs on Linux and macOS; on Windows, start it in WSL\n');
    process.exit(1);
  }
  process.execve(process.execPath, [process.execPath, ...SMALL, processFile(ROOT, 'platform'), ...args], env);
}

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  process.stdout.write(help());
  process.exit(0);
}
let options: PlatformOptions;
try {
  options = readPlatformOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(2);
}
if (IS_BUNDLE) await run(options);
else await becomeBundle(process.argv.slice(2));
