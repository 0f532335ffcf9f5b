/**
 * Orchestrations with six activities in a row on a durable store: throughput, and the time of one alone.
 * Not measured: HTTP, functions that do any work, more than one process. `node tests/bench/durable.bench.ts [--count N] [--at-once N] [--alone N]`
 */
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { openHub } from '../support/durable-hub.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '6000' },
    'at-once': { type: 'string', default: '200' },
    alone: { type: 'string', default: '200' },
  },
});
const EPISODES = 7;
/** Asking costs the engine time too: seldom enough that it is not what is measured. */
const POLL_MS = 125;
const PATIENCE_MS = 120_000;
/** Orchestrations beside each other before it is measured: until what they run is compiled. */
const WARM_UP = 1_000;

await using hub = await openHub(undefined, { settings: { maxConcurrentActivityFunctions: 100 } });

/** Starts it and waits for its end by asking between turns of the event loop. */
async function run(id: string, everyMs: number): Promise<void> {
  await hub.start('six', id);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const { status } = await hub.call('GET', `/instances/${id}`);
    if (status === 200) return;
    if (Date.now() > end) throw new Error(`${id} did not end`);
  }
}

for (let i = 0; i < Number(values.alone); i++) await run(`warm${i}`, 1);

const alone: number[] = [];
for (let i = 0; i < Number(values.alone); i++) {
  const before = performance.now();
  await run(`alone${i}`, 1);
  alone.push(performance.now() - before);
}
alone.sort((a, b) => a - b);
const at = (quantile: number) => alone[Math.floor(alone.length * quantile)] ?? 0;

const count = Number(values.count);
let next = 0;

/** Until that many have begun; resolves when they have ended. */
const upTo = (last: number) =>
  Promise.all(
    Array.from({ length: Number(values['at-once']) }, async () => {
      while (next < last) await run(`many${next++}`, POLL_MS);
    }),
  );
await upTo(WARM_UP);
const started = performance.now();
const cpuBefore = process.cpuUsage();
await upTo(WARM_UP + count);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);

const { version } = createRequire(import.meta.url)('durable-functions/package.json') as { version: string };
const rows = [
  ['orchestrations with 6 activities, per second', count / seconds, 900, 'at least'],
  ['processor time of one of them, its start and its polls included, ms', (user + system) / 1000 / count],
  ['one at a time: from start to end, p50 ms', at(0.5)],
  ['one at a time: from start to end, p99 ms', at(0.99)],
  ['one at a time: an episode, p50 ms', at(0.5) / EPISODES, 2, 'at most'],
] as const;
process.stdout.write(
  `node ${process.version}, durable-functions ${version}, ${cpus().length} × ${cpus()[0]?.model}\n`,
);
for (const [what, value, goal, kind] of rows) {
  const isMet =
    goal === undefined ? '' : (kind === 'at least' ? value >= goal : value <= goal) ? 'met' : 'not met';
  process.stdout.write(
    `${what.padEnd(82)} ${value.toFixed(2).padStart(8)}  ${goal === undefined ? '' : `${kind} ${goal}: ${isMet}`}\n`,
  );
}
