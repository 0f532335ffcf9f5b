/**
 * Places a drone between two samples by dead reckoning from the newest sample, with a correction that fades, so the
 * marker never jumps.
 *
 * M1 The drawing is continuous in time, no matter how late or wrong the samples are, unless the error exceeds `SNAP_METRES`.
 * M2 It is reckoned ahead for `AHEAD_MS` at most; then it stands still until the next sample.
 * M3 The heading turns the shorter way.
 */
import type { Point } from './projection.ts';

export interface Sample {
  /** ms, on the clock that is passed to `drawn`: when the sample was taken. */
  readonly at: number;
  readonly point: Point;
  /** m/s on that clock */
  readonly velocity: Point;
  /** Degrees clockwise from north. */
  readonly heading: number;
}

export interface Drawn {
  readonly point: Point;
  readonly heading: number;
}

export interface Motion {
  readonly sample: Sample;
  /** The distance from the new sample to the drawing when it arrived; it fades. */
  readonly error: Point;
  readonly headingError: number;
  readonly since: number;
}

const BLEND_MS = 400;
const AHEAD_MS = 3_000;
const SNAP_METRES = 200;

export interface MotionOptions {
  /** Simulated seconds per second: a distance that is long in real time is short in fast time. */
  readonly timeScale: number;
}

export function observe(
  motion: Motion | undefined,
  sample: Sample,
  now: number,
  { timeScale }: MotionOptions,
): Motion {
  const fresh: Motion = { sample, error: { x: 0, y: 0 }, headingError: 0, since: now };
  if (!motion) return fresh;
  if (sample.at < motion.sample.at) return motion;
  const before = drawn(motion, now, { timeScale });
  const after = drawn(fresh, now, { timeScale });
  const error = { x: before.point.x - after.point.x, y: before.point.y - after.point.y };
  if (Math.hypot(error.x, error.y) > SNAP_METRES * Math.max(1, timeScale)) return fresh;
  return { ...fresh, error, headingError: turn(after.heading, before.heading) };
}

export function drawn(
  { sample, error, headingError, since }: Motion,
  now: number,
  options: MotionOptions,
): Drawn {
  const ahead = Math.max(0, Math.min(now - sample.at, longestAhead(options))) / 1000;
  const left = remainder((now - since) / BLEND_MS);
  return {
    point: {
      x: sample.point.x + sample.velocity.x * ahead + error.x * left,
      y: sample.point.y + sample.velocity.y * ahead + error.y * left,
    },
    heading: (sample.heading + headingError * left + 360) % 360,
  };
}

/** True while the drawing changes; otherwise it need not be drawn again. */
export function isMoving({ sample, since }: Motion, now: number, options: MotionOptions): boolean {
  const flies =
    Math.hypot(sample.velocity.x, sample.velocity.y) > 0.1 && now - sample.at < longestAhead(options);
  return flies || now - since < BLEND_MS;
}

/** In fast time samples are as frequent as in real time, but a drone flies farther between them. */
const longestAhead = ({ timeScale }: MotionOptions) => Math.max(600, AHEAD_MS / Math.max(1, timeScale));

/** From 1 to 0, with no corner at either end. */
function remainder(share: number): number {
  if (share >= 1) return 0;
  if (share <= 0) return 1;
  return 1 - share * share * (3 - 2 * share);
}

/** Degrees from one heading to another, -180 to 180. */
function turn(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
}
