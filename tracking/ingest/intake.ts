/**
 * Handles a drone's frames: telemetry goes to state, watchers and recorder, events to the broker, confirmations to the
 * commands.
 *
 * I1 A sample is pushed to watchers in the same turn in which it was received.
 * I2 A drone speaks for itself only: samples and events of another are refused.
 * I3 A sample whose time is out of bounds (clock.ts) changes nothing; the drone gets an error.
 */
import type { DroneFrame, FlightEvent, Telemetry, ToDroneFrame } from '../../shared/contracts/flight.ts';
import type { Watchers } from '../fan-out/watchers.ts';
import type { Guard } from '../guard.ts';
import type { Counter, Metrics } from '../metrics.ts';
import type { Drone, Drones } from '../state/drones.ts';
import type { Verdict } from '../state/track.ts';
import { findWrongTime, wrongTime } from './clock.ts';
import type { Commands } from './commands.ts';
import type { FlightEvents } from './flight-events.ts';
import type { Recorder } from './recorder.ts';

export interface IntakeOptions {
  readonly drones: Drones;
  readonly watchers: Pick<Watchers, 'isWatched' | 'position'>;
  readonly recorder: Pick<Recorder, 'sample'>;
  readonly events: Pick<FlightEvents, 'handle'>;
  readonly commands: Pick<Commands, 'hello' | 'received'>;
  readonly reply: (droneId: string, frame: ToDroneFrame) => void;
  readonly metrics: Metrics;
  readonly guard: Guard;
  readonly now: () => number;
}

export type SampleCounts = Readonly<Record<(typeof RESULTS)[number], number>>;

export interface Intake {
  readonly frame: (droneId: string, frame: DroneFrame) => void;
  readonly samples: (droneId: string, samples: readonly Telemetry[]) => SampleCounts;
}

const RESULTS = [
  'applied',
  'duplicate',
  'late',
  'outlier',
  'oldBoot',
  'notYours',
  'wrongTime',
] as const satisfies readonly (Verdict | 'notYours' | 'wrongTime')[];
/** Seconds from the drone's clock to the server's. ASTM F3411 asks for 95 % within 1 s, 99 % within 3 s. */
const LATENESS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 60];

export function createIntake(options: IntakeOptions): Intake {
  const { drones, watchers, recorder, events, commands, reply, metrics, guard, now } = options;
  const counters = countersOf(metrics);
  const lateness = metrics.histogram(
    'tracking_telemetry_age_seconds',
    'Age of a sample when it was received',
    LATENESS_BUCKETS,
  );

  const one = (drone: Drone, sample: Telemetry): keyof SampleCounts => {
    if (sample.droneId !== drone.droneId) return 'notYours';
    if (wrongTime(Date.parse(sample.time), now()) !== undefined) return 'wrongTime';
    const before = drone.track.latest;
    const verdict = drones.apply(drone, sample);
    if (verdict !== 'applied') return verdict;
    lateness.observe(Math.max(0, now() - drone.track.latestTime) / 1000);
    const { deliveryId } = sample;
    if (deliveryId !== undefined && watchers.isWatched(deliveryId) && drones.missionOf(drone)) {
      watchers.position(deliveryId, drones.watchPositionOf(drone, sample));
    }
    recorder.sample(drone, sample, before);
    return verdict;
  };

  const samples = (droneId: string, list: readonly Telemetry[]): SampleCounts => {
    const counts = { applied: 0, duplicate: 0, late: 0, outlier: 0, oldBoot: 0, notYours: 0, wrongTime: 0 };
    const drone = drones.touch(droneId);
    const ordered = list.length > 1 ? [...list].sort((a, b) => a.seq - b.seq) : list;
    for (const sample of ordered) {
      const result = one(drone, sample);
      counts[result] += 1;
      counters[result].add();
    }
    return counts;
  };

  const event = guard('flight event', async (droneId: string, asserted: FlightEvent) => {
    const outcome = await events.handle(asserted, droneId);
    const { eventId } = asserted;
    if (outcome.kind === 'published' || outcome.kind === 'repeated') reply(droneId, { type: 'ack', eventId });
    else if (outcome.kind === 'refused') reply(droneId, { type: 'error', ...outcome.refusal, eventId });
  });

  return {
    samples,
    frame: (droneId, frame) => {
      switch (frame.type) {
        case 'telemetry': {
          const { notYours, wrongTime: outOfTime } = samples(droneId, frame.samples);
          if (notYours > 0) {
            reply(droneId, { type: 'error', code: 'wrong_drone', detail: `this socket is ${droneId}'s` });
          }
          if (outOfTime > 0) {
            const detail = findWrongTime(frame.samples, now()) ?? 'time: out of bounds';
            reply(droneId, { type: 'error', code: 'wrong_time', detail });
          }
          return;
        }
        case 'hello':
          drones.touch(droneId);
          drones.hello(droneId, frame.boot);
          commands.hello(droneId, frame.newestFence);
          return;
        case 'received':
          drones.touch(droneId);
          commands.received(droneId, frame.commandId);
          return;
        case 'event':
          drones.touch(droneId);
          event(droneId, frame.event);
          return;
        default:
          frame satisfies never;
      }
    },
  };
}

function countersOf(metrics: Metrics) {
  return Object.fromEntries(
    RESULTS.map((result) => [
      result,
      metrics.counter('tracking_samples_total', 'Telemetry samples by their outcome', { result }),
    ]),
  ) as unknown as Record<(typeof RESULTS)[number], Counter>;
}
