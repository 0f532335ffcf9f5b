/** The content of the map, in words of the application. The view makes it a picture. */
import type { Position } from '../../shared/contracts/common.ts';
import type { Point, Projection } from './projection.ts';

export interface SceneDrone {
  readonly id: string;
  /** ms by our clock: when the sample was taken. */
  readonly takenAt: number;
  readonly position: Position;
  /** m/s in the drone's own time; without it, speed is taken from the samples. */
  readonly velocity?: { readonly north: number; readonly east: number };
  readonly heading: number;
  /** `lost`: the drone has no contact; `stale`: the page has none. */
  readonly tone: 'flying' | 'idle' | 'lost' | 'stale';
}

export interface Scene {
  readonly pickup?: Position | undefined;
  readonly dropoff?: Position | undefined;
  readonly base?: Position | undefined;
  /** Where the drone of the delivery is heading. */
  readonly heading?: 'pickup' | 'dropoff' | undefined;
  /** The delivery's drone: it has a marker and leaves a trail. */
  readonly drone?: SceneDrone | undefined;
  readonly fleet?: readonly SceneDrone[];
  readonly selected?: string | undefined;
}

export const EMPTY_SCENE: Scene = {};

/** Changes when the camera should look again: other places, another drone, another leg; not with each sample. */
export function sceneKey({ pickup, dropoff, heading, drone, selected }: Scene): string {
  return JSON.stringify([pickup, dropoff, heading, drone?.id, selected]);
}

/** The points that matter: the drone, the one that is selected, and where the delivery still has to go. */
export function focusOf(
  scene: Scene,
  drawnAt: (id: string | undefined) => Point | undefined,
  { toPoint }: Projection,
): Point[] {
  const places = scene.heading === 'dropoff' ? [scene.dropoff] : [scene.pickup, scene.dropoff];
  const points = places.map((place) => place && toPoint(place.longitude, place.latitude));
  return [drawnAt(scene.drone?.id), drawnAt(scene.selected), ...points].filter((each) => each !== undefined);
}
