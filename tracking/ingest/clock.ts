/**
 * The bounds on a drone's clock. A drone whose clock is wrong is told so, because its positions would be compared with those
 * of others, and its events with its positions, at times that never were.
 */
import type { Telemetry } from '../../shared/contracts/flight.ts';

/** A drone's clock may run ahead by this, ms. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** A sample may be so old: a drone keeps its newest samples through a gap of the link, ms. */
export const MAX_AGE_MS = 24 * 3_600_000;

/** `time` in ms since the epoch; undefined when it is within the bounds. */
export function wrongTime(time: number, now: number): string | undefined {
  if (time > now + MAX_AHEAD_MS) return `more than ${MAX_AHEAD_MS / 1000} s ahead of our clock`;
  return time < now - MAX_AGE_MS ? `more than ${MAX_AGE_MS / 3_600_000} h behind our clock` : undefined;
}

/** The first sample whose time is out of bounds: its path and the reason. */
export function findWrongTime(samples: readonly Telemetry[], now: number): string | undefined {
  for (const [index, { time }] of samples.entries()) {
    const wrong = wrongTime(Date.parse(time), now);
    if (wrong !== undefined) return `samples.${index}.time: ${wrong}`;
  }
  return undefined;
}
