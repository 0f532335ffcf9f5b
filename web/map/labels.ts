/** Paints the bases, and the names of places where there is room for them. */
import type { MapFeature } from '../../shared/geo/service-area/city-map.ts';
import { type Camera, isShown, type Size, toScreen } from './camera.ts';
import type { Palette } from './colours.ts';
import type { Point } from './projection.ts';

export interface Label {
  readonly kind: MapFeature['properties']['kind'];
  readonly text: string;
  readonly point: Point;
}

const FONT = '"Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif';

/** @param labels most important first: they take the room */
export function paintLabels(
  context: CanvasRenderingContext2D,
  labels: readonly Label[],
  camera: Camera,
  size: Size,
  colours: Palette,
): void {
  const taken: { left: number; right: number; top: number; bottom: number }[] = [];
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.strokeStyle = colours.halo;
  for (const { kind, text, point } of labels) {
    if (!isShown(camera, size, point, 0)) continue;
    const { x, y } = toScreen(camera, size, point);
    context.font = `${kind === 'water' ? 'italic ' : ''}${kind === 'base' ? 600 : 500} 12px ${FONT}`;
    const half = context.measureText(text).width / 2 + 4;
    const middle = kind === 'base' ? y + 17 : kind === 'place' ? y + 11 : y;
    const box = {
      left: x - half,
      right: x + half,
      top: kind === 'base' ? y - 10 : middle - 8,
      bottom: middle + 8,
    };
    const isFree = !taken.some(
      (other) =>
        box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top,
    );
    if (kind === 'base') paintBase(context, x, y, colours);
    if (kind === 'place' && isFree) dot(context, x, y, colours);
    if (!isFree) continue;
    taken.push(box);
    context.fillStyle =
      kind === 'water' ? colours.waterLabel : kind === 'park' ? colours.parkLabel : colours.label;
    context.strokeText(text, x, middle);
    context.fillText(text, x, middle);
  }
}

function paintBase(context: CanvasRenderingContext2D, x: number, y: number, colours: Palette): void {
  context.save();
  context.fillStyle = colours.base;
  context.strokeStyle = colours.halo;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(x - 9, y - 9, 18, 18, 5);
  context.fill();
  context.stroke();
  context.fillStyle = colours.halo;
  context.font = `700 12px ${FONT}`;
  context.fillText('H', x, y + 0.5);
  context.restore();
}

function dot(context: CanvasRenderingContext2D, x: number, y: number, colours: Palette): void {
  context.fillStyle = colours.label;
  context.beginPath();
  context.arc(x, y, 2.5, 0, 7);
  context.fill();
}
