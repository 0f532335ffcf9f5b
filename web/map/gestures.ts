/** Handles fingers and mouse on the map: drag, pinch, wheel, click. */
import type { Point } from './projection.ts';

export interface GestureHandlers {
  readonly onMove: (dx: number, dy: number) => void;
  readonly onZoom: (factor: number, at: Point) => void;
  readonly onClick: (at: Point) => void;
}

/** A finger that moves less than this clicks, pixels. */
const CLICK_SLACK = 6;
const WHEEL_STEP = 0.0016;

/** Returns a function that removes the listeners. */
export function addGestures(element: HTMLElement, { onMove, onZoom, onClick }: GestureHandlers): () => void {
  const pointers = new Map<number, Point>();
  let travelled = 0;
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const inside = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const { left, top } = element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const span = () => {
    const [a, b] = [...pointers.values()];
    return a && b
      ? { length: Math.hypot(a.x - b.x, a.y - b.y), at: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } }
      : undefined;
  };

  element.addEventListener(
    'pointerdown',
    (event) => {
      if (event.button !== 0) return;
      if (pointers.size === 0) travelled = 0;
      pointers.set(event.pointerId, inside(event));
      element.setPointerCapture(event.pointerId);
    },
    options,
  );
  element.addEventListener(
    'pointermove',
    (event) => {
      const from = pointers.get(event.pointerId);
      if (!from) return;
      const to = inside(event);
      const before = span();
      pointers.set(event.pointerId, to);
      travelled += Math.hypot(to.x - from.x, to.y - from.y);
      const after = span();
      if (before && after) {
        travelled = Number.POSITIVE_INFINITY;
        onMove(after.at.x - before.at.x, after.at.y - before.at.y);
        onZoom(after.length / Math.max(1, before.length), after.at);
      } else if (travelled > CLICK_SLACK) onMove(to.x - from.x, to.y - from.y);
    },
    options,
  );
  element.addEventListener(
    'pointerup',
    (event) => {
      if (!pointers.delete(event.pointerId)) return;
      if (pointers.size === 0 && travelled <= CLICK_SLACK) onClick(inside(event));
    },
    options,
  );
  element.addEventListener('pointercancel', ({ pointerId }) => pointers.delete(pointerId), options);
  element.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      onZoom(Math.exp(-event.deltaY * WHEEL_STEP), inside(event));
    },
    { ...options, passive: false },
  );
  return () => stop.abort();
}
