/** Paints small pictures of drones once: a frame copies thousands of them instead of drawing thousands of paths. */
import type { OverlayColours } from './overlay.ts';
import type { SceneDrone } from './scene.ts';

export interface Sprites {
  readonly draw: (
    context: CanvasRenderingContext2D,
    drone: { readonly tone: SceneDrone['tone']; readonly heading: number },
    x: number,
    y: number,
  ) => void;
}

/** Pictures per turn: 7.5° apart, which is invisible on an arrow of 18 pixels. */
export const HEADINGS = 48;
/** Side of the square for a drone and its halo, CSS pixels. */
const SIZE = 24;

/** @param ratio device pixels per CSS pixel */
export function createSprites(colours: OverlayColours, ratio: number): Sprites {
  const painted = new Map<string, HTMLCanvasElement>();
  const spriteOf = (tone: SceneDrone['tone'], step: number) => {
    const key = `${tone}/${step}`;
    const known = painted.get(key);
    if (known) return known;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = Math.ceil(SIZE * ratio);
    const context = canvas.getContext('2d');
    if (context) {
      context.setTransform(ratio, 0, 0, ratio, canvas.width / 2, canvas.height / 2);
      paint(context, tone, (step / HEADINGS) * 2 * Math.PI, colours);
    }
    painted.set(key, canvas);
    return canvas;
  };
  return {
    draw: (context, { tone, heading }, x, y) => {
      const sprite = spriteOf(tone, headingStep(heading));
      // On whole device pixels, a copy needs no resampling.
      const [left, top] = [x - SIZE / 2, y - SIZE / 2].map((edge) => Math.round(edge * ratio) / ratio);
      context.drawImage(sprite, left as number, top as number, sprite.width / ratio, sprite.height / ratio);
    },
  };
}

/** The nearest of the painted headings. @param heading degrees, any turn */
export function headingStep(heading: number): number {
  const step = Math.round((heading / 360) * HEADINGS) % HEADINGS;
  return step < 0 ? step + HEADINGS : step + 0;
}

/** An arrow, or a cross for a drone out of contact, so that colour is not the only sign. */
function paint(
  context: CanvasRenderingContext2D,
  tone: SceneDrone['tone'],
  angle: number,
  colours: OverlayColours,
): void {
  context.lineJoin = context.lineCap = 'round';
  if (tone === 'lost') return paintCross(context, colours);
  context.rotate(angle);
  const reach = tone === 'idle' ? 6 : 9;
  context.beginPath();
  context.moveTo(0, -reach);
  context.lineTo(reach * 0.72, reach * 0.8);
  context.lineTo(0, reach * 0.42);
  context.lineTo(-reach * 0.72, reach * 0.8);
  context.closePath();
  context.lineWidth = 3;
  context.strokeStyle = colours.halo;
  context.stroke();
  context.fillStyle = colours[tone];
  context.fill();
}

function paintCross(context: CanvasRenderingContext2D, { halo, lost }: OverlayColours): void {
  for (const [colour, width] of [
    [halo, 7],
    [lost, 4],
  ] as const) {
    context.beginPath();
    context.moveTo(-6, -6);
    context.lineTo(6, 6);
    context.moveTo(6, -6);
    context.lineTo(-6, 6);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}
