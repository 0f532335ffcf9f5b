/** Paints a scene: the ground on one canvas when the camera moves, the rest on another at every frame. */
import { type Camera, type Size, toScreen } from './camera.ts';
import type { City } from './city.ts';
import { coloursOf, type MapColours } from './colours.ts';
import { groundOf, paintGround } from './ground.ts';
import { createMarkers } from './markers.ts';
import { clear, paintRoute, paintSelection } from './overlay.ts';
import type { Point, Projection } from './projection.ts';
import type { Scene } from './scene.ts';
import { createSprites, type Sprites } from './sprites.ts';
import type { Tracks } from './tracks.ts';
import { visible } from './visible.ts';

export interface PainterElements {
  readonly ground: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly markers: HTMLElement;
}

export interface Painter {
  readonly resize: (size: Size, ratio: number) => void;
  readonly paint: (scene: Scene, trail: readonly Point[], camera: Camera, now: number) => void;
}

export interface PainterOptions {
  readonly city: City;
  readonly projection: Projection;
  readonly tracks: Tracks;
  readonly isDark: () => boolean;
}

export function createPainter(elements: PainterElements, options: PainterOptions): Painter {
  const { projection, tracks, isDark } = options;
  const ground = groundOf(options.city, projection);
  const markers = createMarkers(elements.markers);
  const [below, above] = [elements.ground, elements.overlay].map((canvas) => canvas.getContext('2d')) as [
    CanvasRenderingContext2D,
    CanvasRenderingContext2D,
  ];
  let size: Size = { width: 1, height: 1 };
  let ratio = 1;
  let colours: MapColours | undefined;
  let sprites: Sprites | undefined;
  let painted: Camera | undefined;

  const prepare = (): MapColours => {
    const wanted = coloursOf(isDark());
    if (wanted !== colours || !sprites) {
      colours = wanted;
      sprites = createSprites(wanted.overlay, ratio);
      painted = undefined;
    }
    return wanted;
  };

  return {
    resize: (next, nextRatio) => {
      [size, ratio, sprites] = [next, nextRatio, undefined];
      for (const canvas of [elements.ground, elements.overlay]) {
        canvas.width = Math.round(size.width * ratio);
        canvas.height = Math.round(size.height * ratio);
      }
    },
    paint: (scene, trail, camera, now) => {
      const { ground: palette, overlay } = prepare();
      if (painted !== camera) paintGround(below, ground, camera, size, ratio, palette);
      painted = camera;
      clear(above, size, ratio);
      const drone = scene.drone && tracks.drawn(scene.drone.id, now);
      const route = routeOf(scene, drone?.point, projection);
      const flown = drone ? [...trail, drone.point] : trail;
      paintRoute(above, { ahead: route.ahead, trail: flown }, camera, size, overlay);
      for (const { id, tone, drawn } of visible(scene.fleet ?? [], tracks, camera, size, now)) {
        const { x, y } = toScreen(camera, size, drawn.point);
        if (id === scene.selected) paintSelection(above, x, y, overlay[tone]);
        sprites?.draw(above, { tone, heading: drawn.heading }, x, y);
      }
      markers.place('pickup', route.pickup, camera, size);
      markers.place('dropoff', route.dropoff, camera, size);
      markers.drone(drone, scene.drone?.tone ?? 'flying', camera, size);
    },
  };
}

/** The rest of the planned route, from the drone on, or from its base before it is seen. */
function routeOf(scene: Scene, drone: Point | undefined, { toPoint }: Projection) {
  const [pickup, dropoff, base] = [scene.pickup, scene.dropoff, scene.base].map(
    (position) => position && toPoint(position.longitude, position.latitude),
  );
  const start = drone ?? (scene.heading === undefined ? undefined : base);
  const ahead = [start, scene.heading === 'dropoff' ? undefined : pickup, dropoff];
  return { pickup, dropoff, ahead: ahead.filter((each) => each !== undefined) };
}
