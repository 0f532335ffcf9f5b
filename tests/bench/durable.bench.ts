/**
 * Orchestrations with six activities in a row on a durable store: throughput, and the time of one alone.
 * Not measured: HTTP, functions that do any work, more than one process. `node tests/bench/durable.bench.ts [--count N] [--at-once N]`
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { openHub } from '../../local/durable/harness.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '2000' }, 'at-once': { type: 'string', default: '200' } },
});
const EPISODES = 7;
const PATIENCE_MS = 120_000;

await using hub = await openHub(undefined, { settings: { maxConcurrentActivityFunctions: 100 } });

/** Starts it and waits for its end by asking between turns of the event loop. */
async function run(id: string, everyMs: number): Promise<void> {
  await hub.start('six', id);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const { status } = await hub.call('GET', `/instances/${id}`);
    if (status === 200) return;
    if (Date.now() > end) throw new Error(`${id} did not end`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

for (let i = 0; i < 200; i++) await run(`warm${i}`, 1);

const alone: number[] = [];
for (let i = 0; i < 200; i++) {
  const before = performance.now();
  await run(`alone${i}`, 1);
  alone.push(performance.now() - before);
}
alone.sort((a, b) => a - b);
const at = (quantile: number) => alone[Math.floor(alone.length * quantile)] ?? 0;

const count = Number(values.count);
let next = 0;
const started = performance.now();
await Promise.all(
  Array.from({ length: Number(values['at-once']) }, async () => {
    while (next < count) await run(`many${next++}`, 50);
  }),
);
const seconds = (performance.now() - started) / 1000;

process.stdout.write(
  `${JSON.stringify({
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    orchestrationsPerSecond: Math.round(count / seconds),
    aloneMs: { p50: at(0.5).toFixed(1), p99: at(0.99).toFixed(1) },
    perEpisodeMsP50: (at(0.5) / EPISODES).toFixed(2),
  })}\n`,
);
