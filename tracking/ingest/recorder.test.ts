import { beforeEach, expect, test } from 'vitest';
import type { Telemetry, TelemetryRecord } from '../../shared/contracts/flight.ts';
import { createDeliveries } from '../state/deliveries.ts';
import { createDrones, type Drones } from '../state/drones.ts';
import { sampleOf } from '../world.fixture.ts';
import { createRecorder, type Recorder } from './recorder.ts';

let time: number;
let batches: TelemetryRecord[][];
let answer: () => Promise<void>;
let recorder: Recorder;
let drones: Drones;

beforeEach(() => {
  time = 1_000_000;
  batches = [];
  answer = async () => undefined;
  const now = () => time;
  drones = createDrones({ deliveries: createDeliveries({ now, retainEnded: 1 }), now, timeScale: 1 });
  recorder = createRecorder({
    publish: async (records) => {
      await answer();
      batches.push([...records]);
    },
    recordOf: drones.recordOf,
    now,
    interval: 2_000,
    parkedInterval: 10_000,
    onOutcome: () => undefined,
  });
});

const feed = (droneId: string, seq: number, changes: Partial<Telemetry> = {}) => {
  const drone = drones.touch(droneId);
  const before = drone.track.latest;
  const sample = sampleOf(droneId, { seq, leg: 'ToPickup', ...changes });
  drones.apply(drone, sample);
  recorder.sample(drone, sample, before);
};
const seqs = () => batches.map((batch) => batch.map(({ seq }) => seq));

test('T2 one record per interval, and each change of mode, leg or load at once', async () => {
  for (let seq = 0; seq < 40; seq += 1) {
    feed('d', seq, seq >= 25 ? { flightMode: 'Inflight' } : {});
    await recorder.flush();
    time += 100;
  }
  expect(seqs()).toEqual([[0], [20], [25]]);
});

test('T3 a parked drone is recorded more rarely, but its battery is followed while it charges', async () => {
  for (let seq = 0; seq < 300; seq += 1) {
    const battery = seq < 150 ? 0.5 : 0.5 + (seq - 149) / 1024;
    feed('parked', seq, { leg: 'Idle', battery });
    await recorder.flush();
    time += 100;
  }
  expect(seqs().flat()).toEqual([0, 100, 170, 191, 212, 233, 254, 275, 296]);
});

test('T1 while the broker is away the newest of each drone waits, and memory stays flat', async () => {
  answer = () => Promise.reject(new Error('away'));
  for (let seq = 0; seq < 50; seq += 1) {
    feed('a', seq);
    feed('b', seq);
    await recorder.flush();
    time += 2_000;
  }
  expect(batches).toEqual([]);
  answer = async () => undefined;
  await recorder.flush();
  expect(batches.flat().map(({ droneId, seq }) => [droneId, seq])).toEqual([
    ['a', 49],
    ['b', 49],
  ]);
});

test('a failed batch does not replace what came meanwhile', async () => {
  const gate = Promise.withResolvers<void>();
  answer = () => gate.promise;
  feed('a', 1);
  const first = recorder.flush();
  time += 2_000;
  feed('a', 2);
  gate.reject(new Error('away'));
  await first;
  answer = async () => undefined;
  await recorder.flush();
  expect(seqs()).toEqual([[2]]);
});
