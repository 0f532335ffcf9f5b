/**
 * How fast the local Cosmos server is, as one client of Microsoft's SDK sees it: `node tests/bench/cosmos.bench.ts [--seconds N]`.
 * Server and client are two processes on one machine; every write is on disk before its answer.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Container, CosmosClient } from '@azure/cosmos';
import { EMULATOR_KEY } from '../../cosmos/auth.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    parallel: { type: 'string', default: '16' },
    only: { type: 'string' },
  },
});
const SECONDS = Number(values.seconds);
const PARALLEL = Number(values.parallel);
const WARM_UP_SECONDS = 1.5;
const KILOBYTE = 'x'.repeat(850);
const KNOWN_ITEMS = 1_000;
const PARTITION_SIZE = 100;
const REST_MS = 2_000;

interface Measure {
  readonly name: string;
  /** Per second. */
  readonly goal: number;
  readonly run: (container: Container, n: number) => Promise<unknown>;
}

const expectStatus = (found: number | undefined, wanted: readonly number[]) => {
  if (found === undefined || !wanted.includes(found)) throw new Error(`answered ${found}`);
};

const MEASURES: readonly Measure[] = [
  {
    name: 'point read, 1 KB',
    goal: 2_500,
    run: async (container, n) =>
      expectStatus(
        (await container.item(`known${n % KNOWN_ITEMS}`, `k${n % KNOWN_ITEMS}`).read()).statusCode,
        [200],
      ),
  },
  {
    name: 'upsert, 1 KB',
    goal: 2_000,
    run: async (container, n) => {
      const item = { id: `u${n % 5_000}`, pk: `u${n % 500}`, n, text: KILOBYTE };
      expectStatus((await container.items.upsert(item)).statusCode, [200, 201]);
    },
  },
  {
    name: 'create, 1 KB',
    goal: 2_000,
    run: async (container, n) =>
      expectStatus(
        (await container.items.create({ id: `c${process.pid}-${n}`, pk: `c${n % 500}`, text: KILOBYTE }))
          .statusCode,
        [201],
      ),
  },
  {
    name: 'batch of 3',
    goal: 1_200,
    run: async (container, n) => {
      const pk = `b${n}`;
      const { code } = await container.items.batch(
        ['state', 'event', 'key'].map((id) => ({
          operationType: 'Upsert' as const,
          resourceBody: { id, pk, n },
        })),
        pk,
      );
      expectStatus(code, [200]);
    },
  },
  {
    name: 'patch with condition',
    goal: 1_500,
    run: async (container, n) => {
      const id = `known${n % KNOWN_ITEMS}`;
      const operations = [{ op: 'set' as const, path: '/n', value: n }];
      const { statusCode } = await container
        .item(id, `k${n % KNOWN_ITEMS}`)
        .patch({ condition: 'FROM c WHERE c.n >= 0', operations });
      expectStatus(statusCode, [200]);
    },
  },
  {
    name: 'query of a partition, 100 x 1 KB',
    goal: 500,
    run: async (container) => {
      const { resources } = await container.items
        .query('SELECT * FROM c', { partitionKey: 'full' })
        .fetchAll();
      if (resources.length !== PARTITION_SIZE) throw new Error(`${resources.length} rows`);
    },
  },
  {
    name: 'query with filter and ORDER BY, 10 of 100',
    goal: 800,
    run: async (container, n) => {
      const { resources } = await container.items
        .query(
          {
            query: 'SELECT c.id, c.n FROM c WHERE c["group"] = @group ORDER BY c.n DESC',
            parameters: [{ name: '@group', value: n % 10 }],
          },
          { partitionKey: 'full' },
        )
        .fetchAll();
      if (resources.length !== PARTITION_SIZE / 10) throw new Error(`${resources.length} rows`);
    },
  },
];

let counter = 0;
const folder = mkdtempSync(join(tmpdir(), 'cosmos-bench-'));
const entry = resolve(import.meta.dirname, '../../cosmos/main.ts');
const server = fork(entry, ['--port', '0', '--data', folder], {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
try {
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const client = new CosmosClient({
    endpoint: `http://127.0.0.1:${port}/`,
    key: EMULATOR_KEY,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const container = await prepare(client);
  const rows: Record<string, string | number>[] = [];
  const wanted = MEASURES.filter(({ name }) => !values.only || name.includes(values.only));
  // All of them once, else the first would be measured while both processes still compile what all need.
  for (const measure of wanted) await loop(container, measure, WARM_UP_SECONDS);
  for (const measure of wanted) {
    await loop(container, measure, WARM_UP_SECONDS);
    rows.push(await loop(container, measure, SECONDS));
  }
  process.stdout.write(`${machine()}\n`);
  process.stdout.write(
    `${PARALLEL} calls at a time, one SDK client, server in a process of its own, http on loopback\n`,
  );
  console.table(rows);
  await new Promise((done) => setTimeout(done, REST_MS));
  process.stdout.write(`memory of the server after it: ${residentMegabytes(server.pid)} MB RSS\n`);
  process.stdout.write(
    'Not measured: TLS, tokens, several clients, cold start, disks whose fsync is slower than this one.\n',
  );
  client.dispose();
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
}

async function prepare(client: CosmosClient): Promise<Container> {
  const { database } = await client.databases.createIfNotExists({ id: 'bench' });
  const { container } = await database.containers.createIfNotExists({
    id: 'items',
    partitionKey: { paths: ['/pk'] },
  });
  for (let n = 0; n < KNOWN_ITEMS; n += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        container.items.upsert({ id: `known${n + at}`, pk: `k${n + at}`, n: 0, text: KILOBYTE }),
      ),
    );
  await Promise.all(
    Array.from({ length: PARTITION_SIZE }, (_, n) =>
      container.items.upsert({ id: `full${n}`, pk: 'full', n, group: n % 10, text: KILOBYTE }),
    ),
  );
  return container;
}

async function loop(container: Container, { name, goal, run }: Measure, seconds: number) {
  const times: number[] = [];
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (performance.now() < until) {
        const before = performance.now();
        await run(container, counter++);
        times.push(performance.now() - before);
      }
    }),
  );
  const perSecond = times.length / ((performance.now() - started) / 1000);
  times.sort((a, b) => a - b);
  const percentile = (p: number) => (times[Math.floor(times.length * p)] ?? 0).toFixed(1);
  return {
    what: name,
    'per second': Math.round(perSecond),
    goal,
    'p50 ms': percentile(0.5),
    'p99 ms': percentile(0.99),
    met: perSecond >= goal ? 'yes' : 'NO',
  };
}

function machine(): string {
  const require = createRequire(import.meta.url);
  const { version } = require('@azure/cosmos/package.json') as { version: string };
  const gigabytes = (totalmem() / 1024 ** 3).toFixed(0);
  return `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${gigabytes} GB; Node ${process.version}, @azure/cosmos ${version}`;
}

function residentMegabytes(pid: number | undefined): string {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kilobytes) / 1024).toFixed(0);
  } catch {
    return 'unknown';
  }
}
