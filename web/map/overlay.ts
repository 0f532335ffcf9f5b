/** Paints what changes: the way that is planned, the way that was flown, the fleet. */
import { type Camera, isShown, type Size, toScreen } from './camera.ts';
import type { Drawn } from './motion.ts';
import type { Point } from './projection.ts';
import type { SceneDrone } from './scene.ts';

export interface OverlayColours {
  readonly route: string;
  readonly trail: string;
  readonly flying: string;
  readonly idle: string;
  readonly lost: string;
  readonly halo: string;
}

export interface Route {
  /** What is still to be flown, from the drone on. */
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

export interface FleetMark {
  readonly drone: SceneDrone;
  readonly drawn: Drawn;
  readonly isSelected: boolean;
}

/** Idle drones of one base stand on each other: they are drawn small, those in the air large and on top. */
export function paintFleet(
  context: CanvasRenderingContext2D,
  marks: readonly FleetMark[],
  camera: Camera,
  size: Size,
  colours: OverlayColours,
): void {
  const order = { idle: 0, lost: 1, flying: 2 } as const;
  for (const { drone, drawn, isSelected } of [...marks].sort(
    (a, b) => order[a.drone.tone] - order[b.drone.tone],
  )) {
    if (!isShown(camera, size, drawn.point, -20)) continue;
    const { x, y } = toScreen(camera, size, drawn.point);
    if (isSelected) ring(context, x, y, colours[drone.tone]);
    context.save();
    context.translate(x, y);
    context.rotate((drawn.heading * Math.PI) / 180);
    context.beginPath();
    const reach = drone.tone === 'idle' ? 6 : 9;
    context.moveTo(0, -reach);
    context.lineTo(reach * 0.72, reach * 0.8);
    context.lineTo(0, reach * 0.42);
    context.lineTo(-reach * 0.72, reach * 0.8);
    context.closePath();
    context.lineWidth = 3;
    context.strokeStyle = colours.halo;
    context.stroke();
    context.fillStyle = colours[drone.tone];
    context.fill();
    context.restore();
  }
}

function ring(context: CanvasRenderingContext2D, x: number, y: number, colour: string): void {
  context.beginPath();
  context.arc(x, y, 16, 0, 7);
  context.lineWidth = 2.5;
  context.strokeStyle = colour;
  context.stroke();
}
