/**
 * `npm run chaos -- [--minutes 10] [--seed N] [--drones 12] [--record]`: load on the whole system while its parts are killed and frozen and
 * its servers made to fail, at random from a seed. At the end everything must have ended, and I0 to I9 hold. `--record` adds the result
 * to docs/results.md.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cancelRequest, rescheduleRequest, submitRequest } from '../../shared/contracts/routes.gen.ts';
import { CONTAINERS } from '../../shared/cosmos/containers.ts';
import { HUBS } from '../../shared/messaging/hubs.ts';
import { customer, REQUEST } from '../harness/customer.ts';
import type { ClientAnswer } from '../harness/evidence.ts';
import { lastingBreaches } from '../harness/invariants.ts';
import { pause, startPlatform, until } from '../harness/platform.ts';
import { createRandom, seedOf } from '../harness/random.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    drones: { type: 'string', default: '12' },
    record: { type: 'boolean', default: false },
  },
});
if (values.seed) process.env['SEED'] = values.seed;
const seed = seedOf('chaos');
const [faults, load] = [createRandom(seed), createRandom(seed + 1)];
const PARTS = ['event-hubs', 'cosmos', 'support', 'functions', 'tracking', 'simulator'];
const RESULTS = join(import.meta.dirname, '../../docs/results.md');
const SPEED = 30;
/** Between two trials, ms: a part may rest for a minute after five deaths in a minute, so they are further apart than that allows. */
const CALM_MS = [5_000, 20_000] as const;
const LOAD_MS = [500, 3_000] as const;
const FREEZE_MS = [2_000, 20_000] as const;
const END_MS = 600_000;
const ADDRESSES = ['200 Market Street', '305 Garden Avenue', '500 Kestrel Avenue', '388 Orchard Avenue'];

const between = (random: typeof faults, [least, most]: readonly [number, number]) =>
  least + random() * (most - least);
const platform = await startPlatform({ speed: SPEED, drones: Number(values.drones) });
const { control } = platform.endpoints;
const alice = customer(platform.endpoints);
const trials = new Map<string, number>();
const answers: ClientAnswer[] = [];
const refused = new Map<number, number>();
const end = Date.now() + Number(values.minutes) * 60_000;
const isRunning = () => Date.now() < end;

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);
}

/** A trial that fails to be made (the part is just being started again) is none. */
async function tryOut(name: string, trial: () => Promise<unknown>): Promise<void> {
  say(name);
  try {
    await trial();
    const kind = name.split(':')[0] as string;
    trials.set(kind, (trials.get(kind) ?? 0) + 1);
  } catch (error) {
    say(`  not made: ${(error as Error).message}`);
  }
}

async function command(origin: string, method: string, path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: { 'x-local-control': '1', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

const count = () => 1 + faults.below(20);
const MEASURES: readonly (() => Promise<void>)[] = [
  () => {
    const part = faults.pick(PARTS);
    return tryOut(`kill: ${part}`, () => platform.kill(part));
  },
  () => {
    const [part, ms] = [faults.pick(PARTS), Math.round(between(faults, FREEZE_MS))];
    return tryOut(`freeze: ${part} for ${ms} ms`, () => platform.freeze(part, ms));
  },
  () => {
    const kind = faults.pick(['throttle', 'unavailable', 'retryWith', 'timeout', 'delay', 'drop'] as const);
    const container = faults.pick(Object.keys(CONTAINERS));
    const fault = { kind, container, count: count(), ...(kind === 'delay' ? { delayMs: 2_000 } : {}) };
    return tryOut(`Cosmos DB fault: ${kind} in ${container}, ${fault.count} times`, () =>
      command(control.cosmos, 'POST', '/faults', fault),
    );
  },
  () => {
    const kind = faults.pick(['reject', 'dropAck', 'delay', 'refuse', 'pause'] as const);
    const hub = faults.pick(Object.keys(HUBS));
    const fault = { kind, hub, count: count(), ...(kind === 'delay' ? { delayMs: 2_000 } : {}) };
    return tryOut(`Event Hubs fault: ${kind} on ${hub}, ${fault.count} times`, async () => {
      await command(control.eventHubs, 'POST', '/faults', fault);
      await pause(between(faults, CALM_MS));
      await command(control.eventHubs, 'DELETE', '/faults');
    });
  },
  () =>
    tryOut('Event Hubs fault: every connection is cut', () => command(control.eventHubs, 'POST', '/drop')),
];

async function makeTrouble(): Promise<void> {
  while (isRunning()) {
    await pause(between(faults, CALM_MS));
    await faults.pick(MEASURES)();
  }
}

/** A client that does what a client should: it repeats what was not answered, with the same key. */
async function submitUntilTaken(idempotencyKey: string, body: typeof REQUEST): Promise<string> {
  for (;;) {
    const answer = await alice
      .call(submitRequest, { body, headers: { 'idempotency-key': idempotencyKey } })
      .catch(() => undefined);
    if (answer?.ok) {
      const { deliveryId } = answer.body;
      answers.push({ idempotencyKey, deliveryId });
      return deliveryId;
    }
    const status = answer?.status ?? 0;
    refused.set(status, (refused.get(status) ?? 0) + 1);
    if (status >= 400 && status < 500 && status !== 429) throw new Error(`a request was answered ${status}`);
    await pause(1_000);
  }
}

async function makeLoad(): Promise<void> {
  const open: Promise<void>[] = [];
  for (let n = 0; isRunning(); n += 1) {
    const body = {
      ...REQUEST,
      pickupLocation: load.pick(ADDRESSES),
      packageInfo:
        load() < 0.15 ? { size: 'Large' as const, weight: 20 } : { size: 'Small' as const, weight: 1 },
    };
    const change = load();
    open.push(
      submitUntilTaken(`chaos-${seed}-${n}`, body).then(async (deliveryId) => {
        await pause(between(load, [0, 15_000]));
        if (change < 0.15) await alice.call(cancelRequest, { params: { deliveryId } }).catch(() => undefined);
        else if (change < 0.25) {
          const change = { dropOffLocation: '450 Chestnut Street' };
          await alice
            .call(rescheduleRequest, { params: { deliveryId }, body: change })
            .catch(() => undefined);
        }
      }),
    );
    await pause(between(load, LOAD_MS));
  }
  await Promise.all(open);
}

const gitText = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();

await Promise.all([makeTrouble(), makeLoad()]);
say('no more trouble: what is under way may end');
for (const origin of [control.eventHubs, control.cosmos])
  await until(
    () =>
      command(origin, 'DELETE', '/faults').then(
        () => true as const,
        () => undefined,
      ),
    'no faults',
  );
const outcomes = new Map<string, number>();
const ids = [...new Set(answers.map(({ deliveryId }) => deliveryId))];
for (const deliveryId of ids) {
  const { outcome } = await alice.ended(deliveryId, END_MS);
  outcomes.set(outcome?.kind ?? 'none', (outcomes.get(outcome?.kind ?? 'none') ?? 0) + 1);
}
const atLeast = { requests: ids.length, workflows: ids.length, completed: 1, drones: Number(values.drones) };
const breaches = await lastingBreaches(platform.endpoints, { atLeast, answers, ms: END_MS });
await platform.stop();

const list = (counts: ReadonlyMap<unknown, number>) =>
  [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
const commit = gitText('rev-parse', '--short', 'HEAD');
const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB`;
const line =
  `| ${new Date().toISOString().slice(0, 10)} | ${commit} | ${machine} | ${values.minutes} minutes, seed ${seed} | ` +
  `${list(trials)} | ${ids.length} deliveries: ${list(outcomes)} | ${breaches.length} |\n`;
process.stdout.write(line);
for (const breach of breaches) process.stdout.write(`  ${breach}\n`);
if (values.record) appendFileSync(RESULTS, line);
process.exitCode = breaches.length === 0 ? 0 : 1;
