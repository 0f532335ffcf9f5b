/**
 * Decides which part of the ground the map shows. It follows the focus (the drone and its destination) until a person
 * moves the map by hand. It is plain data: the caller passes time and size.
 *
 * D1 The camera never jumps while it follows, unless motion is reduced: it glides, and ends exactly at its goal.
 * D2 It moves only when the focus fits badly or the drone has left the screen: a camera that moved with every sample would
 *    make people seasick.
 * D3 A camera that was moved by hand stays where it is until it is recentred.
 */
import { between, type Camera, fitted, isShown, type Size } from './camera.ts';
import type { Point } from './projection.ts';

export interface Direction {
  readonly camera: Camera;
  readonly glide: Glide | undefined;
  readonly isFollowing: boolean;
  /** ms: when the fit was last checked. */
  readonly lookedAt: number;
}

interface Glide {
  readonly from: Camera;
  readonly to: Camera;
  readonly since: number;
}

/** The points to show, and the screen to show them on. */
export interface View {
  readonly focus: readonly Point[];
  readonly size: Size;
  /** `prefers-reduced-motion` */
  readonly isStill: boolean;
}

const MARGIN = 64;
const GLIDE_MS = 700;
const LOOK_EVERY_MS = 3_000;
/** A drone nearer to the edge than this (pixels) counts as off the screen. */
const EDGE = 24;
/** Tolerances of a fit: offset of the middle as a share of the width, and factors of the scale. */
const TOLERANCE = { middle: 0.12, closer: 1.3, wider: 0.85 };

export const START: Direction = {
  camera: { x: 0, y: 0, scale: 0.1 },
  glide: undefined,
  isFollowing: true,
  lookedAt: 0,
};

/** Continues a glide that is under way. */
export function advance(direction: Direction, now: number): Direction {
  const { glide } = direction;
  if (!glide) return direction;
  const share = Math.min(1, (now - glide.since) / GLIDE_MS);
  if (share >= 1) return { ...direction, camera: glide.to, glide: undefined };
  return { ...direction, camera: between(glide.from, glide.to, share) };
}

/** Checks the fit when it is due, or at once when the drone has left the screen. */
export function follow(direction: Direction, view: View, drone: Point | undefined, now: number): Direction {
  const { camera, glide, isFollowing, lookedAt } = direction;
  if (!isFollowing || glide) return direction;
  const hasLeft = drone !== undefined && !isShown(camera, view.size, drone, EDGE);
  if (hasLeft) return turn({ ...direction, lookedAt: now }, fit(view), view, now);
  return now - lookedAt > LOOK_EVERY_MS ? look(direction, view, now) : direction;
}

/** Turns to the focus when it fits badly. */
export function look(direction: Direction, view: View, now: number): Direction {
  const wanted = fit(view);
  const next = { ...direction, lookedAt: now };
  return fits(direction.camera, wanted, view.size) ? next : turn(next, wanted, view, now);
}

/** Follows again, and turns to the focus even if it still fits. */
export function recenter(direction: Direction, view: View, now: number): Direction {
  return turn({ ...direction, isFollowing: true, lookedAt: now }, fit(view), view, now);
}

/** A person has moved the map. */
export function moveByHand(direction: Direction, camera: Camera): Direction {
  return { ...direction, camera, glide: undefined, isFollowing: false };
}

/** The screen has another size. */
export function resize(direction: Direction, view: View): Direction {
  const camera = direction.isFollowing ? fit(view) : direction.camera;
  return { ...direction, camera, glide: undefined };
}

function turn(direction: Direction, wanted: Camera, { size, isStill }: View, now: number): Direction {
  if (isStill || size.width <= 1) return { ...direction, camera: wanted, glide: undefined };
  return { ...direction, glide: { from: direction.camera, to: wanted, since: now } };
}

function fit({ focus, size }: View): Camera {
  return fitted(focus, size, Math.min(MARGIN, size.width / 5, size.height / 5));
}

function fits(camera: Camera, wanted: Camera, size: Size): boolean {
  const off = Math.hypot(wanted.x - camera.x, wanted.y - camera.y) * camera.scale;
  const zoom = wanted.scale / camera.scale;
  return off <= size.width * TOLERANCE.middle && zoom < TOLERANCE.closer && zoom > TOLERANCE.wider;
}
