import { beforeEach, describe, expect, test } from 'vitest';
import { createDeliveries, type Deliveries } from '../state/deliveries.ts';
import { createDrones, type Drones } from '../state/drones.ts';
import { BASE, DROPOFF, flightEvent, flyingSample, missionCommand, missionOf } from '../world.fixture.ts';
import { checkEvent } from './check-event.ts';

const START = Date.parse('2026-11-24T00:00:00Z');
const mission = missionOf('d', 'one', 2);
let now: number;
let deliveries: Deliveries;
let drones: Drones;

beforeEach(() => {
  now = START;
  deliveries = createDeliveries({ now: () => now, retainEnded: 60_000 });
  deliveries.applyCommand(missionCommand(mission));
  drones = createDrones({ deliveries, now: () => now, timeScale: 1 });
});

const at = (ms: number) => new Date(START + ms).toISOString();
const check = (changes: Parameters<typeof flightEvent>[2]) =>
  checkEvent(flightEvent(mission, 'TookOff', { time: at(0), ...changes }), 'd', drones.find('d'), {
    deliveries,
    now: () => now,
    timeScale: 1,
    arrivalRadius: 100,
  });

describe('P3 an event is compared with the telemetry around it', () => {
  test('far from there it is refused; while the telemetry itself is in doubt it is believed', () => {
    const drone = drones.touch('d');
    drones.apply(drone, flyingSample(mission, 1, { time: at(0), position: BASE }));
    expect(check({ position: DROPOFF })).toMatchObject({ code: 'not_there' });
    expect(drones.apply(drone, flyingSample(mission, 2, { time: at(1_000), position: DROPOFF }))).toBe(
      'outlier',
    );
    expect(check({ position: DROPOFF })).toBeUndefined();
  });

  test('half a minute from any telemetry there is nothing to compare with', () => {
    drones.apply(drones.touch('d'), flyingSample(mission, 1, { time: at(0), position: BASE }));
    now = START + 60_000;
    expect(check({ position: DROPOFF, time: at(20_000) })).toBeDefined();
    expect(check({ position: DROPOFF, time: at(30_001) })).toBeUndefined();
  });
});

test('a drone’s clock may be five minutes ahead, and not more', () => {
  expect(check({ time: at(300_000) })).toBeUndefined();
  expect(check({ time: at(300_001) })).toMatchObject({ code: 'wrong_time' });
});
