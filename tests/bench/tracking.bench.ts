/**
 * What one tracking process takes in and pushes out, on loopback: `node tests/bench/tracking.bench.ts`.
 *
 * The server is tracking's own code with its real HTTP and WebSocket server, in this process; drones and watchers are in a
 * second process, which sends at a fixed rate (open loop) and measures from its own send to its own receipt. Not measured:
 * TLS, Event Hubs (records are counted, not sent), token verification (once per connection), a network.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createLog } from '../../shared/telemetry/log.ts';
import { createGuard } from '../../tracking/guard.ts';
import { createTrackingServer } from '../../tracking/http/server.ts';
import { createMetrics } from '../../tracking/metrics.ts';
import { readTrackingSettings } from '../../tracking/settings.ts';
import { createTracker } from '../../tracking/tracker.ts';
import { CUSTOMER, droneToken, verify } from '../../tracking/tracking.fixture.ts';
import { flyingSample, missionCommand, missionOf, stageEvent } from '../../tracking/world.fixture.ts';

interface Scenario {
  readonly name: string;
  readonly drones: number;
  readonly watchersEach: number;
  readonly samplesPerFrame: number;
  /** Samples per second, all drones. */
  readonly rate: number;
}

interface Result {
  readonly sent: number;
  readonly pushed: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  /** Longest that the generator itself was late, ms. */
  readonly lag: number;
}

const SECONDS = Number(process.env['BS'] ?? 1.5);
const SCENARIOS: readonly Scenario[] = [
  ...[10_000, 20_000, 40_000].map((rate) => ({
    name: 'one watcher each, a frame per sample',
    drones: 400,
    watchersEach: 1,
    samplesPerFrame: 1,
    rate,
  })),
  ...[80_000].map((rate) => ({
    name: 'no watchers, 10 samples a frame',
    drones: 400,
    watchersEach: 0,
    samplesPerFrame: 10,
    rate,
  })),
  ...[1_600].map((rate) => ({
    name: '50 watchers each',
    drones: 40,
    watchersEach: 50,
    samplesPerFrame: 1,
    rate,
  })),
];
const TICK_MS = 4;

if (process.send) await generate();
else await measure();

async function measure(): Promise<void> {
  const [cpu] = cpus();
  process.stdout.write(
    `${cpu?.model} × ${cpus().length}, Node ${process.version}; ${SECONDS} s each; loopback; no TLS, no Event Hubs\n`,
  );
  const [first] = SCENARIOS;
  if (first) await run(first, () => undefined);
  for (const scenario of SCENARIOS) await run(scenario, report);
}

/** The first run warms the compiler up and is not told. */
async function run(scenario: Scenario, tell: typeof report): Promise<void> {
  const metrics = createMetrics();
  const log = createLog({ name: 'bench', level: 'silent' });
  const guard = createGuard({ log, now: Date.now });
  let records = 0;
  const tracker = createTracker({
    settings: {
      TIME_SCALE: 1,
      TELEMETRY_RECORD_SECONDS: 2,
      TELEMETRY_PARKED_SECONDS: 10,
      LINK_LOST_SECONDS: 15,
      ARRIVAL_RADIUS: 100,
      RETAIN_ENDED_SECONDS: 600,
      LIMIT_FRAMES_PER_SECOND: 1_000_000,
    },
    publishEvents: async () => undefined,
    traces: { remember: () => undefined },
    publishTelemetry: async (batch) => {
      records += batch.length;
    },
    recordDeadLetter: async () => undefined,
    rebuilt: Promise.resolve(),
    metrics,
    guard,
    log,
    now: Date.now,
  });
  const server = createTrackingServer({
    settings: readTrackingSettings({
      IDENTITY_ISSUER: 'http://127.0.0.1/',
      TRACKING_AUDIENCE: 'api',
      API_ORIGIN: 'http://127.0.0.1/',
      EVENTHUBS: 'none',
      LIMIT_REQUESTS_PER_PRINCIPAL: '1000000',
      LIMIT_STREAMS_PER_PRINCIPAL: '1000000',
    }),
    tracker,
    verify,
    readiness: () => ({ rebuilt: true, notDraining: true, reading: true }),
    metrics,
    guard,
    log,
    now: Date.now,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const message = (body: unknown) => ({
    bytes: Buffer.from(JSON.stringify(body)),
    partition: '0',
    sequenceNumber: 0,
    properties: {},
  });
  for (let index = 0; index < scenario.drones; index += 1) {
    tracker.onDomainEvent(message(stageEvent(`d-${index}`, 'Created', 0)));
    tracker.onCommand(message(missionCommand(missionOf(`drone-${index}`, `d-${index}`))));
  }
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [], { execArgv: [] });
  child.send({ ...scenario, port: (server.address() as AddressInfo).port });
  await once(child, 'message');
  const [before, cpuBefore] = [performance.eventLoopUtilization(), process.cpuUsage()];
  const [result] = (await once(child, 'message')) as [Result];
  const { utilization } = performance.eventLoopUtilization(before);
  const used = process.cpuUsage(cpuBefore);
  const exited = once(child, 'exit');
  child.kill();
  await exited;
  await tracker[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
  tell(scenario, result, utilization, (used.user + used.system) / 1e6, records);
}

function report(
  { name, rate, watchersEach }: Scenario,
  { sent, pushed, p50, p99, lag }: Result,
  utilization: number,
  cpu: number,
  records: number,
): void {
  const expected = sent * watchersEach;
  const lost = expected - pushed;
  const mib = process.memoryUsage.rss() / 2 ** 20;
  process.stdout.write(
    [
      name.padEnd(38),
      `in ${Math.round(sent / SECONDS)}/s (asked ${rate})`.padEnd(28),
      watchersEach > 0 ? `out ${Math.round(pushed / SECONDS)}/s, not pushed ${lost}` : `records ${records}`,
      watchersEach > 0 ? `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(1)} ms` : '',
      `loop ${(utilization * 100).toFixed(0)} %, cpu ${((cpu * 1e6) / Math.max(1, sent + pushed)).toFixed(0)} µs a message, rss ${mib.toFixed(0)} MiB, generator late ≤ ${lag.toFixed(0)} ms`,
    ]
      .filter((part) => part !== '')
      .join(' | ')
      .concat('\n'),
  );
}

/** The second process: drones and watchers. A push carries its send time back in the heading. */
async function generate(): Promise<void> {
  const [scenario] = (await once(process, 'message')) as [Scenario & { port: number }];
  const { port, drones, watchersEach, samplesPerFrame, rate } = scenario;
  const latencies: number[] = [];
  let pushed = 0;
  const open = async (path: string, token: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    await once(socket, 'open');
    return socket;
  };
  const onPush = (data: Buffer) => {
    const text = data.toString('latin1');
    if (!text.startsWith('{"type":"position"')) return;
    pushed += 1;
    if (pushed % 8 !== 0) return;
    const start = text.indexOf('"heading":') + 10;
    latencies.push(performance.now() - Number(text.slice(start, text.indexOf(',', start))));
  };
  const openDrone = async (index: number) => {
    const watching = Array.from({ length: watchersEach }, () => open(`/track/d-${index}`, CUSTOMER));
    for (const watcher of await Promise.all(watching)) watcher.on('message', onPush);
    const socket = await open('/telemetry', droneToken(`drone-${index}`));
    socket.send(JSON.stringify({ type: 'hello', boot: 'b', newestFence: 9 }));
    return socket;
  };
  const sockets = await Promise.all(Array.from({ length: drones }, (_, index) => openDrone(index)));
  const parts = sockets.map((_socket, index) => {
    const sample = flyingSample(missionOf(`drone-${index}`, `d-${index}`), 1);
    return JSON.stringify({ ...sample, boot: 'b', seq: 'SEQ', time: 'TIME', heading: 'HEADING' }).split(
      /"SEQ"|TIME|"HEADING"/,
    );
  });
  const sequence = sockets.map(() => 0);
  let [next, sent, lag] = [0, 0, 0];
  const sendFrame = (time: string) => {
    const index = next % sockets.length;
    next += 1;
    const [a, b, c, d] = parts[index] as [string, string, string, string];
    let samples = '';
    for (let n = 0; n < samplesPerFrame; n += 1) {
      const seq = (sequence[index] = (sequence[index] ?? 0) + 1);
      samples += `${n > 0 ? ',' : ''}${a}${seq}${b}${time}${c}${performance.now()}${d}`;
    }
    sockets[index]?.send(`{"type":"telemetry","samples":[${samples}]}`);
    sent += samplesPerFrame;
  };
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.send?.({ type: 'started' });
  const startedAt = performance.now();
  let last = startedAt;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now();
      lag = Math.max(lag, now - last - TICK_MS);
      last = now;
      const due = Math.min(SECONDS, (now - startedAt) / 1000) * rate;
      const time = new Date().toISOString();
      while (sent < due) sendFrame(time);
      if (now - startedAt < SECONDS * 1000) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  const end = performance.now() + 1_000;
  while (pushed < sent * watchersEach && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  process.send?.({ sent, pushed, p50: at(0.5), p99: at(0.99), lag } satisfies Result);
}
