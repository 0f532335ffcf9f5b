/**
 * The whole system under open-loop load: time to the 202, from the 202 to the delivery document, errors, CPU time per
 * delivery of each process, memory.
 * `npm run bench:pipeline -- [--rates 5,20,50,100] [--seconds 10] [--drones N] [--by drone|carrier] [--plot FILE]`
 *
 * Requests are sent at their scheduled times, regardless of earlier ones, and each time counts from its schedule. A
 * document was created at its `createdAt`: the services' clock is this machine's. CPU time is that of the whole run from the
 * first request to the last creation, so what idle processes do is in it. Each rate begins where the one before ended: its
 * deliveries are on their way. The client shares the machine's cores. Not measured: TLS, a network, Azure.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { CosmosClient } from '@azure/cosmos';
import { OPERATOR } from '../../platform/demo.ts';
import { patchAccount } from '../../shared/contracts/routes.gen.ts';
import { createApiClient } from '../../shared/http/api-client.ts';
import { customer, REQUEST } from '../harness/customer.ts';
import { pause, startPlatform, type TestPlatform } from '../harness/platform.ts';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '5,20,50,100' },
    seconds: { type: 'string', default: '10' },
    drones: { type: 'string', default: '12' },
    by: { type: 'string', default: 'carrier' },
    plot: { type: 'string' },
  },
});
const SECONDS = Number(values.seconds);
/** What no drone can lift, a carrier takes. */
const PACKAGE = { size: 'Small', weight: values.by === 'carrier' ? 20 : 1.2 } as const;
/** Deliveries that are not created within this time after the last request are counted as missing, ms. */
const PATIENCE_MS = 30_000;
const WARM_UP = 100;
/** Of `/proc/PID/stat`: clock ticks of 10 ms. */
const TICK_MS = 10;

interface Submission {
  readonly deliveryId: string;
  /** ms since 1970. */
  readonly answeredAt: number;
  /** From the scheduled time, ms. */
  readonly waited: number;
}

interface Round {
  readonly rate: number;
  readonly accepted: readonly number[];
  readonly created: readonly number[];
  readonly errors: number;
  readonly missing: number;
  /** ms per delivery, by process. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly megabytes: number;
}

await using platform = await startPlatform({
  speed: 1,
  drones: Number(values.drones),
  env: { LIMIT_REQUESTS_PER_PRINCIPAL: '1000000', LIMIT_REQUESTS_PER_ADDRESS: '1000000', LOG_LEVEL: 'warn' },
});
const { endpoints } = platform;
const alice = customer(endpoints);
const operator = createApiClient({ origin: endpoints.gateway, token: () => endpoints.tokens[OPERATOR] });
const quota = await operator(patchAccount, {
  params: { accountId: REQUEST.ownerId },
  body: { quota: 100_000 },
});
if (!quota.ok) throw new Error(`the quota was not raised: ${JSON.stringify(quota.body)}`);
const deliveries = new CosmosClient({ endpoint: endpoints.cosmos.endpoint, key: endpoints.cosmos.key })
  .database(endpoints.cosmos.database)
  .container('deliveries');

await load(20, WARM_UP);
await pause(PATIENCE_MS / 5);
const rounds: Round[] = [];
for (const rate of values.rates.split(',').map(Number)) rounds.push(await round(rate));
process.stdout.write(report(rounds));
if (values.plot) writeFileSync(values.plot, plot(rounds));

async function round(rate: number): Promise<Round> {
  const before = cpuOf(platform);
  const { submissions, errors } = await load(rate, rate * SECONDS);
  const createdAt = await creations(submissions);
  const after = cpuOf(platform);
  const count = submissions.length;
  return {
    rate,
    accepted: submissions.map(({ waited }) => waited),
    created: submissions.flatMap(({ deliveryId, answeredAt }) => {
      const at = createdAt.get(deliveryId);
      return at === undefined ? [] : [Math.max(0, at - answeredAt)];
    }),
    errors,
    missing: submissions.filter(({ deliveryId }) => !createdAt.has(deliveryId)).length,
    cpu: Object.fromEntries(
      [...after].map(([name, ms]) => [name, (ms - (before.get(name) ?? 0)) / Math.max(1, count)]),
    ),
    megabytes: [...pidsOf(platform).values()].reduce((sum, pid) => sum + megabytesOf(pid), 0),
  };
}

/** Open loop: `count` requests, evenly spread. */
async function load(rate: number, count: number): Promise<{ submissions: Submission[]; errors: number }> {
  const begin = performance.now();
  let errors = 0;
  const sent: Promise<Submission | undefined>[] = [];
  for (let number = 0; number < count; number++) {
    const due = begin + (number * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 1) await pause(wait);
    sent.push(
      alice.submit({ packageInfo: PACKAGE }).then(
        (deliveryId) => ({ deliveryId, answeredAt: Date.now(), waited: performance.now() - due }),
        () => {
          errors += 1;
          return undefined;
        },
      ),
    );
  }
  return { submissions: (await Promise.all(sent)).filter((one) => one !== undefined), errors };
}

/** When each delivery was created, ms since 1970. */
async function creations(submissions: readonly Submission[]): Promise<Map<string, number>> {
  const oldest = Math.min(...submissions.map(({ answeredAt, waited }) => answeredAt - waited)) - 1_000;
  const end = Date.now() + PATIENCE_MS;
  const query = {
    query: "SELECT c.deliveryId, c.createdAt FROM c WHERE c.type = 'delivery' AND c.createdAt > @oldest",
    parameters: [{ name: '@oldest', value: new Date(oldest).toISOString() }],
  };
  for (;;) {
    const found = await deliveries.items.query<{ deliveryId: string; createdAt: string }>(query).fetchAll();
    const times = new Map(found.resources.map((one) => [one.deliveryId, Date.parse(one.createdAt)]));
    if (submissions.every(({ deliveryId }) => times.has(deliveryId)) || Date.now() > end) return times;
    await pause(250);
  }
}

function pidsOf({ endpoints: { parts }, pid }: TestPlatform): Map<string, number> {
  const all = [
    ['npm start', pid] as const,
    ...Object.entries(parts).map(([name, part]) => [name, part.pid] as const),
  ];
  return new Map(all.flatMap(([name, id]) => (id === undefined ? [] : [[name, id] as const])));
}

/** ms since its start, by process; this one included. */
function cpuOf(of: TestPlatform): Map<string, number> {
  const { user, system } = process.cpuUsage();
  const own = ['load generator', (user + system) / 1000] as const;
  const others = [...pidsOf(of)].map(([name, pid]) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return [name, (Number(fields[11]) + Number(fields[12])) * TICK_MS] as const;
  });
  return new Map([...others, own]);
}

function megabytesOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function report(all: readonly Round[]): string {
  const shown = (times: readonly number[]) =>
    [0.5, 0.99].map((share) => `${percentile(times, share).toFixed(0)} ms`).join(' / ');
  const parts = Object.keys(all[0]?.cpu ?? {});
  const lines = all.map((one) => {
    const system = Object.entries(one.cpu).filter(([name]) => name !== 'load generator');
    const sum = system.reduce((total, [, ms]) => total + ms, 0);
    const each = parts.map((name) => `${name} ${(one.cpu[name] ?? 0).toFixed(1)}`).join(', ');
    return `| ${one.rate}/s | ${shown(one.accepted)} | ${shown(one.created)} | ${one.errors} / ${one.missing} | ${sum.toFixed(1)} ms | ${each} | ${one.megabytes.toFixed(0)} |`;
  });
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${values.drones} drones, by ${values.by}, ${SECONDS} s a rate`,
    '',
    '| Rate | 202, p50 / p99 | 202 to created, p50 / p99 | errors / missing | CPU per delivery | of these (ms) | MiB PSS |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

/** Both latencies over the rate, as an SVG; the time's axis is logarithmic. */
function plot(all: readonly Round[]): string {
  const [width, height, left, bottom] = [640, 360, 60, 40];
  const [least, most] = [1, 100_000];
  const x = (index: number) => left + 30 + (index * (width - left - 60)) / Math.max(1, all.length - 1);
  const y = (ms: number) =>
    height -
    bottom -
    (Math.log10(Math.max(least, ms) / least) / Math.log10(most / least)) * (height - bottom - 20);
  const lines = [
    { name: '202, p50', colour: '#1f77b4', dash: '', of: ({ accepted }: Round) => percentile(accepted, 0.5) },
    {
      name: '202, p99',
      colour: '#1f77b4',
      dash: '5 4',
      of: ({ accepted }: Round) => percentile(accepted, 0.99),
    },
    {
      name: 'created, p50',
      colour: '#d62728',
      dash: '',
      of: ({ created }: Round) => percentile(created, 0.5),
    },
    {
      name: 'created, p99',
      colour: '#d62728',
      dash: '5 4',
      of: ({ created }: Round) => percentile(created, 0.99),
    },
  ];
  const drawn = lines.map(({ name, colour, dash, of }, index) => {
    const points = all.map((one, at) => `${x(at).toFixed(1)},${y(of(one)).toFixed(1)}`).join(' ');
    const stroke = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
    const [keyX, keyY] = [left + 20, 24 + index * 16];
    return `<polyline fill="none" ${stroke} points="${points}"/><line x1="${keyX}" y1="${keyY}" x2="${keyX + 28}" y2="${keyY}" ${stroke}/><text x="${keyX + 34}" y="${keyY + 4}">${name}</text>`;
  });
  const times = [1, 10, 100, 1_000, 10_000, 100_000].map(
    (ms) =>
      `<line x1="${left}" x2="${width - 20}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/><text x="${left - 6}" y="${y(ms) + 4}" text-anchor="end">${ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}</text>`,
  );
  const rates = all.map(
    ({ rate }, at) => `<text x="${x(at)}" y="${height - 18}" text-anchor="middle">${rate}/s</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12"><rect width="${width}" height="${height}" fill="#fff"/>${[...times, ...rates, ...drawn].join('')}</svg>\n`;
}
