/** Renders only the rows of a long list that are on the screen: thousands of elements would slow down the map. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export interface RowRange {
  /** Index of the first row to render, and of the first that is not. */
  readonly first: number;
  readonly end: number;
}

export interface ListPlace {
  /** Pixels from the top of the screen to the top of the list; below 0 when it is scrolled past. */
  readonly top: number;
  readonly screenHeight: number;
  readonly rowHeight: number;
  readonly count: number;
}

/** Number of rows rendered beyond the screen, for the keyboard and quick scrolling. */
const OVERSCAN = 8;

export function rowRange({ top, screenHeight, rowHeight, count }: ListPlace): RowRange {
  const first = Math.floor(-top / rowHeight) - OVERSCAN;
  const end = Math.ceil((screenHeight - top) / rowHeight) + OVERSCAN;
  const clamp = (index: number) => Math.min(count, Math.max(0, index));
  return { first: clamp(first), end: clamp(Math.max(first, end)) };
}

/** The rows to render. It follows the scrolling of any element, and the size of the screen. */
export function useRowWindow(
  list: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): RowRange {
  const [range, setRange] = useState<RowRange>({ first: 0, end: 0 });
  useEffect(() => {
    const measure = () => {
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const next = rowRange({ top, screenHeight: innerHeight, rowHeight, count });
      setRange((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    const stop = new AbortController();
    const options = { signal: stop.signal, passive: true };
    document.addEventListener('scroll', measure, { ...options, capture: true });
    addEventListener('resize', measure, options);
    measure();
    return () => stop.abort();
  }, [list, count, rowHeight]);
  return range;
}
