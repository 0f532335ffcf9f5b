/** The server's clock, seen from here: a browser's own may be minutes off. */

export interface ServerClock {
  /** A sample: the server's time when it sent something, and ours when it came; ms. */
  readonly observe: (sentAt: number, receivedAt: number) => void;
  readonly now: (own: number) => number;
}

/** Samples that are looked back on; the clocks may drift. */
const WINDOW = 64;

/** The way here only ever makes a sample look older, so the largest of the recent differences is the nearest to the truth. */
export function createServerClock(): ServerClock {
  let differences: number[] = [];
  return {
    observe: (sentAt, receivedAt) => {
      differences = [...differences.slice(-WINDOW + 1), sentAt - receivedAt];
    },
    now: (own) => own + (differences.length > 0 ? Math.max(...differences) : 0),
  };
}
