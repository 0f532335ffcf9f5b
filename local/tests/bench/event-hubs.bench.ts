/**
 * How fast the local Event Hubs broker is, as one client of Microsoft's SDK sees it: `node tests/bench/event-hubs.bench.ts [--seconds N]`.
 * Broker and client are two processes on one machine; every event is on disk before its acknowledgement.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EventHubConsumerClient, EventHubProducerClient } from '@azure/event-hubs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    events: { type: 'string', default: '1000000' },
    only: { type: 'string' },
    /** Writes a CPU profile of the broker into this folder. */
    profile: { type: 'string' },
  },
});
const SECONDS = Number(values.seconds);
const RELOADED_EVENTS = Number(values.events);
const PARTITIONS = 4;
const HUBS = ['publish', 'consume', 'single'];
const BODY = 'x'.repeat(200);
const REST_MS = 2_000;
/** Until both processes have compiled what they run. */
const WARM_UP_MS = 3_000;
const KEY = { name: 'bench', key: 'YmVuY2g=', rights: ['Manage', 'Send', 'Listen'] };
const retryOptions = { maxRetries: 0, timeoutInMs: 10_000 };

const folder = mkdtempSync(join(tmpdir(), 'event-hubs-bench-'));
const config = join(folder, 'config.json');
const hub = { partitions: PARTITIONS };
const hubs = Object.fromEntries(HUBS.map((name) => [name, hub]));
writeFileSync(config, JSON.stringify({ hubs, keys: [KEY] }));
const entry = resolve(import.meta.dirname, '../../event-hubs/main.ts');
const rows: Record<string, string | number>[] = [];
const wanted = (name: string) => !values.only || name.includes(values.only);

async function startBroker() {
  const begin = performance.now();
  const child = fork(entry, ['--port', '0', '--data', join(folder, 'data'), '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const connection = `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${KEY.name};SharedAccessKey=${KEY.key};UseDevelopmentEmulator=true`;
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { pid: child.pid, connection, stop, ready: performance.now() - begin };
}

let broker = await startBroker();
try {
  const atRest = await residentAfterRest(broker.pid);
  if (wanted('publish')) for (const inFlight of [1, 4]) await publish(inFlight);
  if (wanted('single')) await single();
  if (wanted('consume')) await consume();
  const afterwards = await residentAfterRest(broker.pid);
  if (wanted('reload')) await reload();
  process.stdout.write(`${machine()}\n`);
  process.stdout.write(
    'one SDK client, broker in a process of its own, 4 partitions, bodies of 200 bytes, fdatasync before each acknowledgement\n',
  );
  console.table(rows);
  process.stdout.write(
    `memory of the broker: ${atRest} MB RSS after its start, ${afterwards} after the load\n`,
  );
  process.stdout.write(
    'Not measured: TLS, tokens, several clients at once, disks whose fsync is slower than this one.\n',
  );
} finally {
  await broker.stop();
  rmSync(folder, { recursive: true });
}

function report(what: string, found: number, goal: number | undefined, unit: string, isLess = false): void {
  const met = goal === undefined ? '' : (isLess ? found <= goal : found >= goal) ? 'yes' : 'NO';
  rows.push({ what, found: Math.round(found * 10) / 10, unit, goal: goal ?? '', met });
}

async function publish(inFlight: number): Promise<void> {
  const client = new EventHubProducerClient(broker.connection, 'publish', { retryOptions });
  const events = Array.from({ length: 100 }, () => ({ body: BODY }));
  let sent = 0;
  const loop = async (milliseconds: number) => {
    const until = performance.now() + milliseconds;
    while (performance.now() < until) {
      await client.sendBatch(events);
      sent += events.length;
    }
  };
  await loop(WARM_UP_MS);
  sent = 0;
  const begin = performance.now();
  await Promise.all(Array.from({ length: inFlight }, () => loop(SECONDS * 1000)));
  const perSecond = (sent / (performance.now() - begin)) * 1000;
  report(`publish, batches of 100, ${inFlight} in flight`, perSecond, 70_000, 'events/s');
  await client.close();
}

async function single(): Promise<void> {
  const client = new EventHubProducerClient(broker.connection, 'single', { retryOptions });
  const times: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  while (performance.now() < until) {
    const begin = performance.now();
    await client.sendBatch([{ body: BODY }]);
    times.push(performance.now() - begin);
  }
  await client.close();
  times.splice(0, Math.floor(times.length / 10));
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  report('publish one event at a time, p50', at(0.5), undefined, 'ms');
  report('publish one event at a time, p99', at(0.99), undefined, 'ms');
}

async function fill(name: string, count: number): Promise<void> {
  const client = new EventHubProducerClient(broker.connection, name, { retryOptions });
  const events = Array.from({ length: 1000 }, () => ({ body: BODY }));
  for (let sent = 0; sent < count; sent += events.length * PARTITIONS)
    await Promise.all(
      Array.from({ length: PARTITIONS }, (_, id) => client.sendBatch(events, { partitionId: String(id) })),
    );
  await client.close();
}

async function consume(): Promise<void> {
  const count = 60_000 * SECONDS;
  await fill('consume', count);
  const client = new EventHubConsumerClient('$Default', broker.connection, 'consume', { retryOptions });
  const { promise, resolve: done } = Promise.withResolvers<void>();
  let begin = 0;
  let seen = 0;
  const subscriptions = Array.from({ length: PARTITIONS }, (_, id) =>
    client.subscribe(
      String(id),
      {
        processEvents: async (events) => {
          if (begin === 0) begin = performance.now();
          seen += events.length;
          if (seen >= count) done();
        },
        processError: async (error) => {
          throw error;
        },
      },
      { maxBatchSize: 100, maxWaitTimeInSeconds: 1, startPosition: { offset: '-1' } },
    ),
  );
  await promise;
  report('consume, batches of 100', (seen / (performance.now() - begin)) * 1000, 45_000, 'events/s');
  for (const subscription of subscriptions) await subscription.close();
  await client.close();
}

/** The time to ready with a million events or more on disk, less that without any, for each million. */
async function reload(): Promise<void> {
  const empty = broker.ready;
  await fill('single', RELOADED_EVENTS);
  const millions = (await storedEvents()) / 1_000_000;
  await broker.stop();
  broker = await startBroker();
  report(`start with ${millions.toFixed(1)} million events on disk`, broker.ready, undefined, 'ms');
  report('of which reading a million', (broker.ready - empty) / millions, 1_000, 'ms', true);
}

async function storedEvents(): Promise<number> {
  let sum = 0;
  for (const name of HUBS) {
    const client = new EventHubProducerClient(broker.connection, name, { retryOptions });
    for (const id of await client.getPartitionIds())
      sum += (await client.getPartitionProperties(id)).lastEnqueuedSequenceNumber + 1;
    await client.close();
  }
  return sum;
}

async function residentAfterRest(pid: number | undefined): Promise<string> {
  await new Promise((done) => setTimeout(done, REST_MS));
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) / 1024).toFixed(0);
}

function machine(): string {
  const require = createRequire(import.meta.url);
  const { version } = require('@azure/event-hubs/package.json') as { version: string };
  const gigabytes = (totalmem() / 1024 ** 3).toFixed(0);
  return `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${gigabytes} GB; Node ${process.version}, @azure/event-hubs ${version}`;
}
