/** Wires scene, camera, painter, loop and gestures together to a live map. */
import type { Position } from '../../shared/contracts/common.ts';
import { type Camera, moved, type Size, toGround, zoomed } from './camera.ts';
import { advance, follow, moveByHand, recenter, resize, START, type View } from './camera-director.ts';
import type { City } from './city.ts';
import { addGestures } from './gestures.ts';
import { createPainter, type PainterElements } from './painter.ts';
import { type Point, type Projection, projectionOf } from './projection.ts';
import { createRenderLoop } from './render-loop.ts';
import { EMPTY_SCENE, focusOf, type Scene, sceneKey } from './scene.ts';
import { createTracks } from './tracks.ts';
import { droneAt, visible } from './visible.ts';

export interface MapElements extends PainterElements {
  readonly root: HTMLElement;
}

export interface MapViewOptions {
  readonly city: City;
  readonly timeScale: number;
  readonly onPlace: (position: Position) => void;
  readonly onDrone: (id: string) => void;
}

export interface MapView {
  readonly show: (scene: Scene) => void;
  readonly zoom: (factor: number) => void;
  /** Shows the whole scene again, and follows it. */
  readonly recenter: () => void;
  readonly close: () => void;
}

/** Shortest time between two frames, with reduced motion and for fleets that take a whole frame to paint. */
const REDUCED_STEP_MS = 1_000;
const LARGE_FLEET_STEP_MS = 33;
const LARGE_FLEET = 300;
const LONGEST_TRAIL = 900;
/** Share of the city that is shown when there is nothing to focus on. */
const WHOLE = 0.72;

export function createMapView(elements: MapElements, options: MapViewOptions): MapView {
  const { root } = elements;
  const { city } = options;
  const projection = projectionOf(city.bbox);
  const tracks = createTracks(projection, options);
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const painter = createPainter(elements, { city, projection, tracks, isDark: () => dark.matches });
  const whole = corners(city, projection.toPoint);

  let size: Size = { width: 1, height: 1 };
  let scene = EMPTY_SCENE;
  let trail: Point[] = [];
  let direction = START;

  const pointOf = (id: string | undefined, now: number) =>
    id === undefined ? undefined : tracks.drawn(id, now)?.point;
  const view = (now: number): View => {
    const focus = focusOf(scene, (id) => pointOf(id, now), projection);
    return { focus: focus.length > 0 ? focus : whole, size, isStill: reduced.matches };
  };
  const loop = createRenderLoop({
    paint: (now) => {
      direction = follow(advance(direction, now), view(now), pointOf(scene.drone?.id, now), now);
      painter.paint(scene, trail, direction.camera, now);
      return direction.glide !== undefined || tracks.isMoving(now);
    },
    shortestMs: () => (reduced.matches ? REDUCED_STEP_MS : stepOf(scene)),
    now: Date.now,
    requestFrame: (callback) => requestAnimationFrame(callback),
    cancelFrame: (frame) => cancelAnimationFrame(frame),
  });
  const direct = (next: typeof direction) => {
    direction = next;
    root.dataset['following'] = String(next.isFollowing);
    loop.wake(true);
  };
  const byHand = (camera: Camera) => direct(moveByHand(direction, camera));
  const removeGestures = addGestures(root, {
    onMove: (dx, dy) => byHand(moved(direction.camera, dx, dy)),
    onZoom: (factor, at) => byHand(zoomed(direction.camera, size, factor, at)),
    onClick: (at) => {
      const { camera } = direction;
      const drone = droneAt(at, visible(scene.fleet ?? [], tracks, camera, size, Date.now()), camera, size);
      if (drone === undefined) options.onPlace(projection.toPosition(toGround(camera, size, at)));
      else options.onDrone(drone);
    },
  });
  const observer = new ResizeObserver(() => {
    size = { width: root.clientWidth, height: root.clientHeight };
    if (size.width * size.height === 0) return;
    painter.resize(size, Math.min(2, devicePixelRatio || 1));
    direct(resize(direction, view(Date.now())));
  });
  observer.observe(root);
  const darkness = new AbortController();
  dark.addEventListener('change', () => loop.wake(true), { signal: darkness.signal });

  return {
    show: (next) => {
      const now = Date.now();
      const isOther = sceneKey(next) !== sceneKey(scene);
      trail = extended(next.drone?.id === scene.drone?.id ? trail : [], next, projection);
      scene = next;
      tracks.update([...(next.drone ? [next.drone] : []), ...(next.fleet ?? [])], now);
      if (isOther && direction.isFollowing) direct(recenter(direction, view(now), now));
      loop.wake();
    },
    zoom: (factor) =>
      byHand(zoomed(direction.camera, size, factor, { x: size.width / 2, y: size.height / 2 })),
    recenter: () => direct(recenter(direction, view(Date.now()), Date.now())),
    close: () => {
      loop.close();
      observer.disconnect();
      darkness.abort();
      removeGestures();
      elements.markers.replaceChildren();
    },
  };
}

/** The flown track, with the newest sample of the delivery's drone. */
function extended(trail: readonly Point[], { drone }: Scene, { toPoint }: Projection): Point[] {
  const newest = drone ? [toPoint(drone.position.longitude, drone.position.latitude)] : [];
  return [...trail.slice(-LONGEST_TRAIL), ...newest];
}

function stepOf({ fleet = [] }: Scene): number {
  return fleet.length > LARGE_FLEET ? LARGE_FLEET_STEP_MS : 0;
}

function corners({ bbox: [west, south, east, north] }: City, toPoint: (x: number, y: number) => Point) {
  return [toPoint(west, north), toPoint(east, south)].map(({ x, y }) => ({ x: x * WHOLE, y: y * WHOLE }));
}
