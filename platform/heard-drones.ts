/**
 * Counts the drones that have been heard, without reading the whole fleet repeatedly.
 *
 * C1 A page whose drones have all been heard is not read again, so that a start with thousands of drones reads each page once or twice.
 * C2 When the end of the list is reached and drones are missing, it begins again: drones are registered while it counts.
 */

export interface DronePage {
  readonly drones: readonly { readonly state?: unknown }[];
  /** Absent on the last page. */
  readonly continuation?: string;
}

export type ReadPage = (continuation: string | undefined) => Promise<DronePage>;

/** @returns how many have been heard as far as it is known; `total` or more once all have */
export function createHeardCounter(readPage: ReadPage, total: number): () => Promise<number> {
  let passed = 0;
  let continuation: string | undefined;
  return async () => {
    for (;;) {
      const page = await readPage(continuation);
      const heard = page.drones.filter(({ state }) => state !== undefined).length;
      if (passed + heard >= total) return total;
      const isComplete = heard === page.drones.length;
      if (!isComplete) return passed + heard;
      if (page.continuation === undefined) {
        const known = passed + heard;
        [passed, continuation] = [0, undefined];
        return known;
      }
      passed += heard;
      ({ continuation } = page);
    }
  };
}
