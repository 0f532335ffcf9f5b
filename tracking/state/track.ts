/**
 * Orders one drone's samples, applies each once, and holds back outliers.
 *
 * O1 a sample is applied at most once, and never after one with a higher `seq` of the same boot: the state only advances.
 * O2 a boot that has been left does not come back; the boot of the drone's newest `hello`, or a later sample, is the current one.
 * O3 a jump faster than a drone can fly is held back; when several in a row agree with each other, the drone really is there.
 */
import type { Position } from '../../shared/contracts/common.ts';
import type { Telemetry } from '../../shared/contracts/flight.ts';

export type Verdict = 'applied' | 'duplicate' | 'late' | 'outlier' | 'oldBoot';

export interface Track {
  boot: string;
  readonly leftBoots: string[];
  /** Highest applied or held back. */
  seq: number;
  /** The sequence numbers seen among the last 32 up to `seq`: bit 0 is `seq` itself. */
  seen: number;
  latest: Telemetry | undefined;
  /** ms since the epoch, by the drone's clock. */
  latestTime: number;
  /** The last outlier, and how many agreed with it. */
  suspect: Telemetry | undefined;
  agreed: number;
}

/** No delivery drone is faster, m/s. */
const MAX_SPEED = 60;
/** Error of the receiver beyond its stated accuracy, m. */
const SLACK = 30;
const SIGMAS = 5;
const AGREEING = 4;
const WINDOW = 32;
const MAX_BOOTS = 8;
const METRES_PER_DEGREE = 111_320;

export function newTrack(): Track {
  return {
    boot: '',
    leftBoots: [],
    seq: -1,
    seen: 0,
    latest: undefined,
    latestTime: Number.NEGATIVE_INFINITY,
    suspect: undefined,
    agreed: 0,
  };
}

/** The drone has started again. */
export function beginBoot(track: Track, boot: string): void {
  if (track.boot === boot) return;
  if (track.boot !== '') {
    track.leftBoots.push(track.boot);
    if (track.leftBoots.length > MAX_BOOTS) track.leftBoots.shift();
  }
  const index = track.leftBoots.indexOf(boot);
  if (index >= 0) track.leftBoots.splice(index, 1);
  track.boot = boot;
  track.seq = -1;
  track.seen = 0;
}

/** Takes one sample; it becomes the track's `latest` only if it is applied. @param timeScale simulated seconds per second */
export function take(track: Track, sample: Telemetry, timeScale: number): Verdict {
  const time = Date.parse(sample.time);
  if (sample.boot !== track.boot) {
    if (track.leftBoots.includes(sample.boot) || time < track.latestTime) return 'oldBoot';
    beginBoot(track, sample.boot);
  }
  const ahead = sample.seq - track.seq;
  if (ahead <= 0) {
    if (-ahead >= WINDOW) return 'late';
    const bit = 1 << -ahead;
    if ((track.seen & bit) !== 0) return 'duplicate';
    track.seen |= bit;
    return 'late';
  }
  track.seen = ahead >= WINDOW || track.seq < 0 ? 1 : ((track.seen << ahead) | 1) >>> 0;
  track.seq = sample.seq;
  const { latest } = track;
  if (latest && !isWithinReach(latest, track.latestTime, sample, time, timeScale)) {
    const { suspect } = track;
    const agrees =
      suspect !== undefined && isWithinReach(suspect, Date.parse(suspect.time), sample, time, timeScale);
    track.agreed = agrees ? track.agreed + 1 : 1;
    track.suspect = sample;
    if (track.agreed < AGREEING) return 'outlier';
  }
  track.suspect = undefined;
  track.agreed = 0;
  track.latest = sample;
  track.latestTime = time;
  return 'applied';
}

/** Whether a drone can have flown from one position to the other in that time (ms). */
function isWithinReach(
  from: Telemetry,
  fromTime: number,
  to: Telemetry,
  toTime: number,
  timeScale: number,
): boolean {
  const seconds = (Math.max(0, toTime - fromTime) / 1000) * timeScale;
  const noise = SLACK * Math.max(1, timeScale) + SIGMAS * ((from.accuracy ?? 0) + (to.accuracy ?? 0));
  return roughDistance(from.position, to.position) <= seconds * MAX_SPEED + noise;
}

/** m; a sphere is exact enough to tell a jump from a flight, and costs a tenth of the ellipsoid. */
export function roughDistance(a: Position, b: Position): number {
  const north = (b.latitude - a.latitude) * METRES_PER_DEGREE;
  let turn = b.longitude - a.longitude;
  if (turn > 180) turn -= 360;
  else if (turn < -180) turn += 360;
  const east = turn * METRES_PER_DEGREE * Math.cos(((a.latitude + b.latitude) * Math.PI) / 360);
  return Math.hypot(north, east, b.altitude - a.altitude);
}
