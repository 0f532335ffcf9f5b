/**
 * What the system costs while nobody orders anything: Cosmos DB requests by container and operation, and the processor
 * time of each process. `node tests/bench/idle.bench.ts [--drones 12,300] [--seconds 60] [--settle 20]`
 *
 * Requests are counted by the local Cosmos DB server, processor time (user and system) by the kernel. Query plans, which the
 * SDK asks for beside a query, count as `metadata`. Not measured: Azure, where the host polls its change feeds.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { CONTROL_HEADERS } from 'azure-local/control';
import { pause, startPlatform, type TestPlatform } from '../harness/platform.ts';

const { values } = parseArgs({
  options: {
    drones: { type: 'string', default: '12,300' },
    seconds: { type: 'string', default: '60' },
    settle: { type: 'string', default: '20' },
  },
});
const seconds = Number(values.seconds);
/** Clock ticks of /proc per second: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const TICKS = 100;

type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, speed 1\n`);
for (const drones of values.drones.split(',').map(Number)) await measure(drones);

async function measure(drones: number): Promise<void> {
  const begun = performance.now();
  await using platform = await startPlatform({ speed: 1, drones, readyMs: 600_000 });
  const readyAfter = (performance.now() - begun) / 1000;
  await pause(Number(values.settle) * 1000);
  const before = { requests: await requests(platform), times: processorTimes(platform) };
  await pause(seconds * 1000);
  const after = { requests: await requests(platform), times: processorTimes(platform) };
  const rows = rates(before.requests, after.requests);
  const shares = [...after.times].map(
    ([name, time]) => [name, ((time - (before.times.get(name) ?? 0)) / seconds) * 100] as const,
  );
  const sum = (list: readonly (readonly [string, number])[]) => list.reduce((all, [, each]) => all + each, 0);
  process.stdout.write(
    `\n${drones} drones, ready after ${readyAfter.toFixed(1)} s, idle for ${seconds} s\n\n`,
  );
  table(['Cosmos DB', 'requests/s'], [...rows, ['all', sum(rows)]], 2);
  table(['Process', '% of a core'], [...shares, ['all', sum(shares)]], 1);
}

async function requests({ endpoints }: TestPlatform): Promise<Counts> {
  const response = await fetch(`${endpoints.control.cosmos}/requests`, { headers: CONTROL_HEADERS });
  return (await response.json()) as Counts;
}

/** The most frequent first. */
function rates(before: Counts, after: Counts): [string, number][] {
  return Object.entries(after)
    .flatMap(([container, operations]) =>
      Object.entries(operations).map(([operation, count]): [string, number] => [
        `${container || 'account'} ${operation}`,
        (count - (before[container]?.[operation] ?? 0)) / seconds,
      ]),
    )
    .filter(([, rate]) => rate > 0)
    .toSorted(([, a], [, b]) => b - a);
}

/** Seconds of processor time by process. */
function processorTimes({ endpoints, pid }: TestPlatform): Map<string, number> {
  const timeOf = (id: number | undefined) => {
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  };
  return new Map([
    ['npm start itself', timeOf(pid)],
    ...Object.entries(endpoints.parts).map(([name, part]) => [name, timeOf(part.pid)] as const),
  ]);
}

function table(
  head: readonly [string, string],
  rows: readonly (readonly [string, number])[],
  digits: number,
): void {
  const lines = rows.map(([name, value]) => `| ${name} | ${value.toFixed(digits)} |\n`);
  process.stdout.write(`| ${head.join(' | ')} |\n|---|---|\n${lines.join('')}\n`);
}
