/** What is to be shown on the map, in words of the application. The view makes it a picture. */
import type { Position } from '../../shared/contracts/common.ts';

export interface SceneDrone {
  readonly id: string;
  /** ms by our clock: when the sample was taken. */
  readonly takenAt: number;
  readonly position: Position;
  /** m/s in the drone's own time; without it, speed is taken from the samples. */
  readonly velocity?: { readonly north: number; readonly east: number };
  readonly heading: number;
  readonly tone: 'flying' | 'idle' | 'lost';
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
