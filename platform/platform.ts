/** Starts the whole system on one machine, its parts in order, and stops it. `npm start` runs this file. */
import { join } from 'node:path';
import { saveIssuer, tokenCommand } from 'azure-local/identity/token-command';
import { banner, serversBanner } from './banner.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { OPERATOR, principals } from './demo.ts';
import { endpointsOf, removeEndpoints, writeEndpoints } from './endpoints.ts';
import { followBuilds } from './follow-builds.ts';
import { openIdentityMode } from './identity-mode.ts';
import { type PartSpec, SMALL } from './launch.ts';
import { help, type PlatformOptions, readPlatformOptions } from './options.ts';
import { type Part, startPart } from './part.ts';
import { checkPorts } from './ports.ts';
import { processFile } from './process-files.ts';
import { runOnce } from './run-once.ts';
import { type Addresses, AUDIENCE, addressesOf, DATABASE } from './settings.ts';
import { COMPILE_CACHE, IS_BUNDLE, ROOT, topology } from './topology.ts';

/** One Ctrl-C arrives as two signals, from the terminal and from npm; a second one ends everything at once. */
const ONE_SIGNAL_MS = 1_000;
/** Set by the source for its bundle: the time of the start, ms. */
const STARTED = 'PLATFORM_STARTED_AT';

/** Everything that runs, and how far its end has come. */
interface Run {
  readonly options: PlatformOptions;
  readonly data: DataFolder;
  readonly parts: Part[];
  readonly started: number;
  builds?: Disposable;
  isReady: boolean;
  hasFailed: boolean;
  stopping?: Promise<void>;
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
  const all: Run = { options, data, parts: [], started, isReady: false, hasFailed: false };
  stopOnSignals(all);
  try {
    await startAll(all);
  } catch (error) {
    if (all.stopping) return;
    all.hasFailed = true;
    process.stderr.write(`${(error as Error).message}\n`);
    await stop(all);
    process.exit(1);
  }
}

async function stop({ options, data, parts, builds }: Run): Promise<void> {
  removeEndpoints(options.dataDir);
  builds?.[Symbol.dispose]();
  for (const part of parts.toReversed()) await part.stop();
  data.release();
}

/** The first signal stops the parts in their order, a second one at once. */
function stopOnSignals(all: Run): void {
  let stoppingSince = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (all.stopping && Date.now() - stoppingSince > ONE_SIGNAL_MS) {
        for (const part of all.parts) part.kill();
        process.exit(1);
      }
      if (all.stopping) return;
      stoppingSince = Date.now();
      say('stopping: drones in the air stay where they are, and fly on at the next start');
      all.stopping = stop(all).then(() => process.exit(0));
    });
  }
}

/** @throws Error when a part cannot start */
async function startAll(all: Run): Promise<void> {
  const { options, data, parts } = all;
  await checkPorts(options);
  const addresses = addressesOf(options);
  const identity = options.identity ? openIdentityMode(data.path) : undefined;
  const { servers, services, clients } = topology(options, data, addresses, identity);
  const announce = async () => {
    if (!all.isReady || all.stopping) return;
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
  await prepareServers(all, addresses);
  say(options.serversOnly ? 'starting tracking' : 'starting the services');
  await start(services);
  const token = await tokenCommand([OPERATOR, '--data', options.dataDir]);
  // The reason for the end is printed last.
  const tell = (text: string) => (all.stopping || all.hasFailed ? undefined : say(text));
  const prepare = (...args: string[]) => runOnce(processFile(ROOT, 'prepare-demo'), args, tell);
  const populate = async () => {
    say(`starting the city and its ${options.drones} drones`);
    await Promise.all([start(clients), prepare('demo', addresses.gateway, token, String(options.drones))]);
  };
  const showAll = async (text: typeof banner) => {
    all.isReady = true;
    await announce();
    const endpoints = await endpointsOf(addresses, parts, options.dataDir);
    process.stdout.write(text(endpoints, data.logs, Date.now() - all.started));
    if (options.watch) all.builds = followBuilds(ROOT, parts, tell);
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
}

/** The people who may sign in, and the database with its containers. */
async function prepareServers({ options, data }: Run, addresses: Addresses): Promise<void> {
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
