/** Keeps the motion of each drone on the map, from the samples of the scene. */
import { type Drawn, drawn, isMoving, type Motion, type MotionOptions, observe } from './motion.ts';
import type { Point, Projection } from './projection.ts';
import type { SceneDrone } from './scene.ts';

export interface Tracks {
  /** Adds new samples; forgets drones that are no longer in the scene. */
  readonly update: (drones: readonly SceneDrone[], now: number) => void;
  readonly drawn: (id: string, now: number) => Drawn | undefined;
  readonly isMoving: (now: number) => boolean;
}

/** Two samples closer than this would give a speed of noise, s. */
const MIN_SPAN = 0.2;

export function createTracks(projection: Projection, options: MotionOptions): Tracks {
  const motions = new Map<string, Motion>();

  const velocityOf = (
    { velocity, takenAt, tone }: SceneDrone,
    point: Point,
    before: Motion | undefined,
  ): Point => {
    if (velocity) return { x: velocity.east * options.timeScale, y: -velocity.north * options.timeScale };
    if (!before || tone === 'idle') return { x: 0, y: 0 };
    const span = (takenAt - before.sample.at) / 1000;
    if (span < MIN_SPAN || span > 5) return before.sample.velocity;
    return { x: (point.x - before.sample.point.x) / span, y: (point.y - before.sample.point.y) / span };
  };

  return {
    update: (drones, now) => {
      const there = new Set(drones.map(({ id }) => id));
      for (const id of motions.keys()) if (!there.has(id)) motions.delete(id);
      for (const drone of drones) {
        const before = motions.get(drone.id);
        if (before && before.sample.at >= drone.takenAt) continue;
        const point = projection.toPoint(drone.position.longitude, drone.position.latitude);
        const velocity = velocityOf(drone, point, before);
        const sample = { at: drone.takenAt, point, velocity, heading: drone.heading };
        motions.set(drone.id, observe(before, sample, now, options));
      }
    },
    drawn: (id, now) => {
      const motion = motions.get(id);
      return motion && drawn(motion, now, options);
    },
    isMoving: (now) => [...motions.values()].some((motion) => isMoving(motion, now, options)),
  };
}
