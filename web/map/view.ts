/** The map as a picture that lives: camera, layers, and the loop that draws when something moves. */
import type { Position } from '../../shared/contracts/common.ts';
import {
  between,
  type Camera,
  fitted,
  isShown,
  moved,
  type Size,
  toGround,
  toScreen,
  zoomed,
} from './camera.ts';
import type { City } from './city.ts';
import { coloursOf } from './colours.ts';
import { addGestures } from './gestures.ts';
import { groundOf, paintGround } from './ground.ts';
import { createMarkers } from './markers.ts';
import { clear, paintFleet, paintRoute } from './overlay.ts';
import { type Point, projectionOf } from './projection.ts';
import { EMPTY_SCENE, type Scene } from './scene.ts';
import { createTracks } from './tracks.ts';

export interface MapElements {
  readonly root: HTMLElement;
  readonly ground: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly markers: HTMLElement;
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
  /** Shows all of the scene again, and follows it. */
  readonly recenter: () => void;
  readonly close: () => void;
}

const MARGIN = 64;
const GLIDE_MS = 700;
const LOOK_MS = 3_000;
const REDUCED_STEP_MS = 1_000;
const LONGEST_TRAIL = 900;
/** A click this near to a drone means the drone, pixels. */
const REACH = 22;

export function createMapView(elements: MapElements, options: MapViewOptions): MapView {
  const { root } = elements;
  const { city, timeScale } = options;
  const projection = projectionOf(city.bbox);
  const ground = groundOf(city, projection);
  const tracks = createTracks(projection, { timeScale });
  const markers = createMarkers(elements.markers);
  const [below, above] = [elements.ground, elements.overlay].map((canvas) => canvas.getContext('2d')) as [
    CanvasRenderingContext2D,
    CanvasRenderingContext2D,
  ];
  const [west, south, east, north] = city.bbox;
  const whole = [projection.toPoint(west, north), projection.toPoint(east, south)].map(({ x, y }) => ({
    x: x * 0.72,
    y: y * 0.72,
  }));
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  const dark = matchMedia('(prefers-color-scheme: dark)');

  let size: Size = { width: 1, height: 1 };
  let ratio = 1;
  let camera: Camera = { x: 0, y: 0, scale: 0.1 };
  let glide: { readonly from: Camera; readonly to: Camera; readonly since: number } | undefined;
  let scene = EMPTY_SCENE;
  let trail: Point[] = [];
  let isFollowing = true;
  let lookedAt = 0;
  let isStale = true;
  let frame = 0;
  let steppedAt = 0;
  let isClosed = false;

  const point = (position: Position | undefined) =>
    position && projection.toPoint(position.longitude, position.latitude);

  const focus = (now: number): Point[] => {
    const drone = scene.drone && tracks.drawn(scene.drone.id, now)?.point;
    const selected = scene.selected === undefined ? undefined : tracks.drawn(scene.selected, now)?.point;
    const target =
      scene.heading === 'dropoff' ? [point(scene.dropoff)] : [point(scene.pickup), point(scene.dropoff)];
    const points = [drone, selected, ...target].filter((each) => each !== undefined);
    return points.length > 0 ? points : whole;
  };

  const look = (now: number, isForced: boolean) => {
    lookedAt = now;
    const wanted = fitted(focus(now), size, Math.min(MARGIN, size.width / 5, size.height / 5));
    const isFar =
      Math.hypot((wanted.x - camera.x) * camera.scale, (wanted.y - camera.y) * camera.scale) >
      size.width * 0.12;
    const ratioOfScales = wanted.scale / camera.scale;
    if (!isForced && !isFar && ratioOfScales < 1.3 && ratioOfScales > 0.85) return;
    if (reduced.matches || size.width <= 1) {
      camera = wanted;
      isStale = true;
    } else glide = { from: camera, to: wanted, since: now };
  };

  const paint = (now: number) => {
    if (glide) {
      const share = Math.min(1, (now - glide.since) / GLIDE_MS);
      camera = between(glide.from, glide.to, share);
      if (share >= 1) glide = undefined;
      isStale = true;
    }
    const colours = coloursOf(dark.matches);
    if (isStale) paintGround(below, ground, camera, size, ratio, colours.ground);
    isStale = false;
    clear(above, size, ratio);
    const drone = scene.drone && tracks.drawn(scene.drone.id, now);
    const [pickup, dropoff] = [point(scene.pickup), point(scene.dropoff)];
    const start = drone?.point ?? (scene.heading === undefined ? undefined : point(scene.base));
    const ahead = [start, scene.heading === 'dropoff' ? undefined : pickup, dropoff].filter(
      (each) => each !== undefined,
    );
    paintRoute(
      above,
      { ahead, trail: drone ? [...trail, drone.point] : trail },
      camera,
      size,
      colours.overlay,
    );
    const marks = (scene.fleet ?? []).flatMap((each) => {
      const drawn = tracks.drawn(each.id, now);
      return drawn ? [{ drone: each, drawn, isSelected: each.id === scene.selected }] : [];
    });
    paintFleet(above, marks, camera, size, colours.overlay);
    markers.place('pickup', pickup, camera, size);
    markers.place('dropoff', dropoff, camera, size);
    markers.drone(drone, scene.drone?.tone === 'lost', camera, size);
  };

  const loop = () => {
    frame = 0;
    const now = Date.now();
    const isDue = !reduced.matches || now - steppedAt >= REDUCED_STEP_MS || isStale;
    if (isDue) {
      steppedAt = now;
      paint(now);
      const hasLeft =
        scene.drone && !isShown(camera, size, tracks.drawn(scene.drone.id, now)?.point ?? camera, 24);
      if (isFollowing && !glide && (hasLeft || now - lookedAt > LOOK_MS)) look(now, false);
    }
    if (glide || tracks.isMoving(now) || isStale || !isDue) wake();
  };
  const wake = () => {
    if (frame === 0 && !isClosed) frame = requestAnimationFrame(loop);
  };
  const touch = () => {
    isStale = true;
    wake();
  };

  const resize = () => {
    const { clientWidth: width, clientHeight: height } = root;
    if (width === 0 || height === 0) return;
    size = { width, height };
    ratio = Math.min(2, devicePixelRatio || 1);
    for (const canvas of [elements.ground, elements.overlay]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    glide = undefined;
    if (isFollowing) camera = fitted(focus(Date.now()), size, Math.min(MARGIN, width / 5, height / 5));
    touch();
  };
  const observer = new ResizeObserver(resize);
  observer.observe(root);
  dark.addEventListener('change', touch);

  const byHand = (next: Camera) => {
    isFollowing = false;
    glide = undefined;
    camera = next;
    root.dataset['following'] = 'false';
    touch();
  };
  const removeGestures = addGestures(root, {
    onMove: (dx, dy) => byHand(moved(camera, dx, dy)),
    onZoom: (factor, at) => byHand(zoomed(camera, size, factor, at)),
    onClick: (at) => {
      const now = Date.now();
      const near = (scene.fleet ?? [])
        .map(({ id, tone }) => {
          const drawn = tracks.drawn(id, now);
          const place = drawn && toScreen(camera, size, drawn.point);
          return {
            id,
            tone,
            far: place ? Math.hypot(place.x - at.x, place.y - at.y) : Number.POSITIVE_INFINITY,
          };
        })
        .filter(({ far }) => far < REACH)
        .sort((a, b) => Number(b.tone === 'flying') - Number(a.tone === 'flying') || a.far - b.far)[0];
      if (near) options.onDrone(near.id);
      else options.onPlace(projection.toPosition(toGround(camera, size, at)));
    },
  });
  const recenter = () => {
    isFollowing = true;
    root.dataset['following'] = 'true';
    look(Date.now(), true);
    wake();
  };

  return {
    show: (next) => {
      const now = Date.now();
      const isOther = keyOf(next) !== keyOf(scene);
      if (next.drone?.id !== scene.drone?.id) trail = [];
      scene = next;
      tracks.update([...(next.drone ? [next.drone] : []), ...(next.fleet ?? [])], now);
      const newest = point(next.drone?.position);
      if (newest) trail = [...trail.slice(-LONGEST_TRAIL), newest];
      if (isOther && isFollowing) look(now, true);
      wake();
    },
    zoom: (factor) => byHand(zoomed(camera, size, factor, { x: size.width / 2, y: size.height / 2 })),
    recenter,
    close: () => {
      isClosed = true;
      cancelAnimationFrame(frame);
      observer.disconnect();
      dark.removeEventListener('change', touch);
      removeGestures();
      elements.markers.replaceChildren();
    },
  };
}

/** What makes the camera look anew: other places, another drone, another leg; not each sample. */
function keyOf({ pickup, dropoff, heading, drone, selected }: Scene): string {
  return JSON.stringify([pickup, dropoff, heading, drone?.id, selected]);
}
