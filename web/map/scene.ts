/** The content of the map, in the application's terms. The view draws it. */
import type { Position } from '../../shared/contracts/common.ts';
import type { Point, Projection } from './projection.ts';

export interface SceneDrone {
  readonly id: string;
  /** ms on the browser's clock: when the sample was taken. */
  readonly takenAt: number;
  readonly position: Position;
  /** m/s in the drone's time; without it, the speed is computed from the samples. */
  readonly velocity?: { readonly north: number; readonly east: number };
  readonly heading: number;
  /** `lost`: the drone has no contact; `stale`: the page has no contact. */
  readonly tone: 'flying' | 'idle' | 'lost' | 'stale';
}

export interface Scene {
  readonly pickup?: Position | undefined;
  readonly dropoff?: Position | undefined;
  readonly base?: Position | undefined;
  /** Destination of the delivery's drone. */
  readonly heading?: 'pickup' | 'dropoff' | undefined;
  /** The delivery's drone, which has a marker and leaves a trail. */
  readonly drone?: SceneDrone | undefined;
  readonly fleet?: readonly SceneDrone[];
  readonly selected?: string | undefined;
}

export const EMPTY_SCENE: Scene = {};

/** Changes when the camera should check the fit: other places, another drone, another leg; not with each sample. */
export function sceneKey({ pickup, dropoff, heading, drone, selected }: Scene): string {
  return JSON.stringify([pickup, dropoff, heading, drone?.id, selected]);
}

/** The points that matter: the drone, the selected drone, and the rest of the delivery's places. */
export function focusOf(
  scene: Scene,
  drawnAt: (id: string | undefined) => Point | undefined,
  { toPoint }: Projection,
): Point[] {
  const places = scene.heading === 'dropoff' ? [scene.dropoff] : [scene.pickup, scene.dropoff];
  const points = places.map((place) => place && toPoint(place.longitude, place.latitude));
  return [drawnAt(scene.drone?.id), drawnAt(scene.selected), ...points].filter((each) => each !== undefined);
}
