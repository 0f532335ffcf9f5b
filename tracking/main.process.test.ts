import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { FlightEvent } from '../shared/contracts/flight.ts';
import { type Issuer, startIssuer } from './issuer.fixture.ts';
import {
  type Broker,
  environmentOf,
  openDroneWith,
  startBroker,
  type TestDrone,
  until,
  watchSse,
} from './tracking.fixture.ts';
import {
  assignedEvent,
  flightEvent,
  flyingSample,
  missionCommand,
  missionOf,
  releasedEvent,
  stageEvent,
} from './world.fixture.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let broker: Broker;
let issuer: Issuer;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  [broker, issuer] = await Promise.all([startBroker(), startIssuer()]);
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

interface Running {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly stdout: () => string;
}

function run(environment: Record<string, string>, args: string[] = []): Running {
  const child = fork(MAIN, args, { env: { ...process.env, ...environment }, execArgv: [], silent: true });
  children.add(child);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  return { child, stderr: () => err, stdout: () => out };
}

async function start(
  port = 0,
  changes: Record<string, string> = {},
): Promise<Running & { readonly port: number }> {
  const environment = environmentOf(broker, { IDENTITY_ISSUER: issuer.url, ...changes });
  const running = run(environment, ['--port', String(port)]);
  const [message] = (await Promise.race([
    once(running.child, 'message'),
    once(running.child, 'exit').then(() => {
      throw new Error(`it ended: ${running.stderr()}`);
    }),
  ])) as [{ type: string; port: number }];
  expect(message.type).toBe('ready');
  return { ...running, port: message.port };
}

async function connect(port: number, droneId: string, newestFence = 0): Promise<TestDrone> {
  const token = await issuer.token({ sub: droneId, roles: ['drone'], drone: droneId });
  return openDroneWith(port, token, { newestFence });
}

test('kill -9 loses nothing: what is not received is sent again, what is over is not, stages are known', async () => {
  const mission = missionOf('d-kill', 'kill', 3);
  const done = missionOf('d-kill', 'done', 2);
  await broker.publish('domain-events', 'kill', stageEvent('kill', 'Created', 0), assignedEvent(mission));
  await broker.publish('domain-events', 'done', stageEvent('done', 'Created', 0), assignedEvent(done));
  await broker.publish('drone-commands', 'd-kill', missionCommand(done), missionCommand(mission));
  const idle = missionOf('d-idle', 'idle', 1);
  await broker.publish('drone-commands', 'd-idle', missionCommand(idle));
  await broker.publish(
    'domain-events',
    'idle',
    stageEvent('idle', 'Created', 0),
    releasedEvent(idle),
    stageEvent('idle', 'Cancelled', 1),
  );
  const first = await start();
  const drone = await connect(first.port, 'd-kill');
  await drone.next('command', ({ command }) => command.commandId === mission.missionId);
  drone.send({ type: 'event', event: flightEvent(mission, 'MissionAccepted') });
  await drone.next('ack');
  await broker.publish('domain-events', 'kill', stageEvent('kill', 'HeadedToPickup', 1));
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await start(first.port);
  const again = await connect(second.port, 'd-kill', 3);
  await again.next('command', ({ command }) => command.commandId === mission.missionId);
  expect(again.frames).toHaveLength(1);
  again.send({ type: 'received', commandId: mission.missionId });
  again.send({ type: 'event', event: flightEvent(mission, 'MissionAccepted') });
  again.send({ type: 'event', event: flightEvent(mission, 'TookOff') });
  await again.next('ack', ({ eventId }) => eventId.endsWith('TookOff'));
  const kinds = new Set<string>();
  await broker.read<FlightEvent>('drone-events', (all) => {
    for (const { kind } of all) kinds.add(kind);
    return kinds.has('TookOff');
  });
  expect([...kinds].sort()).toEqual(['MissionAccepted', 'TookOff']);

  const token = await issuer.token({ sub: 'u', roles: ['customer'], account: 'account-1' });
  const watcher = await watchSse(`http://127.0.0.1:${second.port}/track/kill`, {
    authorization: `Bearer ${token}`,
    'last-event-id': '0',
  });
  await watcher.until((frames) => frames.length >= 2);
  expect(watcher.frames.slice(0, 2)).toMatchObject([
    { type: 'snapshot', stage: 'HeadedToPickup' },
    { type: 'stage', stage: 'HeadedToPickup', sequence: 1 },
  ]);
  again.send({ type: 'telemetry', samples: [flyingSample(mission, 1)] });
  await watcher.until((frames) => frames.at(-1)?.type === 'position');

  const released = await connect(second.port, 'd-idle');
  released.send({ type: 'event', event: flightEvent(idle, 'TookOff', { fence: 9 }) });
  await released.next('error');
  expect(released.frames.filter(({ type }) => type === 'command')).toEqual([]);

  const closed = once(again.socket, 'close');
  second.child.kill('SIGTERM');
  const [[code], [exit]] = (await Promise.all([closed, once(second.child, 'exit')])) as [[number], [number]];
  expect(code).toBe(1012);
  expect(exit).toBe(0);
  expect(watcher.text()).toMatch(/retry: \d+\n/);
});

test('a token that has expired, or of another issuer, opens nothing; a socket ends with its token', async () => {
  const { port, child } = await start();
  const claims = { sub: 'd-x', roles: ['drone'], drone: 'd-x' };
  const post = async (token: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/telemetry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    return ((await answer.json()) as { code: string }).code;
  };
  expect(await post(await issuer.token(claims, Math.floor(Date.now() / 1000) - 60))).toBe('token_expired');
  const other = await startIssuer();
  expect(await post(await other.token(claims))).toMatch(/^(issuer_unknown|token_invalid)$/);
  await other[Symbol.asyncDispose]();
  expect(await post('nonsense')).toBe('token_invalid');
  expect(await post(await issuer.token(claims))).toBe('invalid_request');
  child.disconnect();
  const [exit] = (await once(child, 'exit')) as [number];
  expect(exit).toBe(0);
});

test('what is missing or taken is said in one line', async () => {
  const missing = run({ ...environmentOf(broker), TRACKING_AUDIENCE: '' });
  expect(((await once(missing.child, 'exit')) as [number])[0]).toBe(2);
  expect(missing.stderr()).toMatch(/^tracking: settings: TRACKING_AUDIENCE: [^\n]+\n$/);
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const taken = run(environmentOf(broker), ['--port', String(port)]);
  expect(((await once(taken.child, 'exit')) as [number])[0]).toBe(1);
  expect(taken.stderr()).toMatch(new RegExp(`^tracking: port ${port} is in use[^\n]+\n$`));
  blocker.close();
});

test('with the broker away it starts, lets drones connect, and is ready when the broker is', async () => {
  await broker.stop();
  const running = run(environmentOf(broker, { IDENTITY_ISSUER: issuer.url, LOG_LEVEL: 'info' }), [
    '--port',
    '0',
  ]);
  await until(() => running.stdout().includes('does not answer yet'), 'it to wait');
  expect(running.stdout()).not.toContain('ready on port');
  await broker.start();
  const [{ port }] = (await once(running.child, 'message')) as [{ port: number }];
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
});

test('C1, C3 receivers that the broker ends, and messages that cannot be read, end nothing: dead letters, and one process', async () => {
  const recorded: { hub: string; step: string; encoding: string }[] = [];
  const tokens: unknown[] = [];
  let isAway = true;
  // The supervisor behind the API, and the identity that tracking calls it with.
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/managed-identity')) {
      const token = await issuer.token({ sub: 'tracking', roles: ['service'] });
      const expiresOn = String(Math.floor(Date.now() / 1000) + 3_600);
      response.end(JSON.stringify({ access_token: token, expires_on: expiresOn, token_type: 'Bearer' }));
      return;
    }
    tokens.push(request.headers.authorization);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (isAway) return void response.writeHead(503).end();
    recorded.push(JSON.parse(body) as (typeof recorded)[number]);
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":"l-1"}');
  };
  const api = createHttpServer((request, response) => void answer(request, response));
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const origin = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const { child, port } = await start(0, {
    API_ORIGIN: origin,
    AZURE_CLIENT_ID: 'tracking',
    IDENTITY_ENDPOINT: `${origin}/managed-identity/token`,
    IDENTITY_HEADER: 'secret',
  });
  const poison = Buffer.from('{"specversion":"1.0","id":{"length":{"toString":0,"valueOf":0}}}');
  await broker.publish('domain-events', 'poison', poison, Buffer.from([0xff]));
  for (const condition of ['amqp:link:stolen', 'amqp:not-found']) {
    for (const hub of ['domain-events', 'drone-commands']) broker.server.faults.detachLinks(hub, condition);
    await broker.publish('drone-commands', 'poison', Buffer.from('not JSON'));
  }
  const mission = missionOf('d-poison', 'poison');
  await broker.publish('drone-commands', 'd-poison', missionCommand(mission));
  const drone = await connect(port, 'd-poison');
  await drone.next('command');
  isAway = false;
  await until(() => recorded.length >= 4, 'the dead letters', 30_000);
  expect(recorded.map(({ hub, step, encoding }) => `${hub} ${step} ${encoding}`).toSorted()).toEqual([
    'domain-events tracking.parse base64',
    'domain-events tracking.parse text',
    'drone-commands tracking.parse text',
    'drone-commands tracking.parse text',
  ]);
  expect(tokens.every((token) => typeof token === 'string' && token.startsWith('Bearer '))).toBe(true);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  expect(drone.socket.readyState).toBe(drone.socket.OPEN);
  api.close();
  api.closeAllConnections();
});
