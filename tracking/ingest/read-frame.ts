/** Reads a drone's frame: telemetry by the check of the hot path, rare frames by their schema. */
import { DroneFrame, type Telemetry } from '../../shared/contracts/flight.ts';
import { describeErrors, parseJson, read } from '../../shared/read.ts';
import { isObject, readTelemetry } from './read-telemetry.ts';

export type ReadFrame =
  | { readonly frame: DroneFrame; readonly wrong?: undefined }
  | { readonly frame?: undefined; readonly wrong: string };

export const MAX_SAMPLES = 100;

/** The text of an `error` frame: the first invalid field by its path, and the reason. */
export function readFrame(text: string): ReadFrame {
  const parsed = parseJson(text);
  if (!parsed.ok) return { wrong: 'not JSON' };
  const { value } = parsed;
  if (!isObject(value)) return { wrong: 'not an object' };
  if (value['type'] === 'telemetry') {
    for (const key in value) if (key !== 'type' && key !== 'samples') return { wrong: `${key}: unknown` };
    const found = readSamples(value['samples']);
    return found.samples ? { frame: { type: 'telemetry', samples: found.samples } } : { wrong: found.wrong };
  }
  const result = read(DroneFrame, value);
  return result.ok ? { frame: result.value } : { wrong: describeErrors(result.errors) };
}

export type ReadSamples =
  | { readonly samples: Telemetry[]; readonly wrong?: undefined }
  | { readonly samples?: undefined; readonly wrong: string };

/** All samples or none: one invalid sample makes the whole frame an error. */
export function readSamples(value: unknown): ReadSamples {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_SAMPLES) {
    return { wrong: `samples: must have 1 to ${MAX_SAMPLES} items` };
  }
  const samples: Telemetry[] = [];
  for (const [index, item] of value.entries()) {
    const found = readTelemetry(item);
    if (!found.sample) return { wrong: `samples.${index}.${found.wrong}: missing, unknown or out of range` };
    samples.push(found.sample);
  }
  return { samples };
}
