/**
 * The host as a process of its own: requests of an HTTP function, the start, six activities in a row seen by polling, memory.
 * Not measured: functions that do any work, TLS, bodies of more than a few bytes, a client on another machine (it shares the two cores).
 * `node tests/bench/functions-host.bench.ts [--seconds 5]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeApp } from '../support/functions-host.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
const HOST = join(import.meta.dirname, '../../functions-host/main.ts');
const CONNECTIONS = 32;
const LOG = { logging: { logLevel: { default: 'Warning' } } };
const HTTP = `require('@azure/functions').app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });`;
const DURABLE = `${HTTP}
const df = require('durable-functions');
df.app.activity('step', { handler: (input) => input });
df.app.orchestration('six', function* (context) { for (let i = 0; i < 6; i++) yield context.df.callActivity('step', { i }); return 'done'; });`;

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly key: string;
  /** From the fork to the first 200. */
  readonly ms: number;
  stop(): Promise<void>;
}

async function start(main: string, tries = 1): Promise<Started> {
  const { dir, remove } = writeApp({ 'main.cjs': main }, LOG);
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-'));
  const before = performance.now();
  const child = fork(HOST, ['--app', dir, '--port', '0', '--data', dataDir], {
    silent: true,
    execArgv: ['--max-semi-space-size=4'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const { status } = await fetch(`http://127.0.0.1:${port}/api/hello`);
  if (status !== 200) throw new Error(`the first answer is ${status}`);
  const ms = performance.now() - before;
  const { system } = JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8')) as {
    system: { durabletask_extension: string };
  };
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
    remove();
    rmSync(dataDir, { recursive: true });
  };
  if (tries <= 1) return { child, port, key: system.durabletask_extension, ms, stop };
  await stop();
  const again = await start(main, tries - 1);
  return again.ms < ms ? again : { ...again, ms };
}

const quantile = (sorted: readonly number[], at: number) => sorted[Math.floor(sorted.length * at)] ?? 0;

/** Requests per second and their times in ms, over kept connections, one request at a time on each. */
async function load(port: number, seconds: number): Promise<{ perSecond: number; p50: number; p99: number }> {
  const request = Buffer.from('GET /api/hello HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const socket = connect(port, '127.0.0.1');
      let sent = 0;
      const next = () => {
        sent = performance.now();
        socket.write(request);
      };
      socket.setNoDelay();
      socket.on('connect', next).on('error', reject);
      socket.on('data', (chunk) => {
        if (!chunk.subarray(-5).equals(HELLO)) return;
        times.push(performance.now() - sent);
        if (performance.now() < end) next();
        else resolve(void socket.destroy());
      });
      return promise;
    }),
  );
  times.sort((a, b) => a - b);
  return { perSecond: times.length / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}
const HELLO = Buffer.from('hello');

/** From the start to the status that says it is over, asked for without a pause between. */
async function sixByPolling({ port, key }: Started, count: number): Promise<number[]> {
  const base = `http://127.0.0.1:${port}/runtime/webhooks/durabletask`;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    await (
      await fetch(`${base}/orchestrators/six/i${i}?code=${key}`, { method: 'POST', body: '{}' })
    ).arrayBuffer();
    for (;;) {
      const answer = await fetch(`${base}/instances/i${i}?code=${key}`);
      await answer.arrayBuffer();
      if (answer.status === 200) break;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    times.push(performance.now() - before);
  }
  return times.toSorted((a, b) => a - b);
}

function rssMiB(child: ChildProcess): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

const simple = await start(HTTP, 3);
const atRest = process.platform === 'linux' ? rssMiB(simple.child) : Number.NaN;
await load(simple.port, 2);
const http = await load(simple.port, Number(values.seconds));
await simple.stop();
const durable = await start(DURABLE, 3);
const durableAtRest = process.platform === 'linux' ? rssMiB(durable.child) : Number.NaN;
await sixByPolling(durable, 30).catch(() => []);
await durable.stop();
const measured = await start(DURABLE);
const six = await sixByPolling(measured, 200);
await measured.stop();

const rows = [
  ['HTTP function, 32 connections, requests/s', http.perSecond, 8_000, 'at least'],
  ['HTTP function, 32 connections, p50 ms', http.p50, undefined, ''],
  ['HTTP function, 32 connections, p99 ms', http.p99, 15, 'at most'],
  ['six activities in a row seen by polling, p50 ms', quantile(six.slice(0), 0.5), 20, 'at most'],
  ['six activities in a row seen by polling, p99 ms', quantile(six, 0.99), undefined, ''],
  ['start of the host to the first 200, ms (best of 3)', simple.ms, 600, 'at most'],
  ['start with Durable to the first 200, ms (best of 3)', durable.ms, undefined, ''],
  ['RSS at rest, an HTTP function, MiB', atRest, undefined, ''],
  ['RSS at rest, with Durable, MiB', durableAtRest, undefined, ''],
] as const;
process.stdout.write(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}\n`);
for (const [what, value, goal, kind] of rows) {
  const isMet =
    goal === undefined ? '' : (kind === 'at least' ? value >= goal : value <= goal) ? 'met' : 'not met';
  process.stdout.write(
    `${what.padEnd(55)} ${value.toFixed(1).padStart(9)}  ${goal === undefined ? '' : `${kind} ${goal}: ${isMet}`}\n`,
  );
}
