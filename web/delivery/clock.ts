/** Estimates the server's clock: a browser's clock may be minutes off. */

export interface ServerClock {
  /** Adds a sample: the server's time when it sent a message, and the browser's when it arrived; ms. */
  readonly observe: (sentAt: number, receivedAt: number) => void;
  readonly now: (own: number) => number;
}

/** Number of recent samples that count, since the clocks may drift. */
const WINDOW = 64;

/** The network only makes a sample look older, so the largest of the recent differences is the most accurate. */
export function createServerClock(): ServerClock {
  let differences: number[] = [];
  return {
    observe: (sentAt, receivedAt) => {
      differences = [...differences.slice(-WINDOW + 1), sentAt - receivedAt];
    },
    now: (own) => own + (differences.length > 0 ? Math.max(...differences) : 0),
  };
}
