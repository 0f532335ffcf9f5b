/**
 * Requests a frame when there is something to draw, and sleeps when there is not.
 *
 * L1 No frame is requested while nothing moves and the loop was not woken.
 * L2 Two frames are at least `shortestMs` apart, unless the loop was woken urgently.
 */
export interface RenderLoop {
  /** @param isUrgent draws at the next frame, even within the shortest time */
  readonly wake: (isUrgent?: boolean) => void;
  readonly close: () => void;
}

export interface RenderLoopOptions {
  /** Draws. Returns whether something still moves. */
  readonly paint: (now: number) => boolean;
  readonly shortestMs: () => number;
  readonly now: () => number;
  readonly requestFrame: (callback: () => void) => number;
  readonly cancelFrame: (frame: number) => void;
}

export function createRenderLoop(options: RenderLoopOptions): RenderLoop {
  const { paint, shortestMs, now, requestFrame, cancelFrame } = options;
  let frame: number | undefined;
  let paintedAt = Number.NEGATIVE_INFINITY;
  let isUrgent = false;
  let isClosed = false;

  const request = () => {
    if (frame === undefined && !isClosed) frame = requestFrame(draw);
  };
  const draw = () => {
    frame = undefined;
    const time = now();
    if (!isUrgent && time - paintedAt < shortestMs()) return request();
    isUrgent = false;
    paintedAt = time;
    if (paint(time)) request();
  };
  return {
    wake: (urgent = false) => {
      isUrgent ||= urgent;
      request();
    },
    close: () => {
      isClosed = true;
      if (frame !== undefined) cancelFrame(frame);
    },
  };
}
