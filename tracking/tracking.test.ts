import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  FleetFrame,
  type FlightEvent,
  TelemetryRecord,
  ToDroneFrame,
  WatchFrame,
} from '../shared/contracts/flight.ts';
import {
  type Broker,
  CUSTOMER,
  droneToken,
  OPERATOR,
  openDrone,
  refusedUpgrade,
  STRANGER,
  startBroker,
  startOn,
  tokenOf,
  until,
  watchSocket,
  watchSse,
} from './tracking.fixture.ts';
import type { Tracking } from './tracking.ts';
import {
  assignedEvent,
  BASE,
  DROPOFF,
  flightEvent,
  flyingSample,
  missionCommand,
  missionOf,
  recallCommand,
  sampleOf,
  stageEvent,
} from './world.fixture.ts';

let broker: Broker;
let tracking: Tracking;
let http: string;
let ws: string;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (path: string, token: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${http}${path}`, {
    method: 'POST',
    headers: { ...bearer(token), 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

beforeAll(async () => {
  broker = await startBroker();
  tracking = await startOn(broker, { TELEMETRY_RECORD_SECONDS: '0.2' });
  await tracking.rebuilt;
  http = `http://127.0.0.1:${tracking.port}`;
  ws = `ws://127.0.0.1:${tracking.port}`;
});

afterAll(async () => {
  await tracking.close();
  await broker[Symbol.asyncDispose]();
});

/** The delivery is assigned and its mission published; resolves when tracking knows both. */
async function assign(droneId: string, deliveryId: string, fence = 1) {
  const mission = missionOf(droneId, deliveryId, fence);
  await Promise.all([
    broker.publish('domain-events', deliveryId, stageEvent(deliveryId, 'Created', 0), assignedEvent(mission)),
    broker.publish('drone-commands', droneId, missionCommand(mission)),
  ]);
  await until(
    () =>
      tracking.tracker.deliveries.find(deliveryId)?.assignment !== undefined &&
      tracking.tracker.deliveries.find(deliveryId)?.sequence === 0 &&
      tracking.tracker.deliveries.mission(mission.missionId) !== undefined,
    'the mission to be known',
  );
  return mission;
}

describe('a delivery, from its mission to its end', () => {
  test('mission down, telemetry up, position and stages to the watcher, events to the hub', async () => {
    const drone = await openDrone(tracking.port, 'd-path');
    const mission = await assign('d-path', 'path');
    const { command } = await drone.next('command');
    expect(ToDroneFrame.parse({ type: 'command', command })).toEqual({ type: 'command', command });
    expect(command).toEqual(missionCommand(mission));
    drone.send({ type: 'received', commandId: command.commandId });

    const watcher = await watchSse(`${http}/track/path`, bearer(CUSTOMER));
    const operator = await watchSocket(`${ws}/track/path`, bearer(OPERATOR));
    await watcher.until((frames) => frames[0]?.type === 'snapshot');
    const before = new Date(Date.now() - 80_000).toISOString();
    for (const kind of ['MissionAccepted', 'TookOff'] as const) {
      drone.send({ type: 'event', event: flightEvent(mission, kind, { time: before }) });
    }
    for (let seq = 0; seq < 5; seq += 1) {
      const time = new Date(Date.now() - (4 - seq) * 20_000).toISOString();
      const position = { ...BASE, latitude: BASE.latitude + 0.0023 * seq, altitude: 80 };
      drone.send({ type: 'telemetry', samples: [flyingSample(mission, seq, { time, position })] });
    }
    const positions = (frames: WatchFrame[]) => frames.filter(({ type }) => type === 'position').length;
    await Promise.all([watcher, operator].map((each) => each.until((frames) => positions(frames) === 5)));
    const last = watcher.frames.at(-1);
    expect(last).toMatchObject({ type: 'position', position: { leg: 'ToPickup', loaded: false } });
    const { pickupEta, deliveryEta } = (last?.type === 'position' && last.position) || {};
    expect(Date.parse(pickupEta?.at ?? '')).toBeGreaterThan(Date.now() + 5_000);
    expect(Date.parse(deliveryEta?.at ?? '')).toBeGreaterThan(Date.parse(pickupEta?.at ?? ''));

    for (const kind of ['ArrivedAtPickup', 'PickedUp'] as const) {
      drone.send({ type: 'event', event: flightEvent(mission, kind) });
    }
    await drone.next('ack', ({ eventId }) => eventId === `${mission.missionId}.PickedUp`);
    const mine = (events: FlightEvent[]) => events.filter(({ deliveryId }) => deliveryId === 'path');
    const events = mine(await broker.read<FlightEvent>('drone-events', (all) => mine(all).length >= 4));
    expect(events.map(({ kind }) => kind)).toEqual([
      'MissionAccepted',
      'TookOff',
      'ArrivedAtPickup',
      'PickedUp',
    ]);

    await broker.publish('domain-events', 'path', stageEvent('path', 'HeadedToPickup', 1));
    await broker.publish('domain-events', 'path', stageEvent('path', 'Completed', 2));
    await watcher.until((frames) => frames.at(-1)?.type === 'end');
    await until(() => watcher.ended() && operator.ended(), 'the streams to end');
    expect(operator.code()).toBe(1000);
    for (const { frames } of [watcher, operator]) {
      for (const frame of frames) expect(WatchFrame.parse(frame)).toEqual(frame);
      expect(frames.flatMap((frame) => (frame.type === 'stage' ? [frame.stage] : []))).toEqual([
        'HeadedToPickup',
        'Completed',
      ]);
    }
    const records = await broker.read<TelemetryRecord>('drone-telemetry', (all) =>
      all.some(({ droneId }) => droneId === 'd-path'),
    );
    const record = records.find(({ droneId }) => droneId === 'd-path');
    expect(TelemetryRecord.parse(record)).toEqual(record);
    expect(record?.deliveryEta).toBeDefined();
    await drone.close();
  });

  test('a delivery without a drone streams its stage', async () => {
    await broker.publish('domain-events', 'early', stageEvent('early', 'Created', 0));
    await until(() => tracking.tracker.deliveries.find('early') !== undefined, 'the delivery');
    const watcher = await watchSse(`${http}/track/early`, bearer(CUSTOMER));
    await watcher.until((frames) => frames.length === 1);
    expect(watcher.frames[0]).toMatchObject({ type: 'snapshot', stage: 'Created', dropoff: DROPOFF });
    expect(watcher.frames[0]).not.toHaveProperty('position');
    expect(watcher.ids).toEqual(['0']);
    watcher.close();
  });

  test('a watcher that comes again gets the stages it missed, once, after the snapshot', async () => {
    await broker.publish(
      'domain-events',
      'resume',
      stageEvent('resume', 'Created', 0),
      stageEvent('resume', 'HeadedToPickup', 1),
      stageEvent('resume', 'HeadedToDropoff', 2),
    );
    await until(() => tracking.tracker.deliveries.find('resume')?.sequence === 2, 'the delivery');
    const again = await watchSse(`${http}/track/resume`, { ...bearer(CUSTOMER), 'last-event-id': '0' });
    await again.until((frames) => frames.length === 3);
    expect(again.frames.map((frame) => [frame.type, 'stage' in frame && frame.stage])).toEqual([
      ['snapshot', 'HeadedToDropoff'],
      ['stage', 'HeadedToPickup'],
      ['stage', 'HeadedToDropoff'],
    ]);
    expect(again.ids).toEqual([undefined, '1', '2']);
    const socket = await watchSocket(`${ws}/track/resume?lastEventId=1`, bearer(CUSTOMER));
    await socket.until((frames) => frames.length === 2);
    expect(socket.frames[1]).toMatchObject({ type: 'stage', sequence: 2 });
    again.close();
    socket.close();

    await broker.publish('domain-events', 'resume', stageEvent('resume', 'Completed', 3));
    await until(() => tracking.tracker.deliveries.find('resume')?.endedAt !== undefined, 'the end');
    const late = await watchSse(`${http}/track/resume`, { ...bearer(CUSTOMER), 'last-event-id': '2' });
    await late.until((frames) => frames.at(-1)?.type === 'end');
    const done = await fetch(`${http}/track/resume`, {
      headers: { ...bearer(CUSTOMER), 'last-event-id': '3' },
    });
    expect(done.status).toBe(204);
  });
});

describe('commands', () => {
  test('what came while the drone was away is sent when it comes, until it is received, then never again', async () => {
    const mission = await assign('d-away', 'away');
    const first = await openDrone(tracking.port, 'd-away');
    await first.next('command');
    await first.close();
    const second = await openDrone(tracking.port, 'd-away');
    const { command } = await second.next('command');
    expect(command.commandId).toBe(mission.missionId);
    second.send({ type: 'received', commandId: command.commandId });
    await second.close();
    await broker.publish('drone-commands', 'd-away', missionCommand(mission), recallCommand(mission));
    const third = await openDrone(tracking.port, 'd-away', { newestFence: 1 });
    await third.next('command', (frame) => frame.command.kind === 'Recall');
    expect(third.frames.map((frame) => frame.type === 'command' && frame.command.kind)).toEqual(['Recall']);
    await third.close();
  });

  test('an unconfirmed command is repeated on an open socket', async () => {
    await assign('d-deaf', 'deaf');
    const drone = await openDrone(tracking.port, 'd-deaf');
    await until(() => drone.frames.length >= 2, 'the command twice');
    expect(new Set(drone.frames.map((frame) => JSON.stringify(frame))).size).toBe(1);
    await drone.close();
  });

  test('of two missions only the one with the newest fence is sent', async () => {
    await assign('d-fence', 'fence-a', 1);
    await assign('d-fence', 'fence-b', 2);
    const drone = await openDrone(tracking.port, 'd-fence');
    await drone.next('command');
    expect(drone.frames.map((frame) => frame.type === 'command' && frame.command.fence)).toEqual([2]);
    await drone.close();
  });
});

describe('flight events that are not to be believed', () => {
  test.each([
    ['far from the pickup', 'not_there', { kind: 'ArrivedAtPickup', position: DROPOFF }],
    ['a mission it was never given', 'unknown_mission', { missionId: 'other' }],
    ['a fence that is not its mission’s', 'stale', { fence: 7 }],
    ['another drone', 'wrong_drone', { droneId: 'd-other' }],
    ['tracking’s own kind', 'made_by_tracking', { kind: 'LinkLost' }],
    ['in the future', 'wrong_time', { time: '2099-01-01T00:00:00Z' }],
  ] as const)('%s: refused, and not published', async (name, code, changes) => {
    const id = name.replaceAll(/[^a-z]/g, '-');
    const mission = await assign(`d-${id}`, id);
    const drone = await openDrone(tracking.port, `d-${id}`);
    const eventId = `${id}.wrong`;
    drone.send({ type: 'event', event: flightEvent(mission, 'TookOff', { eventId, ...changes }) });
    const error = await drone.next('error');
    expect(error).toMatchObject({ code, eventId });
    drone.send({ type: 'event', event: flightEvent(mission, 'MissionAccepted') });
    await drone.next('ack');
    const events = await broker.read<FlightEvent>('drone-events', (all) =>
      all.some(({ eventId }) => eventId === `${mission.missionId}.MissionAccepted`),
    );
    expect(events.filter((event) => event.eventId === eventId)).toEqual([]);
    await drone.close();
  });

  test('an event told twice is acknowledged twice and published once', async () => {
    const mission = await assign('d-twice', 'twice');
    const drone = await openDrone(tracking.port, 'd-twice');
    const event = flightEvent(mission, 'MissionAccepted');
    drone.send({ type: 'event', event });
    await drone.next('ack');
    drone.send({ type: 'event', event });
    await until(() => drone.frames.filter(({ type }) => type === 'ack').length === 2, 'two acks');
    drone.send({ type: 'event', event: flightEvent(mission, 'TookOff') });
    await drone.next('ack', ({ eventId }) => eventId.endsWith('TookOff'));
    const mine = ({ deliveryId }: FlightEvent) => deliveryId === 'twice';
    const events = await broker.read<FlightEvent>('drone-events', (all) => all.filter(mine).length >= 2);
    expect(events.filter(mine).map(({ kind }) => kind)).toEqual(['MissionAccepted', 'TookOff']);
    await drone.close();
  });
});

describe('telemetry', () => {
  test('duplicates, late ones and outliers change nothing; the newest socket wins', async () => {
    const mission = await assign('d-tele', 'tele');
    const old = await openDrone(tracking.port, 'd-tele');
    const drone = await openDrone(tracking.port, 'd-tele');
    await until(() => old.socket.readyState === old.socket.CLOSED, 'the older socket to be closed');
    const stamp = (seq: number) => new Date(Date.now() + seq * 1000).toISOString();
    const sample = (seq: number, changes = {}) =>
      flyingSample(mission, seq, { time: stamp(seq), ...changes });
    drone.send({ type: 'telemetry', samples: [sample(3), sample(1), sample(2)] });
    drone.send({ type: 'telemetry', samples: [sample(2), sample(5)] });
    drone.send({ type: 'telemetry', samples: [sample(4)] });
    drone.send({ type: 'telemetry', samples: [sample(6, { position: DROPOFF })] });
    const answer = await post('/telemetry', droneToken('d-tele'), { samples: [sample(5), sample(7)] });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ applied: 1, duplicate: 1, late: 0, outlier: 0, oldBoot: 0 });
    const latest = tracking.tracker.drones.find('d-tele')?.track.latest;
    expect(latest).toEqual(sample(7, { time: latest?.time }));
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toMatch(/tracking_samples_total\{result="outlier"\} [1-9]/);
    expect(metrics).toMatch(/tracking_samples_total\{result="late"\} [1-9]/);
    await drone.close();
  });

  test('corrupt frames are answered, other frames go on, and too many end the socket', async () => {
    const drone = await openDrone(tracking.port, 'd-corrupt');
    drone.socket.send('{"type":"telemetry","samples":[{}]}');
    drone.socket.send(Buffer.from([1, 2, 3]));
    await until(() => drone.frames.filter(({ type }) => type === 'error').length === 2, 'two errors');
    drone.send({ type: 'telemetry', samples: [sampleOf('d-corrupt')] });
    await until(() => tracking.tracker.drones.find('d-corrupt')?.track.latest !== undefined, 'a sample');
    for (let count = 0; count < 25; count += 1) drone.socket.send('nonsense');
    await until(() => drone.socket.readyState === drone.socket.CLOSED, 'the socket to be closed');
  });

  test('frames before hello are refused', async () => {
    const drone = await openDrone(tracking.port, 'd-rude', false);
    drone.send({ type: 'telemetry', samples: [sampleOf('d-rude')] });
    expect(await drone.next('error')).toMatchObject({ code: 'hello_first' });
    expect(tracking.tracker.drones.find('d-rude')).toBeUndefined();
    await drone.close();
  });

  test('a drone speaks for itself only, and its samples reach no delivery that is not its own', async () => {
    const mission = await assign('d-mine', 'mine');
    const watcher = await watchSse(`${http}/track/mine`, bearer(CUSTOMER));
    const thief = await openDrone(tracking.port, 'd-thief');
    thief.send({ type: 'telemetry', samples: [flyingSample(mission, 1)] });
    expect(await thief.next('error')).toMatchObject({ code: 'wrong_drone' });
    thief.send({ type: 'telemetry', samples: [flyingSample(mission, 1, { droneId: 'd-thief' })] });
    await until(() => tracking.tracker.drones.find('d-thief')?.track.latest !== undefined, 'the sample');
    const drone = await openDrone(tracking.port, 'd-mine');
    drone.send({ type: 'telemetry', samples: [flyingSample(mission, 2)] });
    await watcher.until((frames) => frames.some(({ type }) => type === 'position'));
    expect(watcher.frames.filter(({ type }) => type === 'position')).toHaveLength(1);
    expect(tracking.tracker.drones.find('d-mine')?.track.latest?.seq).toBe(2);
    watcher.close();
    await thief.close();
    await drone.close();
  });
});

describe('who may do what', () => {
  test('a drone’s socket needs a drone’s token', async () => {
    expect(await refusedUpgrade(`${ws}/telemetry`, {})).toBe(401);
    expect(await refusedUpgrade(`${ws}/telemetry`, bearer('%%%'))).toBe(401);
    expect(await refusedUpgrade(`${ws}/telemetry`, bearer(CUSTOMER))).toBe(403);
    expect(await refusedUpgrade(`${ws}/telemetry`, bearer(tokenOf({ roles: ['drone'] })))).toBe(403);
    expect(await refusedUpgrade(`${ws}/nowhere`, bearer(OPERATOR))).toBe(404);
    const other = { ...bearer(droneToken('d-1')), origin: 'http://evil.test' };
    expect(await refusedUpgrade(`${ws}/telemetry`, other)).toBe(403);
    const foreign = await post('/telemetry', droneToken('d-1'), { samples: [sampleOf('d-2')] });
    expect(foreign.status).toBe(403);
  });

  test('another account’s delivery does not exist', async () => {
    await broker.publish('domain-events', 'secret', stageEvent('secret', 'Created', 0));
    await until(() => tracking.tracker.deliveries.find('secret') !== undefined, 'the delivery');
    const status = async (path: string, token?: string) => {
      const answer = await fetch(`${http}${path}`, token ? { headers: bearer(token) } : {});
      await answer.body?.cancel();
      return answer.status;
    };
    expect(await status('/track/secret')).toBe(401);
    expect(await status('/track/secret', STRANGER)).toBe(404);
    expect(await status('/track/secret', droneToken('d-1'))).toBe(404);
    expect(await status('/track/secret', tokenOf({ roles: ['customer'] }))).toBe(404);
    expect(await status('/track/unknown', OPERATOR)).toBe(404);
    expect(await status('/track/secret', OPERATOR)).toBe(200);
    expect(await status('/track/secret', CUSTOMER)).toBe(200);
    expect(await status('/fleet', CUSTOMER)).toBe(403);
    expect(await refusedUpgrade(`${ws}/track/secret`, bearer(STRANGER))).toBe(404);
    expect(await refusedUpgrade(`${ws}/fleet`, bearer(CUSTOMER))).toBe(403);
    expect((await post('/tickets', STRANGER, { deliveryId: 'secret' })).status).toBe(404);
    expect((await post('/tickets', CUSTOMER, { fleet: true })).status).toBe(403);
  });

  test('a ticket that is asked for before the delivery is known comes when it is (D18)', async () => {
    const asked = post('/tickets', CUSTOMER, { deliveryId: 'ticket-first' }, { prefer: 'wait=10' });
    const atOnce = await post('/tickets', CUSTOMER, { deliveryId: 'ticket-first' });
    expect(atOnce.status).toBe(404);
    await broker.publish('domain-events', 'ticket-first', stageEvent('ticket-first', 'Created', 0));
    expect((await asked).status).toBe(201);
    const began = performance.now();
    const refused = await Promise.all([
      post('/tickets', STRANGER, { deliveryId: 'ticket-first' }, { prefer: 'wait=1' }),
      post('/tickets', STRANGER, { deliveryId: 'unknown' }, { prefer: 'wait=1' }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([404, 404]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000);
    expect(await refused[0]?.json()).toEqual(await refused[1]?.json());
  });

  test('a ticket opens its stream once', async () => {
    await broker.publish('domain-events', 'ticketed', stageEvent('ticketed', 'Created', 0));
    await until(() => tracking.tracker.deliveries.find('ticketed') !== undefined, 'the delivery');
    const made = await post('/tickets', CUSTOMER, { deliveryId: 'ticketed' });
    expect(made.status).toBe(201);
    const { ticket } = (await made.json()) as { ticket: string };
    const watcher = await watchSse(`${http}/track/ticketed?ticket=${ticket}`);
    await watcher.until((frames) => frames.length === 1);
    watcher.close();
    expect((await fetch(`${http}/track/ticketed?ticket=${ticket}`)).status).toBe(401);
    const second = (await (await post('/tickets', OPERATOR, { fleet: true })).json()) as { ticket: string };
    expect((await fetch(`${http}/track/ticketed?ticket=${second.ticket}`)).status).toBe(401);
    expect((await fetch(`${http}/fleet?ticket=${second.ticket}`)).status).toBe(401);
  });

  test('bad bodies get their own problem', async () => {
    const token = droneToken('d-bad');
    expect((await post('/telemetry', token, '{"samples":')).status).toBe(400);
    expect((await post('/telemetry', token, 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('/telemetry', token, `"${'x'.repeat(300_000)}"`)).status).toBe(413);
    const wrong = await post('/telemetry', token, { samples: [{ ...sampleOf('d-bad'), battery: 2 }] });
    expect(await wrong.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ path: 'body.samples.0.battery' }],
    });
    expect((await post('/tickets', CUSTOMER, { anything: 1 })).status).toBe(400);
    expect((await post('/track/x', CUSTOMER, {})).status).toBe(405);
  });

  test('pages of allowed origins may read, others may not', async () => {
    const preflight = await fetch(`${http}/tickets`, {
      method: 'OPTIONS',
      headers: { origin: 'http://page.test', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('http://page.test');
    const other = await fetch(`${http}/healthz`, { headers: { origin: 'http://evil.test' } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('operators', () => {
  test('see the whole fleet twice a second, by SSE and WebSocket', async () => {
    const answer = await post('/telemetry', droneToken('d-fleet'), { samples: [sampleOf('d-fleet')] });
    expect(answer.status).toBe(202);
    const sse = await watchSse<FleetFrame>(`${http}/fleet`, bearer(OPERATOR));
    const socket = await watchSocket<FleetFrame>(`${ws}/fleet`, bearer(OPERATOR));
    for (const watcher of [sse, socket]) {
      await watcher.until((frames) => frames.length >= 3);
      const frame = FleetFrame.parse(watcher.frames[2]);
      expect(frame.drones.find(({ droneId }) => droneId === 'd-fleet')).toMatchObject({ link: 'live' });
      watcher.close();
    }
  });

  test('health, readiness and metrics are there', async () => {
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    await until(async () => (await fetch(`${http}/readyz`)).status === 200, 'readiness');
    const text = await (await fetch(`${http}/metrics`)).text();
    expect(text).toContain('# TYPE tracking_telemetry_age_seconds histogram');
    expect(text).toMatch(/^tracking_ready 1$/m);
  });
});
