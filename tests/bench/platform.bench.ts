/**
 * The whole system as `npm start` brings it up: time to ready, latency of the 202, time from the request to its reservation
 * committed in Cosmos DB, memory of each process. `node tests/bench/platform.bench.ts [--starts N] [--requests N] [--rest SECONDS]`
 *
 * The customer is this process, one request at a time, on one kept connection through the gateway. Readiness is the moment
 * at which endpoints.json is there. A reservation is seen by polling its document, so its figure is up to
 * one read (about 2 ms) too long. Not measured: npm itself, TLS, many customers at once, other machines.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { CosmosClient } from '@azure/cosmos';
import type { Endpoints } from '../../platform/endpoints.ts';
import { cancelRequest } from '../../shared/contracts/routes.gen.ts';
import { customer } from '../harness/customer.ts';
import { pause, startPlatform, type TestPlatform } from '../harness/platform.ts';

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '5' },
    requests: { type: 'string', default: '60' },
    rest: { type: 'string', default: '60' },
  },
});
const DRONES = 12;
const WARM_UP = 20;

function row(what: string, times: readonly number[], unit: string, goal: string): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
  process.stdout.write(
    `| ${what} | ${at(0.5)} ${unit} | ${at(0.95)} ${unit} | ${at(1)} ${unit} | ${goal} | ${times.length} |\n`,
  );
}

/** A fresh folder each time, as after a first clone; the build is done. */
async function timesToReady(): Promise<number[]> {
  const times: number[] = [];
  for (let start = 0; start < Number(values.starts); start += 1) {
    const begin = performance.now();
    await using platform = await startPlatform({ speed: 1, drones: DRONES });
    times.push((performance.now() - begin) / 1000);
    void platform;
  }
  return times;
}

async function requests({ endpoints }: TestPlatform): Promise<{ accepted: number[]; reserved: number[] }> {
  const alice = customer(endpoints);
  const client = new CosmosClient({ endpoint: endpoints.cosmos.endpoint, key: endpoints.cosmos.key });
  const jobs = client.database(endpoints.cosmos.database).container('droneDeliveries');
  const accepted: number[] = [];
  const reserved: number[] = [];
  for (let number = 0; number < Number(values.requests) + WARM_UP; number += 1) {
    const begin = performance.now();
    const deliveryId = await alice.submit();
    const answered = performance.now() - begin;
    for (;;) {
      const { resource } = await jobs.item('job', deliveryId).read<{ status: string }>();
      if (resource && resource.status !== 'Intended') break;
      if (performance.now() - begin > 30_000) throw new Error(`${deliveryId} was never reserved`);
    }
    const held = performance.now() - begin;
    if (number >= WARM_UP) {
      accepted.push(answered);
      reserved.push(held);
    }
    await alice.call(cancelRequest, { params: { deliveryId } });
    await alice.ended(deliveryId);
  }
  return { accepted, reserved };
}

/** MiB by process, from the kernel. */
function memory({ parts }: Endpoints, platform: TestPlatform): [string, number][] {
  const rss = (pid: number | undefined) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  return [
    ['npm start itself', rss(platform.pid)],
    ...Object.entries(parts).map(([name, { pid }]) => [name, rss(pid)] as [string, number]),
  ];
}

const dataDir = await mkdtemp(join(tmpdir(), 'platform-bench-'));
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${DRONES} drones, speed 1\n\n| What | p50 | p95 | most | goal | runs |\n|---|---|---|---|---|---|\n`,
);
row('`npm start` to ready, new data folder', await timesToReady(), 's', '≤ 10 s, better 5 s');
const platform = await startPlatform({ speed: 1, drones: DRONES, dataDir });
try {
  await pause(Number(values.rest) * 1000);
  const sizes = memory(platform.endpoints, platform);
  const { accepted, reserved } = await requests(platform);
  row('202 of `POST /api/deliveryrequests`', accepted, 'ms', 'p50 ≤ 10 ms');
  row('request to reservation committed', reserved, 'ms', 'p50 ≤ 150 ms');
  process.stdout.write(`\n| RSS ${values.rest} s after ready | MiB |\n|---|---|\n`);
  for (const [name, size] of sizes) process.stdout.write(`| ${name} | ${size.toFixed(0)} |\n`);
  const all = sizes.reduce((sum, [, size]) => sum + size, 0);
  process.stdout.write(`| all (goal ≤ 700) | ${all.toFixed(0)} |\n`);
} finally {
  await platform.stop();
  await rm(dataDir, { recursive: true, force: true });
}
