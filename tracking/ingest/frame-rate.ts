/**
 * Limits the frames per second of one drone.
 *
 * R1 Frames beyond the limit are refused; the drone is told of the first in each second, the others are only counted.
 * R2 A drone that exceeds the limit in `MAX_CROWDED_SECONDS` seconds in a row must be cut off.
 *
 * A count per socket instead of an entry and a timer of a limiter: this runs for every frame.
 */
export interface FrameRate {
  second: number;
  frames: number;
  crowdedSeconds: number;
}

export type RateVerdict = 'taken' | 'told' | 'refused' | 'cut';

const MAX_CROWDED_SECONDS = 10;

export const newFrameRate = (): FrameRate => ({ second: 0, frames: 0, crowdedSeconds: 0 });

/** Takes one frame at `now`, ms since the epoch. */
export function takeFrame(rate: FrameRate, max: number, now: number): RateVerdict {
  const second = Math.floor(now / 1000);
  if (second !== rate.second) {
    const wasCrowded = rate.frames > max && second === rate.second + 1;
    rate.crowdedSeconds = wasCrowded ? rate.crowdedSeconds + 1 : 0;
    rate.second = second;
    rate.frames = 0;
  }
  rate.frames += 1;
  if (rate.frames <= max) return 'taken';
  if (rate.crowdedSeconds >= MAX_CROWDED_SECONDS) return 'cut';
  return rate.frames === max + 1 ? 'told' : 'refused';
}
