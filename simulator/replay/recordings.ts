/**
 * Reads recorded flights: subtitles of DJI drones (SRT) and MAVLink telemetry logs (tlog), from a file, or by name from `samples`.
 *
 * R1 A fix that cannot be right is skipped and counted: one without a position (0, 0, or out of range), or one that the drone could not
 *    have reached from its neighbours. A wrong first fix does not invalidate the others.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Position } from '../../shared/contracts/common.ts';
import { distance, toLocal } from '../../shared/geo/distance.ts';
import type { Fix } from './fix.ts';
import { readSrt } from './srt.ts';
import { readTlog } from './tlog.ts';
import { endOf, type MovedTrack, moveTrack, type Track } from './track.ts';

/** A recording, and the number of fixes that were skipped. */
export interface Recording extends Track {
  readonly skipped: { readonly withoutPosition: number; readonly outOfReach: number };
}

/** A higher speed between two fixes is an error of the recording, m/s: receivers round and repeat. */
const MAX_SPEED = 60;
/** Number of first fixes that may be wrong. */
const MAX_WRONG_STARTS = 50;

/**
 * Reads a recording; `name` is a path or one of the samples (`p4_rtk.SRT`, `mavic_pro.SRT`).
 * @throws Error that names the file: there is no such file, or no flight in it
 */
export async function readRecording(name: string): Promise<Recording> {
  const content = await readFile(locate(name));
  if (content.length === 0) throw new Error(`${name}: the file is empty`);
  const read = fixesOf(name, content);
  if (read.length === 0) throw new Error(`${name}: no positions in this recording`);
  const positioned = read.filter(hasPosition).toSorted((a, b) => a.at - b.at);
  const flight = longestFlight(positioned);
  const [first] = flight;
  if (!first || flight.length < 2)
    throw new Error(`${name}: fewer than two of its ${read.length} positions are usable`);
  return {
    name: basename(name),
    points: flight.map(({ at, position }) => ({ at: at - first.at, ...toLocal(first.position, position) })),
    skipped: {
      withoutPosition: read.length - positioned.length,
      outOfReach: positioned.length - flight.length,
    },
  };
}

/**
 * The recording as the simulator flies it from a pickup. A delivery to `dropoff` is flown along it.
 */
export async function replayRoute(
  name: string,
  pickup: Position,
): Promise<{ readonly dropoff: Position; readonly track: MovedTrack }> {
  const track = moveTrack(await readRecording(name), pickup);
  return { dropoff: endOf(track), track };
}

function fixesOf(name: string, content: Buffer): Fix[] {
  if (name.toLowerCase().endsWith('.tlog')) return readTlog(content);
  try {
    return readSrt(content.toString('utf8'));
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Receivers report 0, 0 or the largest integer until they know where they are. */
function hasPosition({ position: { latitude, longitude } }: Fix): boolean {
  return (latitude !== 0 || longitude !== 0) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** A sequence of fixes that a drone can have flown, from the start that keeps the most fixes. */
function longestFlight(fixes: readonly Fix[]): readonly Fix[] {
  let longest: Fix[] = [];
  for (let start = 0; start < Math.min(MAX_WRONG_STARTS, fixes.length); start += 1) {
    const flight = flightFrom(fixes, start);
    if (flight.length > longest.length) longest = flight;
    if (longest.length > (fixes.length - start) / 2) break;
  }
  return longest;
}

function flightFrom(fixes: readonly Fix[], start: number): Fix[] {
  const flight: Fix[] = [];
  for (const fix of fixes.slice(start)) {
    const before = flight.at(-1);
    const span = before ? fix.at - before.at : 1;
    if (span <= 0 || (before && distance(before.position, fix.position) / span > MAX_SPEED)) continue;
    flight.push(fix);
  }
  return flight;
}

/** The folder of samples, relative to this source and to the simulator's bundle. */
const SAMPLES = ['samples', '../../../simulator/replay/samples'].map((path) =>
  join(import.meta.dirname, path),
);

function locate(name: string): string {
  const file = [name, ...SAMPLES.map((folder) => join(folder, name))].find((path) => existsSync(path));
  if (file === undefined)
    throw new Error(`${name}: there is no such file, and no sample recording of this name`);
  return file;
}
