import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FlightEvent, TelemetryRecord } from '../shared/contracts/flight.ts';
import {
  type Broker,
  CUSTOMER,
  openDrone,
  startBroker,
  startOn,
  until,
  watchSse,
} from './tracking.fixture.ts';
import type { Tracking } from './tracking.ts';
import {
  assignedEvent,
  flightEvent,
  flyingSample,
  missionCommand,
  missionOf,
  recallCommand,
  stageEvent,
} from './world.fixture.ts';

let broker: Broker;
let tracking: Tracking;

beforeAll(async () => {
  broker = await startBroker();
  tracking = await startOn(broker, { TELEMETRY_RECORD_SECONDS: '0.2', LINK_LOST_SECONDS: '1' });
  await tracking.rebuilt;
});
afterAll(async () => {
  await tracking.close();
  await broker[Symbol.asyncDispose]();
});

test('while the broker is away positions go on and events wait; after it is back commands and events go on', async () => {
  const mission = missionOf('d-1', 'one');
  await broker.publish('domain-events', 'one', stageEvent('one', 'Created', 0), assignedEvent(mission));
  await broker.publish('drone-commands', 'd-1', missionCommand(mission));
  const drone = await openDrone(tracking.port, 'd-1');
  await drone.next('command');
  drone.send({ type: 'received', commandId: mission.missionId });
  await until(() => tracking.tracker.deliveries.find('one')?.assignment !== undefined, 'the assignment');
  const watcher = await watchSse(`http://127.0.0.1:${tracking.port}/track/one`, {
    authorization: `Bearer ${CUSTOMER}`,
  });
  drone.send({ type: 'event', event: flightEvent(mission, 'MissionAccepted') });
  await drone.next('ack');

  await broker.stop();
  const beating = setInterval(() => {
    drone.send({ type: 'telemetry', samples: [flyingSample(mission, seq)] });
    seq += 1;
  }, 100);
  let seq = 0;
  const positions = () => watcher.frames.filter(({ type }) => type === 'position').length;
  await until(() => positions() >= 5, 'positions');
  const event = flightEvent(mission, 'TookOff', { position: { ...mission.base.position, altitude: 5 } });
  drone.send({ type: 'event', event });
  await until(() => positions() >= 15, 'more positions');
  expect(drone.frames.some((frame) => frame.type === 'ack' && frame.eventId === event.eventId)).toBe(false);
  expect(drone.socket.readyState).toBe(drone.socket.OPEN);

  const serving = await fetch(`http://127.0.0.1:${tracking.port}/servingz`);
  expect(serving.status).toBe(200);
  await broker.start();
  await broker.publish('drone-commands', 'd-1', recallCommand(mission));
  const backAt = Date.now();
  const repeating = setInterval(() => drone.send({ type: 'event', event }), 500);
  await drone.next('command', ({ command }) => command.kind === 'Recall');
  const recovered = Date.now() - backAt;
  process.stdout.write(`commands went on ${recovered} ms after the broker was back\n`);
  await drone.next('ack', ({ eventId }) => eventId === event.eventId);
  clearInterval(repeating);
  clearInterval(beating);
  expect(recovered).toBeLessThan(5_000);
  const events = await broker.read<FlightEvent>('drone-events', (all) =>
    all.some(({ kind }) => kind === 'TookOff'),
  );
  expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['MissionAccepted', 'TookOff']));
  const records = await broker.read<TelemetryRecord>('drone-telemetry', (all) =>
    all.some((record) => record.seq >= 10),
  );
  expect(records.length).toBeLessThan(seq);
  await until(() => tracking.isReady(), 'readiness');

  await until(() => watcher.frames.some(({ type }) => type === 'link'), 'the lost link');
  drone.send({ type: 'telemetry', samples: [flyingSample(mission, seq)] });
  await until(
    () => watcher.frames.some((frame) => frame.type === 'link' && frame.state === 'live'),
    'the link to be restored',
  );
  const links = await broker.read<FlightEvent>('drone-events', (all) =>
    all.some(({ kind }) => kind === 'LinkRestored'),
  );
  expect(links.map(({ kind }) => kind).filter((kind) => kind.startsWith('Link'))).toEqual([
    'LinkLost',
    'LinkRestored',
  ]);
  watcher.close();
  await drone.close();
});

test('an acknowledgement that the broker loses: the event is published again, and acknowledged only then', async () => {
  const mission = missionOf('d-2', 'two');
  await broker.publish('drone-commands', 'd-2', missionCommand(mission));
  const drone = await openDrone(tracking.port, 'd-2');
  await drone.next('command');
  broker.server.faults.add({ kind: 'dropAck', hub: 'drone-events', count: 1 });
  const event = flightEvent(mission, 'MissionAccepted');
  drone.send({ type: 'event', event });
  const repeating = setInterval(() => drone.send({ type: 'event', event }), 300);
  await drone.next('ack');
  clearInterval(repeating);
  const mine = (all: FlightEvent[]) => all.filter(({ deliveryId }) => deliveryId === 'two');
  const stored = mine(await broker.read<FlightEvent>('drone-events', (all) => mine(all).length >= 2));
  expect(new Set(stored.map(({ eventId }) => eventId)).size).toBe(1);
  await drone.close();
});

test('A1 messages of the hubs that cannot be read become dead letters, and those behind them are applied', async () => {
  await broker.publish('drone-commands', 'd-3', { kind: 'Dance' }, 'nonsense');
  await broker.publish('domain-events', 'three', { type: 'DeliveryCreated' });
  const broken = { ...stageEvent('three', 'Created', 0), data: { deliveryId: 'three' } };
  await broker.publish('domain-events', 'three', broken, stageEvent('three', 'Created', 0));
  await broker.publish('drone-commands', 'd-3', missionCommand(missionOf('d-3', 'three')));
  await until(() => tracking.tracker.deliveries.find('three')?.sequence === 0, 'the delivery');
  await until(() => tracking.tracker.deliveries.mission('three-m1') !== undefined, 'the mission');
  const metrics = async () => (await fetch(`http://127.0.0.1:${tracking.port}/metrics`)).text();
  const handedIn = (hub: string) => `tracking_dead_letters_total{hub="${hub}",result="recorded"} 2`;
  for (const hub of ['drone-commands', 'domain-events']) {
    await until(async () => (await metrics()).includes(handedIn(hub)), `two dead letters of ${hub}`);
  }
});
