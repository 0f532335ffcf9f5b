/** Shows pickup, dropoff and the delivery's drone as elements: they stay crisp, and only the compositor moves them. */
import { type Camera, type Size, toScreen } from './camera.ts';
import type { Drawn } from './motion.ts';
import type { Point } from './projection.ts';
import type { SceneDrone } from './scene.ts';

export type MarkerKind = 'pickup' | 'dropoff' | 'drone';

const SVG = 'http://www.w3.org/2000/svg';
const PIN = 'M12 1C6.5 1 2 5.4 2 10.9 2 18.2 12 27 12 27s10-8.8 10-16.1C22 5.4 17.5 1 12 1Z';
const DRONE = 'M18 3 25 30 18 25.5 11 30Z';

export interface Markers {
  readonly place: (kind: 'pickup' | 'dropoff', point: Point | undefined, camera: Camera, size: Size) => void;
  readonly drone: (drawn: Drawn | undefined, tone: SceneDrone['tone'], camera: Camera, size: Size) => void;
}

export function createMarkers(parent: HTMLElement): Markers {
  const pins = { pickup: pin(parent, 'pickup', 'Pickup'), dropoff: pin(parent, 'dropoff', 'Dropoff') };
  const drone = element(parent, 'marker marker-drone');
  const pulse = document.createElement('i');
  const body = drawing('0 0 36 36', DRONE);
  drone.append(pulse, body);
  return {
    place: (kind, point, camera, size) => move(pins[kind], point, camera, size),
    drone: (drawn, tone, camera, size) => {
      move(drone, drawn?.point, camera, size);
      drone.classList.toggle('is-lost', tone === 'lost' || tone === 'stale');
      drone.classList.toggle('is-stale', tone === 'stale');
      if (drawn) body.style.transform = `rotate(${drawn.heading.toFixed(1)}deg)`;
    },
  };
}

function pin(parent: HTMLElement, kind: MarkerKind, text: string): HTMLElement {
  const made = element(parent, `marker marker-pin marker-${kind}`);
  const label = document.createElement('span');
  label.textContent = text;
  made.append(drawing('0 0 24 28', PIN), label);
  return made;
}

function element(parent: HTMLElement, className: string): HTMLElement {
  const made = document.createElement('div');
  made.className = className;
  made.hidden = true;
  parent.append(made);
  return made;
}

function drawing(viewBox: string, d: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', viewBox);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}

function move(marker: HTMLElement, point: Point | undefined, camera: Camera, size: Size): void {
  marker.hidden = point === undefined;
  if (!point) return;
  const { x, y } = toScreen(camera, size, point);
  marker.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px)`;
}
