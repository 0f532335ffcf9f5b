/**
 * The local servers and the host together, with an app that is not this product's: an HTTP function, an Event Hubs trigger, an orchestration.
 * `node tests/bench/servers.bench.ts [--starts N] [--rest SECONDS]`
 *
 * Start: `npm run start:servers` and, once they are ready, `npm run host`, until the host answers its first 200 and the trigger has
 * handed over an event that was sent after that. Memory: RSS, from the kernel. Not counted: tracking, which
 * `start:servers` brings up as well and which is this product's and no server that another app would use. Not measured: npm itself, a cold disk, other systems.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EventHubProducerClient } from '@azure/event-hubs';
import { readPlatformOptions } from '../../platform/options.ts';
import { addressesOf, appSettings } from '../../platform/settings.ts';
import { freePorts, pause, startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const { values } = parseArgs({
  options: { starts: { type: 'string', default: '5' }, rest: { type: 'string', default: '60' } },
});
const MAX_READY_S = 3;
const MAX_MIB = 450;
const HOST = fileURLToPath(import.meta.resolve('azure-local/functions-host/main'));
const HUB = 'delivery-requests';
const APP = `
const { app } = require('@azure/functions');
const df = require('durable-functions');
let seen = 0;
app.http('seen', { methods: ['GET'], handler: () => ({ jsonBody: { seen } }) });
app.eventHub('take', { connection: 'EVENTHUBS', eventHubName: '${HUB}', consumerGroup: 'scheduler', cardinality: 'many',
  handler: (events) => { seen += events.length; } });
df.app.activity('step', { handler: (input) => input });
df.app.orchestration('six', function* (context) { for (let i = 0; i < 6; i++) yield context.df.callActivity('step', { i }); return 'done'; });`;

interface Started extends AsyncDisposable {
  readonly platform: TestPlatform;
  readonly host: ChildProcess;
  readonly seconds: number;
}

/** A folder with the app, beside the packages of this repository. */
async function writeApp(): Promise<string> {
  const app = await mkdtemp(join(tmpdir(), 'app-'));
  await symlink(join(import.meta.dirname, '../../node_modules'), join(app, 'node_modules'));
  await writeFile(join(app, 'host.json'), JSON.stringify({ version: '2.0' }));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'an-app', main: 'main.cjs' }));
  await writeFile(join(app, 'main.cjs'), APP);
  return app;
}

async function start(): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'servers-bench-'));
  const app = await writeApp();
  const base = await freePorts();
  const options = readPlatformOptions(['--servers', '--port-base', String(base)]);
  const begin = performance.now();
  const platform = await startPlatform({ dataDir, portBase: base, args: ['--servers'] });
  const host = fork(HOST, ['--app', app, '--port', '0', '--data', join(dataDir, 'host')], {
    silent: true,
    execArgv: ['--max-semi-space-size=4'],
    env: { ...process.env, ...appSettings(options, addressesOf(options)) },
  });
  const [{ port }] = (await once(host, 'message')) as [{ port: number }];
  const seen = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/seen`);
    return answer.ok ? ((await answer.json()) as { seen: number }).seen : undefined;
  };
  await until(seen, 'the first 200');
  await using producer = disposable(
    new EventHubProducerClient(platform.endpoints.eventHubs.connectionString, HUB),
  );
  await producer.client.sendBatch([{ body: {} }]);
  await until(async () => ((await seen()) ? true : undefined), 'the trigger hands an event over');
  return {
    platform,
    host,
    seconds: (performance.now() - begin) / 1000,
    [Symbol.asyncDispose]: async () => {
      host.kill('SIGTERM');
      await once(host, 'exit');
      await platform.stop();
      await rm(app, { recursive: true });
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function disposable<T extends { close(): Promise<void> }>(client: T) {
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

const rss = (pid: number | undefined) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}\n`);
const times: number[] = [];
for (let n = 0; n < Number(values.starts); n += 1) {
  await using started = await start();
  times.push(started.seconds);
}
times.sort((a, b) => a - b);
const median = times[Math.floor(times.length / 2)] ?? Number.NaN;
const verdict = (isMet: boolean) => (isMet ? 'met' : 'not met');
process.stdout.write(
  `start of the servers and the host together, s: p50 ${median.toFixed(2)}, most ${times.at(-1)?.toFixed(2)} of ${times.length}; at most ${MAX_READY_S}: ${verdict(median <= MAX_READY_S)}\n`,
);
await using started = await start();
const { platform, host } = started;
await pause(Number(values.rest) * 1000);
const { tracking, ...servers } = platform.endpoints.parts;
const sizes = [
  ['start:servers itself', platform.pid],
  ...Object.entries(servers).map(([name, { pid }]) => [name, pid] as const),
  ['host', host.pid],
].map(([name, pid]) => [name, rss(pid as number)] as const);
for (const [name, size] of sizes) process.stdout.write(`RSS ${name}: ${size.toFixed(0)} MiB\n`);
const all = sizes.reduce((sum, [, size]) => sum + size, 0);
process.stdout.write(
  `RSS of all ${values.rest} s after the start: ${all.toFixed(0)} MiB; at most ${MAX_MIB}: ${verdict(all <= MAX_MIB)} (beside it tracking, ${rss(tracking?.pid).toFixed(0)})\n`,
);
