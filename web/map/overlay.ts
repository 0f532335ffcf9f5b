/** Paints the planned route and the flown track of a delivery. */
import { type Camera, type Size, toScreen } from './camera.ts';
import type { Point } from './projection.ts';

export interface OverlayColours {
  readonly route: string;
  readonly trail: string;
  readonly flying: string;
  readonly idle: string;
  readonly lost: string;
  readonly stale: string;
  readonly halo: string;
}

export interface Route {
  /** The rest of the planned route, from the drone on. */
  readonly ahead: readonly Point[];
  readonly trail: readonly Point[];
}

export function clear(context: CanvasRenderingContext2D, size: Size, ratio: number): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
}

export function paintRoute(
  context: CanvasRenderingContext2D,
  { ahead, trail }: Route,
  camera: Camera,
  size: Size,
  colours: OverlayColours,
): void {
  context.lineCap = 'round';
  context.lineJoin = 'round';
  line(context, trail, camera, size, { colour: colours.trail, width: 4, dash: [] });
  line(context, ahead, camera, size, { colour: colours.halo, width: 5, dash: [] });
  line(context, ahead, camera, size, { colour: colours.route, width: 3, dash: [2, 7] });
}

function line(
  context: CanvasRenderingContext2D,
  points: readonly Point[],
  camera: Camera,
  size: Size,
  style: { readonly colour: string; readonly width: number; readonly dash: number[] },
): void {
  if (points.length < 2) return;
  context.setLineDash(style.dash);
  context.strokeStyle = style.colour;
  context.lineWidth = style.width;
  context.beginPath();
  points.forEach((point, index) => {
    const { x, y } = toScreen(camera, size, point);
    if (index === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  context.stroke();
  context.setLineDash([]);
}

/** A ring around the selected drone. */
export function paintSelection(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  colour: string,
): void {
  context.beginPath();
  context.arc(x, y, 16, 0, 7);
  context.lineWidth = 2.5;
  context.strokeStyle = colour;
  context.stroke();
}
