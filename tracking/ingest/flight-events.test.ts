import { beforeEach, describe, expect, test } from 'vitest';
import type { FlightEvent, FlightEventKind } from '../../shared/contracts/flight.ts';
import { createDeliveries } from '../state/deliveries.ts';
import { createDrones } from '../state/drones.ts';
import { DROPOFF, flightEvent, flyingSample, missionCommand, missionOf, PICKUP } from '../world.fixture.ts';
import { checkEvent } from './check-event.ts';
import { createFlightEvents, type FlightEvents } from './flight-events.ts';
import { createLinkWatch } from './link-watch.ts';

const mission = missionOf('d', 'one', 2);

describe('publishing', () => {
  let batches: FlightEvent[][];
  let answer: () => Promise<void>;
  let events: FlightEvents;
  beforeEach(() => {
    batches = [];
    answer = async () => undefined;
    events = createFlightEvents({
      publish: async (batch) => {
        await answer();
        batches.push([...batch]);
      },
      check: () => undefined,
      ready: Promise.resolve(),
    });
  });
  const handle = (kind: FlightEventKind) => events.handle(flightEvent(mission, kind), 'd');
  const published = () => batches.flat().map(({ kind }) => kind);

  test('E1 once, no matter how often and how soon it is repeated', async () => {
    const outcomes = await Promise.all([handle('TookOff'), handle('TookOff')]);
    expect(outcomes).toEqual([{ kind: 'published' }, { kind: 'published' }]);
    expect(await handle('TookOff')).toEqual({ kind: 'repeated' });
    expect(published()).toEqual(['TookOff']);
  });

  test('E2 in order; what stands behind a failed one fails with it', async () => {
    const gate = Promise.withResolvers<void>();
    answer = () => gate.promise;
    const told = [handle('MissionAccepted'), handle('TookOff'), handle('ArrivedAtPickup')];
    gate.reject(new Error('away'));
    expect((await Promise.all(told)).map(({ kind }) => kind)).toEqual(Array(3).fill('unanswered'));
    answer = async () => undefined;
    await Promise.all([handle('MissionAccepted'), handle('TookOff'), handle('ArrivedAtPickup')]);
    expect(published()).toEqual(['MissionAccepted', 'TookOff', 'ArrivedAtPickup']);
    await events.settled();
  });

  test('what waits while a publish is under way travels together', async () => {
    const gate = Promise.withResolvers<void>();
    answer = () => gate.promise;
    const told = (['MissionAccepted', 'TookOff', 'LowBattery', 'ArrivedAtPickup'] as const).map(handle);
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all(told);
    expect(batches.length).toBeLessThan(4);
    expect(published()).toEqual(['MissionAccepted', 'TookOff', 'LowBattery', 'ArrivedAtPickup']);
  });

  test('E1 memory is bounded: of the 20,001st event on, the oldest is forgotten, and published again', async () => {
    const numbered = (n: number) =>
      events.handle(flightEvent(mission, 'LowBattery', { eventId: `e-${n}` }), 'd');
    for (let n = 0; n <= 20_000; n += 1) await numbered(n);
    expect(await numbered(20_000)).toEqual({ kind: 'repeated' });
    expect(await numbered(1)).toEqual({ kind: 'repeated' });
    expect(await numbered(0)).toEqual({ kind: 'published' });
  });

  test('E3 what is refused is not published, and nothing is checked before tracking is ready', async () => {
    const ready = Promise.withResolvers<void>();
    const checked: string[] = [];
    const strict = createFlightEvents({
      publish: async (batch) => void batches.push([...batch]),
      check: ({ kind }) => {
        checked.push(kind);
        return kind === 'PickedUp' ? { code: 'not_there', detail: 'far' } : undefined;
      },
      ready: ready.promise,
    });
    const told = strict.handle(flightEvent(mission, 'PickedUp'), 'd');
    await new Promise((resolve) => setImmediate(resolve));
    expect(checked).toEqual([]);
    ready.resolve();
    expect((await told).kind).toBe('refused');
    expect(batches).toEqual([]);
  });
});

describe('plausibility', () => {
  const now = () => Date.now();
  const deliveries = createDeliveries({ now, retainEnded: 1000 });
  deliveries.applyCommand(missionCommand(missionOf('d', 'older', 1)));
  deliveries.applyCommand(missionCommand(mission));
  const drones = createDrones({ deliveries, now, timeScale: 1 });
  const options = { deliveries, now, timeScale: 1, arrivalRadius: 100 };
  const check = (event: FlightEvent, drone = drones.find('d')) =>
    checkEvent(event, 'd', drone, options)?.code;

  test.each([
    ['ArrivedAtPickup', PICKUP],
    ['PickedUp', PICKUP],
    ['ArrivedAtDropoff', DROPOFF],
    ['Delivered', DROPOFF],
  ] as const)('P3 %s only where it belongs', (kind, position) => {
    const elsewhere = position === PICKUP ? DROPOFF : PICKUP;
    expect(check(flightEvent(mission, kind, { position }))).toBeUndefined();
    expect(check(flightEvent(mission, kind, { position: elsewhere }))).toBe('not_there');
    const beside = { ...position, latitude: position.latitude + 0.0005 };
    expect(check(flightEvent(mission, kind, { position: beside }))).toBeUndefined();
  });

  test('P3 not far from where the telemetry of that moment is; old events are not compared', () => {
    const drone = drones.touch('d');
    drones.apply(drone, flyingSample(mission, 1));
    expect(check(flightEvent(mission, 'LowBattery', { position: DROPOFF }))).toBe('not_there');
    const before = new Date(Date.now() - 120_000).toISOString();
    expect(check(flightEvent(mission, 'LowBattery', { position: DROPOFF, time: before }))).toBeUndefined();
  });

  test('P2 of an older mission only what answers or ends it', () => {
    const older = missionOf('d', 'older', 1);
    expect(check(flightEvent(older, 'TookOff'))).toBe('stale');
    expect(check(flightEvent(older, 'Recalled'))).toBeUndefined();
    expect(check(flightEvent(missionOf('d', 'forgotten', 1), 'Delivered'))).toBe('stale');
    expect(check(flightEvent(missionOf('d', 'made-up', 9), 'Delivered'))).toBe('unknown_mission');
  });
});

describe('a link that is lost', () => {
  test('L1 L2 is said once, in order, and again until the broker takes it', async () => {
    let time = 1_800_000_000_000;
    const now = () => time;
    let away = true;
    const told: FlightEvent[] = [];
    const deliveries = createDeliveries({ now, retainEnded: 1000 });
    deliveries.applyCommand(missionCommand(mission));
    const drones = createDrones({ deliveries, now, timeScale: 1 });
    const events = createFlightEvents({
      publish: async (batch) => {
        if (away) throw new Error('away');
        told.push(...batch);
      },
      check: () => undefined,
      ready: Promise.resolve(),
    });
    const changes: string[] = [];
    const watch = createLinkWatch({
      drones,
      deliveries,
      events,
      now,
      lostAfter: 15_000,
      onChange: (_drone, _mission, state) => changes.push(state),
    });
    const pass = async (ms: number) => {
      time += ms;
      watch.tick();
      await new Promise((resolve) => setImmediate(resolve));
    };
    drones.apply(drones.touch('d'), flyingSample(mission, 1, { time: new Date(time).toISOString() }));
    await pass(14_000);
    expect(changes).toEqual([]);
    await pass(2_000);
    await pass(5_000);
    expect(changes).toEqual(['lost']);
    drones.touch('d');
    await pass(1_000);
    expect(changes).toEqual(['lost', 'live']);
    expect(told).toEqual([]);
    away = false;
    await pass(1_000);
    await pass(1_000);
    expect(told.map(({ kind }) => kind)).toEqual(['LinkLost', 'LinkRestored']);
    expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(2);
  });

  test('a parked drone may be silent', async () => {
    let time = 1_800_000_000_000;
    const now = () => time;
    const deliveries = createDeliveries({ now, retainEnded: 1000 });
    deliveries.applyCommand(missionCommand(mission));
    const drones = createDrones({ deliveries, now, timeScale: 1 });
    const changes: string[] = [];
    const watch = createLinkWatch({
      drones,
      deliveries,
      events: { assert: async () => ({ kind: 'published' }) },
      now,
      lostAfter: 15_000,
      onChange: (_drone, _mission, state) => changes.push(state),
    });
    drones.touch('d');
    time += 60_000;
    watch.tick();
    expect(changes).toEqual([]);
  });
});

test('L2 an event that is being published is not offered a second time meanwhile', async () => {
  let time = Date.parse('2026-11-24T00:00:00Z');
  const now = () => time;
  const deliveries = createDeliveries({ now, retainEnded: 60_000 });
  deliveries.applyCommand(missionCommand(mission));
  const drones = createDrones({ deliveries, now, timeScale: 1 });
  const sample = flyingSample(mission, 1, { time: new Date(time).toISOString() });
  drones.apply(drones.touch('d'), sample);
  const offered: FlightEventKind[] = [];
  const gate = Promise.withResolvers<void>();
  const events: Pick<FlightEvents, 'assert'> = {
    assert: async ({ kind }) => {
      offered.push(kind);
      await gate.promise;
      return { kind: 'published' };
    },
  };
  const onChange = () => undefined;
  const watch = createLinkWatch({ drones, deliveries, events, now, lostAfter: 15_000, onChange });
  for (let second = 0; second < 20; second += 1) {
    time += 1_000;
    watch.tick();
  }
  expect(offered).toEqual(['LinkLost']);
  drones.touch('d');
  watch.tick();
  expect(offered).toEqual(['LinkLost']);
  gate.resolve();
  await expect.poll(() => offered).toEqual(['LinkLost', 'LinkRestored']);
});
