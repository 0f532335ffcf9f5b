/** Selects the drones of a fleet that are on the screen, in the order of painting. Pure. */
import { type Camera, isShown, type Size, toScreen } from './camera.ts';
import type { Drawn } from './motion.ts';
import type { Point } from './projection.ts';
import type { SceneDrone } from './scene.ts';
import type { Tracks } from './tracks.ts';

export interface VisibleDrone {
  readonly id: string;
  readonly tone: SceneDrone['tone'];
  readonly drawn: Drawn;
}

/** Idle drones overlap at their base; drones in the air are painted last, on top. */
const ORDER = ['idle', 'stale', 'lost', 'flying'] as const;
/** A drone counts as visible until it is this far outside, pixels. */
const OUTSIDE = 20;
/** A click within this distance of a drone selects it, pixels. */
const REACH = 22;

export function visible(
  fleet: readonly SceneDrone[],
  tracks: Pick<Tracks, 'drawn'>,
  camera: Camera,
  size: Size,
  now: number,
): VisibleDrone[] {
  const byTone: Record<SceneDrone['tone'], VisibleDrone[]> = { idle: [], stale: [], lost: [], flying: [] };
  for (const { id, tone } of fleet) {
    const drawn = tracks.drawn(id, now);
    if (drawn && isShown(camera, size, drawn.point, -OUTSIDE)) byTone[tone].push({ id, tone, drawn });
  }
  return ORDER.flatMap((tone) => byTone[tone]);
}

/** The drone that a click selects: one in the air before others, then the nearest. */
export function droneAt(
  at: Point,
  drones: readonly VisibleDrone[],
  camera: Camera,
  size: Size,
): string | undefined {
  const near = drones.flatMap(({ id, tone, drawn }) => {
    const { x, y } = toScreen(camera, size, drawn.point);
    const distance = Math.hypot(x - at.x, y - at.y);
    return distance < REACH ? [{ id, isFlying: tone === 'flying', distance }] : [];
  });
  near.sort((a, b) => Number(b.isFlying) - Number(a.isFlying) || a.distance - b.distance);
  return near[0]?.id;
}
