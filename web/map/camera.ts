/** The visible part of the ground: a middle (m) and a scale (pixels per m). Pure. */
import type { Point } from './projection.ts';

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const MIN_SCALE = 0.02;
const MAX_SCALE = 2;

export function toScreen({ x, y, scale }: Camera, { width, height }: Size, point: Point): Point {
  return { x: (point.x - x) * scale + width / 2, y: (point.y - y) * scale + height / 2 };
}

export function toGround({ x, y, scale }: Camera, { width, height }: Size, point: Point): Point {
  return { x: (point.x - width / 2) / scale + x, y: (point.y - height / 2) / scale + y };
}

export function moved(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale };
}

/** Zooms; the ground under `at` (pixels) stays where it is. */
export function zoomed(camera: Camera, size: Size, factor: number, at: Point): Camera {
  const fixed = toGround(camera, size, at);
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, camera.scale * factor));
  return {
    scale,
    x: fixed.x - (at.x - size.width / 2) / scale,
    y: fixed.y - (at.y - size.height / 2) / scale,
  };
}

/** Shows all points with a margin (pixels). `closest` limits the scale. */
export function fitted(points: readonly Point[], size: Size, margin: number, closest = 0.35): Camera {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const across = Math.max(1, size.width - 2 * margin) / Math.max(1, right - left);
  const down = Math.max(1, size.height - 2 * margin) / Math.max(1, bottom - top);
  const scale = Math.max(MIN_SCALE, Math.min(closest, across, down));
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}

/** Whether the point is on the screen, at least `margin` pixels from its edge. */
export function isShown(camera: Camera, size: Size, point: Point, margin: number): boolean {
  const { x, y } = toScreen(camera, size, point);
  return x >= margin && y >= margin && x <= size.width - margin && y <= size.height - margin;
}

/** A camera between two others, at `share` 0 to 1; the zoom is interpolated by factors. */
export function between(from: Camera, to: Camera, share: number): Camera {
  const eased = share * share * (3 - 2 * share);
  return {
    x: from.x + (to.x - from.x) * eased,
    y: from.y + (to.y - from.y) * eased,
    scale: from.scale * (to.scale / from.scale) ** eased,
  };
}
