/** A drone's frame, read: telemetry by the hot path's check, the rare ones by their schema. */
import { DroneFrame, type Telemetry } from '../../shared/contracts/flight.ts';
import { isObject, readTelemetry } from './read-telemetry.ts';

export type ReadFrame =
  | { readonly frame: DroneFrame; readonly wrong?: undefined }
  | { readonly frame?: undefined; readonly wrong: string };

export const MOST_SAMPLES = 100;

/** What is wrong is said with its path, for the `error` frame. */
export function readFrame(text: string): ReadFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: 'not JSON' };
  }
  if (!isObject(value)) return { wrong: 'not an object' };
  if (value['type'] === 'telemetry') {
    for (const key in value) if (key !== 'type' && key !== 'samples') return { wrong: `${key}: unknown` };
    const read = readSamples(value['samples']);
    return read.samples ? { frame: { type: 'telemetry', samples: read.samples } } : { wrong: read.wrong };
  }
  const result = DroneFrame.safeParse(value);
  if (result.success) return { frame: result.data };
  const [issue] = result.error.issues;
  return { wrong: `${issue?.path.join('.') || 'frame'}: ${issue?.message}` };
}

export type ReadSamples =
  | { readonly samples: Telemetry[]; readonly wrong?: undefined }
  | { readonly samples?: undefined; readonly wrong: string };

/** All of them or none: a sender that is wrong once is told so. */
export function readSamples(value: unknown): ReadSamples {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_SAMPLES) {
    return { wrong: `samples: between 1 and ${MOST_SAMPLES} are needed` };
  }
  const samples: Telemetry[] = [];
  for (const [index, item] of value.entries()) {
    const read = readTelemetry(item);
    if (!read.sample) return { wrong: `samples.${index}.${read.wrong}: missing, unknown or out of range` };
    samples.push(read.sample);
  }
  return { samples };
}
