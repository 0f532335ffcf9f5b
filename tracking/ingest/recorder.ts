/**
 * Decimates telemetry for the hub: at most one record per drone and interval, in batches.
 *
 * T1 One batch is under way at a time; meanwhile the newest record of each drone waits, older ones are dropped.
 * T2 A change of mode, leg or load is recorded at once, regardless of the interval.
 * T3 A parked drone is recorded more rarely, unless its battery has changed by `BATTERY_STEP`: each record costs its
 *    reader a read and a write, and most of a fleet is parked.
 */
import type { Telemetry, TelemetryRecord } from '../../shared/contracts/flight.ts';
import type { PublishTelemetry } from '../ports.ts';
import type { Drone } from '../state/drones.ts';

export interface RecorderOptions {
  readonly publish: PublishTelemetry;
  readonly recordOf: (drone: Drone, sample: Telemetry) => TelemetryRecord;
  readonly now: () => number;
  /** Time between two records of a drone, and of a parked drone; ms. */
  readonly interval: number;
  readonly parkedInterval: number;
  readonly onOutcome: (records: number, error?: unknown) => void;
  readonly onDropped?: () => void;
}

export interface Recorder {
  readonly sample: (drone: Drone, sample: Telemetry, before: Telemetry | undefined) => void;
  /** Sends the waiting records. Call it a few times a second. */
  readonly flush: () => Promise<void>;
}

/** Records of one drone that may wait together. */
const MAX_CHANGES = 4;
/** Share of the battery's capacity. */
const BATTERY_STEP = 0.02;

export function createRecorder(options: RecorderOptions): Recorder {
  const { publish, recordOf, now, interval, parkedInterval, onOutcome, onDropped } = options;
  let waiting = new Map<string, TelemetryRecord[]>();
  let sending: Promise<void> | undefined;

  const send = async (records: TelemetryRecord[]) => {
    try {
      await publish(records);
      onOutcome(records.length);
    } catch (error) {
      onOutcome(records.length, error);
      for (const record of records) {
        if (!waiting.has(record.droneId)) waiting.set(record.droneId, [record]);
      }
    }
  };

  return {
    sample: (drone, sample, before) => {
      const change =
        before?.flightMode !== sample.flightMode ||
        before.leg !== sample.leg ||
        before.loaded !== sample.loaded;
      const isQuiet =
        sample.leg === 'Idle' && Math.abs(sample.battery - drone.recordedBattery) < BATTERY_STEP;
      if (!change && now() - drone.recordedAt < (isQuiet ? parkedInterval : interval)) return;
      drone.recordedAt = now();
      drone.recordedBattery = sample.battery;
      const record = recordOf(drone, sample);
      const others = waiting.get(drone.droneId);
      if (!others) waiting.set(drone.droneId, [record]);
      else if (change && others.length < MAX_CHANGES) others.push(record);
      else {
        others[others.length - 1] = record;
        onDropped?.();
      }
    },
    flush: async () => {
      if (sending) return sending;
      if (waiting.size === 0) return;
      const records = [...waiting.values()].flat();
      waiting = new Map();
      sending = send(records).finally(() => {
        sending = undefined;
      });
      await sending;
    },
  };
}
