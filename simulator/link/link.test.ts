import { describe, expect, test } from 'vitest';
import { eventually, folder, missionCommand, missionFor, openWorld } from '../world.fixture.ts';
import { startFakeTracking } from './fake-tracking.fixture.ts';

const WHOLE_FLIGHT = [
  'MissionAccepted',
  'TookOff',
  'ArrivedAtPickup',
  'PickedUp',
  'ArrivedAtDropoff',
  'Delivered',
];

describe('a fleet and tracking', () => {
  test('hello first, then a whole delivery in virtual time', async () => {
    await using data = await folder();
    await using tracking = await startFakeTracking();
    await using world = openWorld({ data: data.path, url: tracking.url, speed: 10 });
    await eventually(() => tracking.hellos.length === 3, 'three hellos');
    const command = missionCommand(missionFor(world.fleet, 'drone-1'));
    tracking.send('drone-1', { type: 'command', command });
    await eventually(() => tracking.received.includes(command.commandId), 'received');
    await world.pass(120, () => tracking.events.some((event) => event.kind === 'Delivered'));
    await eventually(() => tracking.events.some((event) => event.kind === 'Delivered'), 'delivered');
    const seen = [...new Map(tracking.events.map((event) => [event.eventId, event.kind])).values()];
    expect(seen).toEqual(WHOLE_FLIGHT);
    await eventually(() => world.store.pending('drone-1').length === 0, 'all acknowledged');
    const own = tracking.telemetry.filter((sample) => sample.droneId === 'drone-1');
    expect(own.map((sample) => sample.seq)).toEqual(own.map((_, i) => i));
    expect(new Set(own.map((sample) => sample.leg))).toContain('ToDropoff');
  });

  test('events are repeated until they are acknowledged, also over a lost connection', async () => {
    await using data = await folder();
    await using tracking = await startFakeTracking();
    await using world = openWorld({ data: data.path, url: tracking.url });
    await eventually(() => tracking.hellos.length === 3, 'three hellos');
    tracking.deaf = true;
    tracking.send('drone-1', {
      type: 'command',
      command: missionCommand(missionFor(world.fleet, 'drone-1')),
    });
    await eventually(() => tracking.events.length >= 3, 'repetitions');
    tracking.dropAll();
    await eventually(() => tracking.hellos.length >= 6, 'hello again');
    expect(tracking.hellos.at(-1)?.boot).toBe('boot-1');
    tracking.deaf = false;
    await eventually(() => world.store.pending('drone-1').length === 0, 'acknowledged');
    expect(new Set(tracking.events.map((event) => event.eventId)).size).toBe(1);
  });

  test('what cannot be read, or is for another drone, is not executed', async () => {
    await using data = await folder();
    await using tracking = await startFakeTracking();
    await using world = openWorld({ data: data.path, url: tracking.url });
    await eventually(() => tracking.hellos.length === 3, 'three hellos');
    const command = missionCommand(missionFor(world.fleet, 'drone-2'));
    tracking.sendText('drone-1', 'no JSON');
    tracking.sendText('drone-1', '{"type":"command"}');
    tracking.send('drone-1', { type: 'error', code: 'test', detail: 'for the log' });
    tracking.send('drone-1', { type: 'command', command });
    const own = missionCommand(missionFor(world.fleet, 'drone-1'));
    tracking.send('drone-1', { type: 'command', command: own });
    await eventually(() => tracking.received.length === 1, 'received');
    expect(tracking.received).toEqual([own.commandId]);
    expect(world.fleet.drone('drone-2')!.phase).toBe('Parked');
  });

  test('killed in the air and started again, the fleet goes on where it was', async () => {
    await using data = await folder();
    await using tracking = await startFakeTracking();
    const first = openWorld({ data: data.path, url: tracking.url, speed: 10 });
    await eventually(() => tracking.hellos.length === 3, 'three hellos');
    const command = missionCommand(missionFor(first.fleet, 'drone-1', { fence: 9 }));
    tracking.send('drone-1', { type: 'command', command });
    await eventually(() => tracking.received.length === 1, 'received');
    await first.pass(60, () => first.fleet.drone('drone-1')!.leg === 'AtPickup');
    tracking.deaf = true;
    await first.pass(60, () => first.fleet.drone('drone-1')!.mission?.loaded === true);
    const there = structuredClone(first.fleet.drone('drone-1')!);
    await first.kill();
    const pickedUp = () => tracking.events.filter((event) => event.kind === 'PickedUp');
    const before = pickedUp().length;

    await using second = openWorld({
      data: data.path,
      url: tracking.url,
      speed: 10,
      boot: 'boot-2',
      start: first.now(),
    });
    // What its receiver's noise was is not kept with every sample; where it truly is, is.
    const { senses: _senses, drift: _drift, ...truth } = there;
    expect(second.fleet.drone('drone-1')).toMatchObject(truth);
    await eventually(() => tracking.hellos.length === 6, 'hello again');
    expect(tracking.hellos.findLast((hello) => hello.droneToken === 'drone-1')).toMatchObject({
      boot: 'boot-2',
      newestFence: 9,
    });
    await eventually(() => pickedUp().length > before, 'the event that nobody acknowledged');
    tracking.deaf = false;
    tracking.send('drone-1', { type: 'command', command });
    await eventually(() => tracking.received.length === 2, 'received again');
    await second.pass(120, () => tracking.events.some((event) => event.kind === 'Delivered'));
    await eventually(() => second.store.pending('drone-1').length === 0, 'acknowledged');
    const seen = [...new Map(tracking.events.map((event) => [event.eventId, event.kind])).values()];
    expect(seen).toEqual(WHOLE_FLIGHT);
  });
});
