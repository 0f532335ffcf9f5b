/**
 * Bounds the error of a drone's clock. A drone whose clock is wrong gets an error, because its positions would be compared
 * with those of other drones, and its events with its positions, at wrong times.
 */
import type { Telemetry } from '../../shared/contracts/flight.ts';

/** How far ahead a drone's clock may run, ms. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** How old a sample may be, ms: a drone keeps its newest samples while the link is down. */
export const MAX_AGE_MS = 24 * 3_600_000;

/** `time` in ms since the epoch; undefined when it is within the bounds. */
export function wrongTime(time: number, now: number): string | undefined {
  if (time > now + MAX_AHEAD_MS) return `more than ${MAX_AHEAD_MS / 1000} s ahead of the server's clock`;
  return time < now - MAX_AGE_MS
    ? `more than ${MAX_AGE_MS / 3_600_000} h behind the server's clock`
    : undefined;
}

/** The first sample whose time is out of bounds: its path and the reason. */
export function findWrongTime(samples: readonly Telemetry[], now: number): string | undefined {
  for (const [index, { time }] of samples.entries()) {
    const wrong = wrongTime(Date.parse(time), now);
    if (wrong !== undefined) return `samples.${index}.time: ${wrong}`;
  }
  return undefined;
}
